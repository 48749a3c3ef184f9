/** Writes a message as DATA takes it (RFC 5321 sections 4.1.1.4 and 4.5.2). */

/** Characters written at once: few enough that an attempt's end is noticed between two. */
const CHUNK = 65_536;
/** Ends the text; a line end before it is part of the text. */
const END = ".\r\n";

/**
 * The text in chunks, the last of which holds the end of the data. A line that begins with a dot
 * gets another, and line ends are CR LF alone: a relay that takes a bare LF for a line end would
 * otherwise read a text's ".\n" as the end of the message, and what follows as another one.
 */
export function* dataChunks(text: string): Generator<{ chunk: string; last: boolean }> {
  for (let start = 0; start < text.length || start === 0; ) {
    const end = lineEndFrom(text, start);
    const last = end >= text.length;
    const lines = text
      .slice(start, end)
      .replace(/\r\n|\r|\n/g, "\r\n")
      .replace(/(^|\n)\./g, "$1..");
    const whole = lines === "" || lines.endsWith("\r\n") ? lines : `${lines}\r\n`;
    yield { chunk: last ? whole + END : whole, last };
    start = Math.max(end, start + 1);
  }
}

/** Where the line ends in which a chunk from `start` would. */
function lineEndFrom(text: string, start: number): number {
  const end = text.indexOf("\n", start + CHUNK);
  return end < 0 ? text.length : end + 1;
}
