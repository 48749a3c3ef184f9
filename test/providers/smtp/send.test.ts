import { smtp } from "../../../src/providers/smtp/send.ts";
import { providerContract } from "../../contract/provider.ts";
import type { Plan } from "../../emulator/emulator.ts";
import { CERTIFICATE, PASSWORD, smtpEmulator } from "../../emulator/smtp.ts";
import { nodeConnect } from "../../support/connect.ts";

type Phase = "connect" | "auth" | "mail" | "rcpt" | "end";

/** A relay's words to one phase, and what they must come to. */
const row = (name: Phase, status: number, message: string, outcome: object) => ({
  plan: { name, status, message } satisfies Plan,
  outcome,
});
const rejected = (fault: string, code: string) => ({ kind: "rejected", fault, code });
const failed = (retryable: boolean, code: string) => ({ kind: "failed", retryable, code });
const throttled = (retryAfterMs: number) => ({ kind: "throttled", retryAfterMs });
const [BUSY, MINUTE, HOUR] = [10_000, 60_000, 3_600_000];
const LEAK = `for <jane.roe@customer.example> "Jane Roe"@x.example ${PASSWORD}`;

providerContract("smtp", {
  definition: smtp,
  emulator: smtpEmulator,
  deduplicates: false,
  batches: true,
  transport: "other",
  unreadable: ["malformed", "cut", "oversized"],
  hastyMs: 1000,
  deps: () => ({ connect: nodeConnect(CERTIFICATE) }),
  errors: [
    row("connect", 421, "4.7.0 Too many connections", throttled(MINUTE)),
    row("connect", 421, "4.3.2 All server ports are busy", throttled(BUSY)),
    row("connect", 450, "4.3.2 Try later", failed(true, "4.3.2")),
    row("connect", 554, "5.7.1 Blocked by a list", failed(false, "5.7.1")),
    row("connect", 554, "No service", failed(false, "554")),
    row("auth", 535, `5.7.8 Authentication failed ${LEAK}`, rejected("account", "5.7.8")),
    row("auth", 534, "5.7.9 Application-specific password", rejected("account", "5.7.9")),
    row("auth", 535, "Incorrect authentication data", rejected("account", "535")),
    row("auth", 454, "4.7.0 Temporary authentication failure", failed(true, "4.7.0")),
    row("auth", 421, "4.7.0 Too many login attempts", throttled(MINUTE)),
    row("mail", 421, "4.3.2 Shutting down", throttled(BUSY)),
    row("mail", 450, "4.7.1 Error: too much mail from 192.0.2.1", throttled(MINUTE)),
    row("mail", 451, "4.7.0 Rate limit exceeded", throttled(MINUTE)),
    row("mail", 452, "4.3.1 Insufficient system storage", failed(true, "4.3.1")),
    row("mail", 450, "4.1.8 Domain of sender not found", failed(true, "4.1.8")),
    row("mail", 530, "5.7.0 Authentication required", rejected("account", "5.7.0")),
    row("mail", 535, "5.7.3 Authentication unsuccessful", rejected("account", "5.7.3")),
    row("mail", 538, "5.7.11 Encryption required", rejected("account", "5.7.11")),
    row("mail", 550, `5.1.0 Sender rejected ${LEAK}`, rejected("sender", "5.1.0")),
    row("mail", 550, "5.7.1 You may not send as that", rejected("sender", "5.7.1")),
    row("mail", 553, "5.1.8 Domain not found", rejected("sender", "5.1.8")),
    row("mail", 550, "5.4.5 Daily sending limit exceeded", throttled(HOUR)),
    row("mail", 552, "5.3.4 Message size exceeds fixed limit", rejected("content", "5.3.4")),
    row("mail", 552, "Message too large", rejected("content", "552")),
    row("mail", 555, "5.5.4 Unsupported option", failed(false, "5.5.4")),
    row("mail", 503, "Bad sequence of commands", failed(false, "503")),
    row("rcpt", 550, `5.1.1 User unknown ${LEAK}`, rejected("recipient", "5.1.1")),
    row("rcpt", 550, "No such user here", rejected("recipient", "550")),
    row("rcpt", 551, "5.1.6 User has moved", rejected("recipient", "5.1.6")),
    row("rcpt", 552, "5.2.2 Mailbox full", rejected("recipient", "5.2.2")),
    row("rcpt", 553, "5.1.3 Bad address syntax", rejected("recipient", "5.1.3")),
    row("rcpt", 556, "5.1.10 Null MX", rejected("recipient", "5.1.10")),
    row("rcpt", 550, "5.7.1 Recipient address rejected", rejected("recipient", "5.7.1")),
    row("rcpt", 554, "5.7.1 Relay access denied", rejected("account", "5.7.1")),
    row("rcpt", 550, "Relaying denied", rejected("account", "550")),
    row("rcpt", 550, "5.7.54 Unable to relay", rejected("account", "5.7.54")),
    row("rcpt", 530, "5.7.57 Client not authenticated", rejected("account", "5.7.57")),
    row("rcpt", 553, "5.7.1 Sender address rejected: not owned", rejected("sender", "5.7.1")),
    row("rcpt", 550, "5.7.60 May not send as this sender", rejected("sender", "5.7.60")),
    row("rcpt", 501, "5.5.2 Syntax error", failed(false, "5.5.2")),
    row("rcpt", 421, "4.7.0 Too many errors", throttled(MINUTE)),
    row("rcpt", 450, "4.2.1 Mailbox busy", failed(true, "4.2.1")),
    row("rcpt", 450, "4.7.1 Greylisted", failed(true, "4.7.1")),
    row("rcpt", 450, "4.7.1 Error: too many recipients from 192.0.2.1", throttled(MINUTE)),
    row("rcpt", 452, "4.5.3 Too many recipients", failed(true, "4.5.3")),
    row("rcpt", 450, "4.2.1 Receiving at a rate beyond its limit", failed(true, "4.2.1")),
    row("end", 421, "4.3.0 Shutting down", throttled(BUSY)),
    row("end", 451, "4.3.0 Queue file write error", failed(true, "4.3.0")),
    row("end", 452, "Insufficient system storage", failed(true, "452")),
    row("end", 550, "5.7.1 Rejected as spam", rejected("content", "5.7.1")),
    row("end", 552, "5.7.0 Blocked for its attachment", rejected("content", "5.7.0")),
    row("end", 552, "5.3.4 Message too big", rejected("content", "5.3.4")),
    row("end", 552, "5.2.3 Message too long", rejected("content", "5.2.3")),
    row("end", 554, `Transaction failed ${LEAK}`, rejected("content", "554")),
    row("end", 550, "5.6.0 Lone CR or LF", rejected("content", "5.6.0")),
    row("end", 550, "5.1.1 User unknown", rejected("recipient", "5.1.1")),
    row("end", 550, "5.1.7 Bad sender", rejected("sender", "5.1.7")),
    row("end", 554, "5.3.0 Other mail system problem", failed(false, "5.3.0")),
    row("end", 554, "5.4.6 Too many hops", failed(false, "5.4.6")),
    row("end", 554, "5.5.1 No valid recipients", failed(false, "5.5.1")),
    row("end", 554, "5.2.0 SubmissionQuotaExceededException", throttled(HOUR)),
    row("end", 550, "4.3.0 A class that contradicts", rejected("content", "550")),
  ],
});
