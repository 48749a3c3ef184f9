/** The domains that an account may send from. */
import { ok, type Result } from "../../core/result.ts";
import { ask, unanswered } from "../http.ts";
import type { SendDeps, Unanswered } from "../provider.ts";
import { type Signing, secretsOf, signed } from "./sign.ts";

/** The most that SES gives in a page. */
const PAGE_SIZE = 1000;
/** 10,000 identities are all that SES keeps of a region, so ten full pages are the whole of it. */
const PAGES_MAX = 10;
/** A page of a thousand of the longest names, at under 500 bytes each. */
const PAGE_MAX_BYTES = 500_000;

/**
 * The verified domains, lower-cased, from as many pages as there are, ten at most. Identities that
 * are a single address are not among them.
 * https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_ListEmailIdentities.html
 */
export async function identities(
  base: string,
  signing: Signing,
  deps: SendDeps,
): Promise<Result<readonly string[], Unanswered>> {
  const domains: string[] = [];
  let token: string | null = null;
  for (let page = 0; page < PAGES_MAX; page++) {
    const query = new URLSearchParams({ PageSize: String(PAGE_SIZE) });
    if (token !== null) query.set("NextToken", token);
    const url = `${base}/v2/email/identities?${query}`;
    const answer = await ask(
      {
        service: "SES",
        url,
        headers: await signed({ method: "GET", url }, signing, deps.now()),
        answerMaxBytes: PAGE_MAX_BYTES,
        secrets: secretsOf(signing),
      },
      deps,
    );
    if (!answer.ok) return answer;
    const { EmailIdentities: list, NextToken: next } = answer.value;
    if (!Array.isArray(list)) return unanswered("SES answered without a list");
    domains.push(...domainsIn(list));
    if (typeof next !== "string" || next === "") break;
    token = next;
  }
  return ok(domains);
}

function domainsIn(list: readonly unknown[]): string[] {
  return (list as readonly (Readonly<Record<string, unknown>> | null)[]).flatMap((one) =>
    one?.IdentityType === "DOMAIN" &&
    one.SendingEnabled === true &&
    typeof one.IdentityName === "string"
      ? [one.IdentityName.toLowerCase()]
      : [],
  );
}
