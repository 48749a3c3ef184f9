/** The fields of a message's header that hold text or tokens. */
import { foldField, LINE_AIM, LINE_MAX, oneLine } from "./fold.ts";
import { encodedWords } from "./words.ts";

/** RFC 5322 section 3.6.8, short enough to leave room for a value on the line. */
const FIELD_NAME = /^[!-9;-~]{1,76}$/;
/** A longer token is split, so that with its name or white space it is within `LINE_MAX`. */
const TOKEN_MAX = 900;

/**
 * Fields whose value is more than text: URIs in angle brackets (RFC 2369, RFC 2919, RFC 5064),
 * message ids (RFC 5322 3.6.4), addresses. In them, a new line may go after a comma.
 */
const STRUCTURED: ReadonlySet<string> = new Set([
  ...["list-help", "list-unsubscribe", "list-unsubscribe-post", "list-subscribe", "list-post"],
  ...["list-owner", "list-archive", "list-id", "archived-at", "in-reply-to", "references"],
  ...["supersedes", "keywords", "disposition-notification-to", "return-receipt-to", "errors-to"],
  ...["mail-followup-to", "mail-reply-to"],
]);

/** Whether a text can be the name of a header field. */
export function isFieldName(name: string): boolean {
  return FIELD_NAME.test(name);
}

/**
 * A field that a caller set. Text comes back as given: what RFC 5322 cannot say plainly goes into
 * encoded-words, and so does what looks like one. In a structured field, lines break at white space
 * and after commas, names are encoded, and URIs are percent-encoded (RFC 3987 section 3.1).
 */
export function callerField(name: string, value: string): string {
  return STRUCTURED.has(name.toLowerCase()) ? structuredField(name, value) : textField(name, value);
}

/** An unstructured field, such as Subject. */
export function textField(name: string, value: string): string {
  const text = oneLine(value);
  if (isPlain(text, LINE_AIM - name.length - 2)) return foldField(name, spaced(text));
  const words = encodedWords(text, name.length + 1);
  return foldField(
    name,
    words.map((word) => ` ${word}`),
  );
}

/**
 * A field that a provider reads: lines break only where the value has white space, and printable
 * ASCII is never encoded, for what reads it need not decode encoded-words.
 */
export function opaqueField(name: string, value: string): string {
  const text = oneLine(value).trim();
  if (!isAscii(text)) return textField(name, text);
  return foldField(name, spaced(text).flatMap(shortened));
}

/** Whether an unstructured value is read back equal as it is; `room` is that of its first line. */
function isPlain(text: string, room: number): boolean {
  if (!isAscii(text) || text.includes("=?") || text.trim() !== text) return false;
  // Some readers make one space of a line break and the spaces after it.
  if (text.includes("  ") && text.length > room) return false;
  return text.split(" ").every((one) => one.length <= TOKEN_MAX);
}

function isAscii(text: string): boolean {
  return !/[^ -~]/.test(text);
}

/** Words with the spaces before them, for a line may begin with any number of them. */
function spaced(text: string): string[] {
  return text === "" ? [] : (` ${text}`.match(/ +[^ ]+/g) ?? []);
}

function structuredField(name: string, value: string): string {
  const parts = oneLine(value)
    .trim()
    .split(/(<[^<>]*>)/);
  const ascii = parts.map((part, index) => {
    if (isAscii(part)) return part;
    return index % 2 === 1 ? percentEncoded(part) : phrases(part);
  });
  const tokens = ` ${ascii.join("").trim()}`.match(LIST_TOKEN) ?? [];
  return foldField(name, tokens.flatMap(shortened));
}

/**
 * Up to a comma or white space, neither of which ends a bracketed URI or a quoted string. A string
 * that is not closed is one to the end, so that no part of a value is gone through twice.
 */
const LIST_TOKEN = /[ \t]*(?:<[^<>]*>|"(?:[^"\\]|\\.?)*(?:"|$)|[^ \t,])+,?|[ \t]*,/g;

function percentEncoded(text: string): string {
  return text.replace(/[^!-~]+/g, (run) => encodeURIComponent(run));
}

/** Names outside angle brackets, quoted or not, with commas between them. */
function phrases(text: string): string {
  const pieces = text.match(/"(?:[^"\\]|\\.?)*(?:"|$)|,|[^",]+/gs) ?? [];
  const encoded = pieces.map((piece) => !isAscii(piece));
  // One space on each side of encoded-words, whatever was there.
  const written = pieces.map((piece, index) => {
    if (encoded[index]) return `${encoded[index - 1] ? "" : " "}${phrase(piece.trim())} `;
    const start = encoded[index - 1] ? piece.trimStart() : piece;
    return encoded[index + 1] ? start.trimEnd() : start;
  });
  return written.join("");
}

/** A name, without its quotes if it has them, in encoded-words. */
function phrase(name: string): string {
  const bare = name.startsWith('"') ? name.replace(/^"|"$/g, "").replace(/\\(.)/gs, "$1") : name;
  return encodedWords(bare, LINE_MAX).join(" ");
}

/**
 * The last resort for a token that no line can hold. Inside the angle brackets of the List- fields,
 * readers ignore white space (RFC 2369 section 2).
 */
function shortened(token: string): string[] {
  if (token.length <= TOKEN_MAX) return [token];
  const pieces: string[] = [];
  for (let at = 0; at < token.length; at += TOKEN_MAX) {
    const piece = token.slice(at, at + TOKEN_MAX);
    pieces.push(at === 0 ? piece : ` ${piece}`);
  }
  return pieces;
}
