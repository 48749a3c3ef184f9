/** What accepting and the routes of links need beside the signer. */
import type { JournalBody } from "../core/custody.ts";

export interface LinkServices {
  /**
   * The origin under which a From domain's messages have their links: its own, that of all, or the
   * one that the request came to; null when none of them may be used in mail.
   */
  readonly base: (fromDomain: string, origin: string) => string | null;
  readonly journal: (body: JournalBody) => Promise<void>;
}
