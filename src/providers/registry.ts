/** Every provider, by the name it has in the configuration. Adding one is one line here. */
import { z } from "zod";
import type { Lane } from "../core/custody.ts";
import type { Result } from "../core/result.ts";
import { brevo } from "./brevo/send.ts";
import { cloudflare } from "./cloudflare/send.ts";
import type { Hooks } from "./hooks.ts";
import { mailchannels } from "./mailchannels/send.ts";
import { mailgun } from "./mailgun/send.ts";
import { mailjet } from "./mailjet/send.ts";
import { mailpit } from "./mailpit/send.ts";
import { postmark } from "./postmark/send.ts";
import type { Provider, ProviderDefinition, ProviderDeps } from "./provider.ts";
import { resend } from "./resend/send.ts";
import { sandbox } from "./sandbox/send.ts";
import { sendgrid } from "./sendgrid/send.ts";
import { ses } from "./ses/send.ts";
import { smtp } from "./smtp/send.ts";
import { sparkpost } from "./sparkpost/send.ts";

const PROVIDERS = {
  sandbox,
  ses,
  resend,
  postmark,
  sendgrid,
  smtp,
  mailgun,
  brevo,
  sparkpost,
  mailjet,
  mailchannels,
  cloudflare,
  mailpit,
} as const;

type Name = keyof typeof PROVIDERS;
type Schemas = { [One in Name]: (typeof PROVIDERS)[One]["settings"] }[Name];

const schemas = Object.values(PROVIDERS).map(({ settings }) => settings);

/** A source as configured: the fields of its provider. */
export const sourceSettings = z.discriminatedUnion(
  "provider",
  schemas as unknown as [Schemas, ...Schemas[]],
);

export type SourceSettings = z.infer<typeof sourceSettings>;

/** The kinds of streams that a source of this provider may carry. */
export const lanesOf = (name: Name): readonly Lane[] => PROVIDERS[name].lanes;

/** Whether the events of a provider name a message by its own id only. */
export const isAnonymous = (name: Name): boolean => definitionOf(name).anonymous === true;

/** How a provider's events arrive; null: not by HTTP. */
export const hooksOf = (name: Name): Hooks | null => PROVIDERS[name].hooks;

// The name that selects the schema selects the definition: they are one entry of the table.
const definitionOf = (name: Name): ProviderDefinition<Schemas> =>
  PROVIDERS[name] as unknown as ProviderDefinition<Schemas>;

/** Makes the adapter of a source; an error is one sentence, such as a secret not set. */
export function createProvider(
  settings: SourceSettings,
  deps: ProviderDeps,
): Result<Provider, string> {
  return definitionOf(settings.provider).create(settings, deps);
}
