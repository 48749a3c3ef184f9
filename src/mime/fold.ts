/** Writing one header field in lines: RFC 5322 section 2.2.3, with CRLF. */

/** RFC 2047 section 2 for lines with encoded-words; just below the 78 of RFC 5322 2.1.1. */
export const LINE_AIM = 76;
/** RFC 5322 section 2.1.1, in octets without the CRLF. */
export const LINE_MAX = 998;

/**
 * Writes a field in lines of at most 76 characters where its tokens allow it.
 *
 * @param tokens what must stay on one line each, with the white space before it; a token without
 *   any gets one space if it begins a line. None is longer than 900 characters.
 */
export function foldField(name: string, tokens: readonly string[]): string {
  const lines: string[] = [];
  let line = `${name}:`;
  for (const token of tokens) {
    const indented = /^[ \t]/.test(token) ? token : ` ${token}`;
    // A token too long for any line of 76 stays beside the name: some readers take a first line
    // that ends at the colon for an empty field.
    const first = lines.length === 0 && line === `${name}:`;
    const apart = first && indented.length > LINE_AIM && line.length + token.length <= LINE_MAX;
    if (line.length + token.length <= LINE_AIM || apart) {
      line += token;
    } else {
      lines.push(line);
      line = indented;
    }
  }
  lines.push(line);
  return lines.join("\r\n");
}

/**
 * A text as one line for a header field: line breaks and other controls but TAB become spaces (a
 * CRLF one), so that nothing in it can begin a field; lone surrogates become U+FFFD.
 */
export function oneLine(text: string): string {
  return text.toWellFormed().replace(/\r\n|(?!\t)\p{Cc}/gu, " ");
}
