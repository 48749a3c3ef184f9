/** Codes of SMTP in a text that somebody else wrote: "smtp;550 5.1.1 no such user". */

/** Characters that are read: a diagnostic has its codes in front. */
const READ_MAX = 2_000;

/** RFC 3463 section 2; not a part of an address, a version or a longer number. */
const ENHANCED = /(?<![\d.\w-])([245]\.\d{1,3}\.\d{1,3})(?![\d\w-]|\.\d)/;

/** RFC 5321 section 4.2.1, at the beginning, after a separator, or as "SMTP error ... 550". */
const REPLY = /(?<![\d.\w-])([245]\d\d)(?=[\s\-#:;,)\]]|$)/;

/** The first enhanced status code (RFC 3463) in a text, null when there is none. */
export function enhancedCodeOf(text: string): string | null {
  return ENHANCED.exec(text.slice(0, READ_MAX))?.[1] ?? null;
}

/** The first SMTP reply code in a text, null when there is none. */
export function replyCodeOf(text: string): number | null {
  const code = REPLY.exec(text.slice(0, READ_MAX))?.[1];
  return code === undefined ? null : Number(code);
}
