/**
 * One provider's emulator as a child process: `fork(serve.ts, [NAME])`. Its first message is what a
 * source needs to reach it; to each "truth" it answers what it has accepted.
 */
import { lanesOf } from "../../src/providers/registry.ts";
import { EMULATORS } from "./index.ts";

const name = process.argv[2] ?? "";
const emulated = Object.hasOwn(EMULATORS, name) ? EMULATORS[name] : undefined;

function say(message: object): void {
  process.send?.(message);
}

if (emulated === undefined) {
  const names = Object.keys(EMULATORS).join(", ");
  say({ error: `There is no provider "${name}" to emulate; there are: ${names}.` });
  process.disconnect();
} else {
  const emulator = await emulated.start();
  const source = emulated.source(emulator.url);
  const { inline = true, certificate = null } = emulated;
  const beside = emulated.worker?.(emulator.url);
  const lanes = lanesOf(source.settings.provider as Parameters<typeof lanesOf>[0]);
  say({ ...source, lanes, inline, certificate, beside });
  process.on("message", () => {
    const { accepted, doubled, requests } = emulator.counts();
    say({ accepted: accepted.length, doubled, calls: requests });
  });
  process.on("disconnect", () => process.exit(0));
}
