/** Every provider's emulator, by the provider's name in the configuration. */
import { brevoEmulator } from "./brevo.ts";
import { cloudflareEmulator } from "./cloudflare.ts";
import type { ProviderEmulator } from "./emulator.ts";
import { mailchannelsEmulator } from "./mailchannels.ts";
import { mailgunEmulator } from "./mailgun.ts";
import { mailjetEmulator } from "./mailjet.ts";
import { mailpitEmulator } from "./mailpit.ts";
import { postmarkEmulator } from "./postmark.ts";
import { resendEmulator } from "./resend.ts";
import { sendgridEmulator } from "./sendgrid.ts";
import { sesEmulator } from "./ses.ts";
import { smtpEmulator } from "./smtp.ts";
import { sparkpostEmulator } from "./sparkpost.ts";

export const EMULATORS: Readonly<Record<string, ProviderEmulator>> = {
  ses: sesEmulator,
  resend: resendEmulator,
  postmark: postmarkEmulator,
  sendgrid: sendgridEmulator,
  smtp: smtpEmulator,
  mailgun: mailgunEmulator,
  brevo: brevoEmulator,
  sparkpost: sparkpostEmulator,
  mailjet: mailjetEmulator,
  mailchannels: mailchannelsEmulator,
  cloudflare: cloudflareEmulator,
  mailpit: mailpitEmulator,
};
