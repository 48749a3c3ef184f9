/** Verifying recipients before a message is accepted, where a stream or a call asks for it. */
import type { Mailbox } from "../core/address.ts";
import type { Message } from "../deliver/accept.ts";
import type { AppContext } from "../edge/context.ts";
import { type ApiError, apiError } from "../edge/errors.ts";
import { refusals } from "../verify/gate.ts";
import type { Reason, VerifyMode } from "../verify/verdict.ts";

/** A message that may be accepted once its recipients have passed. */
export interface Checked {
  readonly message: Message;
  readonly verify: VerifyMode;
}

/** Why each message is refused, in their order; null: it is not. */
export async function gate(
  c: AppContext,
  checked: readonly Checked[],
): Promise<(ApiError | null)[]> {
  if (checked.every(({ verify }) => verify === "off")) return checked.map(() => null);
  const { scope } = c.get("caller");
  const deps = c.get("services").verify.gate(scope);
  const [cached, strict] = await Promise.all(
    (["cached", "strict"] as const).map(async (mode) => {
      const mine = checked.filter((one) => one.verify === mode);
      const addresses = [...new Set(mine.flatMap(({ message }) => addressesOf(message)))];
      const reasons = await refusals(scope, addresses, mode, deps);
      return new Map(addresses.map((address, index) => [address, reasons[index] ?? null]));
    }),
  );
  return checked.map(({ message, verify }) => {
    const reasons = verify === "cached" ? cached : verify === "strict" ? strict : undefined;
    return reasons === undefined ? null : refusalOf(message, reasons);
  });
}

/** As it is handed to a provider: the domain in A-labels, however it was written. */
const sentTo = ({ local, asciiDomain }: Mailbox): string => `${local}@${asciiDomain}`;

const addressesOf = ({ recipients }: Message): string[] =>
  recipients.map(({ mailbox }) => sentTo(mailbox));

/** The first refused recipient, named by its field, place and domain: an error has no address. */
function refusalOf(
  { recipients }: Message,
  reasons: ReadonlyMap<string, Reason | null>,
): ApiError | null {
  const places = { to: 0, cc: 0, bcc: 0 };
  for (const { kind, mailbox } of recipients) {
    places[kind] += 1;
    const reason = reasons.get(sentTo(mailbox)) ?? null;
    if (reason === null) continue;
    const which = `Recipient ${places[kind]} of \`${kind}\`, at ${mailbox.asciiDomain},`;
    return apiError("undeliverable_recipient", `${which} is undeliverable: ${reason}.`);
  }
  return null;
}
