/** Delivery status notifications: RFC 3464, with RFC 6533's for addresses in UTF-8. */
import type { EventType } from "../../core/delivery-state.ts";
import { type Fields, firstOf, mailboxOf, momentOf, rawOf } from "./fields.ts";
import type { InboundMail } from "./mail.ts";
import { diagnosesIn } from "./plain.ts";
import { codeOf, DIAGNOSTIC_MAX, type Said } from "./said.ts";

/**
 * RFC 3464 section 2.3.3. Relayed: handed on to where no more is reported. Expanded: the address
 * took it and is a list, whose members may still tell of failures.
 */
const ACTIONS: Readonly<Record<string, EventType>> = {
  failed: "bounced",
  delayed: "deferred",
  delivered: "delivered",
  relayed: "sent",
  expanded: "delivered",
};

/** What a status says without an action: its class (RFC 3463 section 2). */
const CLASSES: Readonly<Record<string, EventType>> = {
  "5": "bounced",
  "4": "deferred",
  "2": "delivered",
};

/** What a notification says of each recipient; none when it has nothing that can be read. */
export function deliveryEvents(mail: InboundMail): Said[] {
  const groups = mail.delivery ?? [];
  const recipients = groups.filter((fields) => typeOf(fields) !== null);
  const about = groups.find((fields) => fields.has("reporting-mta"));
  return recipients.flatMap((fields) => {
    const type = typeOf(fields);
    if (type === null) return [];
    const address = addressOf(fields);
    const text = diagnosticOf(fields) || spokenOf(mail, address, recipients.length);
    return {
      address,
      type,
      at: momentOf(firstOf(fields, "last-attempt-date")) || momentOf(firstOf(mail.header, "date")),
      code: codeOf(firstOf(fields, "status"), text),
      text: text.slice(0, DIAGNOSTIC_MAX),
      raw: {
        report: "delivery-status",
        recipient: rawOf(fields),
        message: about === undefined || about === fields ? {} : rawOf(about),
      },
    };
  });
}

function typeOf(fields: Fields): EventType | null {
  const action = /^[a-z]+/.exec(firstOf(fields, "action").toLowerCase())?.[0] ?? "";
  if (Object.hasOwn(ACTIONS, action)) return ACTIONS[action] ?? null;
  if (!fields.has("final-recipient") && !fields.has("original-recipient")) return null;
  return CLASSES[firstOf(fields, "status").trim()[0] ?? ""] ?? null;
}

/** As the message was addressed, where it is told; else where that has led. */
function addressOf(fields: Fields): string {
  return (
    mailboxOf(firstOf(fields, "original-recipient")) ||
    mailboxOf(firstOf(fields, "final-recipient"))
  );
}

/** Without its type: `smtp; 550 5.1.1 ...` (RFC 3464 section 2.3.6). */
const diagnosticOf = (fields: Fields): string =>
  firstOf(fields, "diagnostic-code").replace(/^\s*[a-z0-9-]+\s*;\s*/i, "");

/** What the text for people says, where the fields say nothing. */
function spokenOf({ text }: InboundMail, address: string, recipients: number): string {
  const told = diagnosesIn(text);
  const own = told.find((one) => one.address.toLowerCase() === address.toLowerCase());
  return own?.text ?? (recipients === 1 ? (told[0]?.text ?? "") : "");
}
