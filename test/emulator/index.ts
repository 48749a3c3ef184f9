/** Every provider's emulator, by the provider's name in the configuration. */
import type { ProviderEmulator } from "./emulator.ts";
import { resendEmulator } from "./resend.ts";

export const EMULATORS: Readonly<Record<string, ProviderEmulator>> = {
  resend: resendEmulator,
};
