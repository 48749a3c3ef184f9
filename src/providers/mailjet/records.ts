/** What Mailjet's own records say: whether it has a message of ours, and which domains are ours. */
import { ok, type Result } from "../../core/result.ts";
import { objectsIn } from "../answer.ts";
import { ask, basicAuth, unanswered } from "../http.ts";
import type { Found, SendDeps, Sought, Unanswered } from "../provider.ts";

/** How the API is reached. */
export interface Access {
  readonly base: string;
  readonly apiKey: string;
  readonly secretKey: string;
}

/** How far apart the two clocks may be: a message is sought from so long before it was made. */
const SINCE_MARGIN_MS = 86_400_000;
/** What Mailjet gives in one page at most, each sender about 300 bytes. */
const SENDERS_MAX = 1000;
const SENDERS_MAX_BYTES = 1_000_000;

/** The fields of a call that say who calls, and what must not come back of them. */
export const credentialsOf = ({ apiKey, secretKey }: Access) => ({
  headers: {
    Authorization: basicAuth(apiKey, secretKey),
    "Content-Type": "application/json",
  },
  secrets: [basicAuth(apiKey, secretKey), apiKey, secretKey],
});

/**
 * Looks for our id as CustomID (https://dev.mailjet.com/email/reference/messages/). "none" is
 * certain only after Mailjet has indexed the message, which takes seconds to minutes.
 */
export async function lookup(
  access: Access,
  { id, createdAt }: Sought,
  deps: SendDeps,
): Promise<Result<Found, Unanswered>> {
  const query = new URLSearchParams({
    CustomID: id,
    ShowCustomID: "true",
    FromTS: String(Math.floor((createdAt - SINCE_MARGIN_MS) / 1000)),
    Limit: "10",
  });
  const url = `${access.base}/v3/REST/message?${query}`;
  const asked = await ask({ service: "Mailjet", url, ...credentialsOf(access) }, deps);
  if (!asked.ok) return asked;
  const { Data } = asked.value;
  if (!Array.isArray(Data)) return unanswered("Mailjet answered without data");
  if (Data.length === 0) return ok({ kind: "none" });
  // Another message would mean that the filter was not understood.
  const ours = objectsIn(Data).find(({ CustomID }) => CustomID === id);
  if (typeof ours?.UUID !== "string" || ours.UUID === "") {
    return unanswered("Mailjet answered with other messages");
  }
  return ok({ kind: "accepted", providerMessageId: ours.UUID });
}

/**
 * The domains all of whose addresses are active senders
 * (https://dev.mailjet.com/email/reference/sender-addresses-and-domains/sender/).
 */
export async function identities(
  access: Access,
  deps: SendDeps,
): Promise<Result<readonly string[], Unanswered>> {
  const query = new URLSearchParams({ IsDomainSender: "true", Limit: String(SENDERS_MAX) });
  const url = `${access.base}/v3/REST/sender?${query}`;
  const request = { service: "Mailjet", url, answerMaxBytes: SENDERS_MAX_BYTES };
  const asked = await ask({ ...request, ...credentialsOf(access) }, deps);
  if (!asked.ok) return asked;
  return ok(
    objectsIn(asked.value.Data).flatMap(({ Email, Status }) => {
      const domain = /^\*@(.+)$/.exec(String(Email))?.[1];
      return Status === "Active" && domain !== undefined ? [domain.toLowerCase()] : [];
    }),
  );
}
