/** What the tests of the Workers runtime are told about the relays that run beside it. */

/** Ports of 127.0.0.1. */
export interface SmtpRelays {
  readonly user: string;
  readonly password: string;
  /** Offers STARTTLS, with the certificate for localhost. */
  readonly starttls: number;
  /** Speaks TLS from the start. */
  readonly implicit: number;
  /** Offers STARTTLS, with a certificate for another name. */
  readonly renamed: number;
  /** Offers AUTH in plain text, and no STARTTLS. */
  readonly stripped: number;
  /** `GET /NAME`: what a relay has had since the last such question. `POST`: a plan for it. */
  readonly control: string;
}

declare module "vitest" {
  interface ProvidedContext {
    readonly smtp: SmtpRelays;
  }
}
