/**
 * What composing a message costs: ours beside nodemailer's `mail-composer`, in turn, in this one
 * process. The same messages, both to the last byte; medians of rounds.
 */
import { compose } from "../../src/mime/compose.ts";
import type { OutgoingMessage } from "../../src/providers/provider.ts";
import { FULL, mailbox, outgoing } from "../contract/messages.ts";
import { byNodemailer } from "../support/mime/nodemailer.ts";
import { machine } from "./harness.ts";
import type { Report } from "./report.ts";
import { median, round } from "./stats.ts";

const ROUNDS = 15;
/** Enough of each that a round lasts some tens of milliseconds. */
const CASES: Readonly<
  Record<string, { readonly times: number; readonly message: OutgoingMessage }>
> = {
  "short text": { times: 200, message: outgoing() },
  "every field": { times: 100, message: FULL },
  "50 recipients": {
    times: 100,
    message: outgoing({
      to: Array.from({ length: 50 }, (_, n) => mailbox(`Jürgen ${n} <j${n}@customer.example>`)),
    }),
  },
  "200 KB of HTML": {
    times: 5,
    message: outgoing({ html: "<p>Grüße, Welt.</p>\n".repeat(10_000) }),
  },
  "5 MB attached": {
    times: 1,
    message: outgoing({
      attachments: [{ filename: "a.bin", content: Buffer.alloc(5_000_000, 7).toString("base64") }],
    }),
  },
};

type Composer = (message: OutgoingMessage) => unknown;

async function millisecondsOf(run: Composer, message: OutgoingMessage, times: number) {
  const started = performance.now();
  for (let n = 0; n < times; n++) await run(message);
  return (performance.now() - started) / times;
}

/** Runs the bench; `log` takes its progress. */
export async function bench(log: (line: string) => void): Promise<Report> {
  const figures: Record<string, { ours_ms: number; nodemailer_ms: number; ratio: number }> = {};
  for (const [name, { times, message }] of Object.entries(CASES)) {
    log(name);
    const ours: number[] = [];
    const others: number[] = [];
    const run = async (n: number): Promise<void> => {
      // The one that goes first pays for the other's garbage: they take turns.
      const order = n % 2 === 0 ? [ours, others] : [others, ours];
      for (const list of order) {
        list.push(await millisecondsOf(list === ours ? compose : byNodemailer, message, times));
      }
    };
    await run(0);
    ours.length = others.length = 0;
    for (let n = 0; n < ROUNDS; n++) await run(n);
    const ratios = ours.map((one, index) => (others[index] ?? Number.NaN) / one);
    figures[name] = {
      ours_ms: round(median(ours), 3),
      nodemailer_ms: round(median(others), 3),
      ratio: round(median(ratios), 2),
    };
  }
  return {
    title: "composing one message, milliseconds",
    columns: ["", "ours", "nodemailer", "times as fast"],
    rows: Object.entries(figures).map(([name, one]) => [
      name,
      one.ours_ms,
      one.nodemailer_ms,
      one.ratio,
    ]),
    notes: [`medians of ${ROUNDS} rounds in turn, one process`],
    json: { ...figures, machine: machine() },
  };
}
