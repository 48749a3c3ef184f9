/**
 * Reads the fields of multipart/form-data (RFC 7578). `Response.formData()` does it as well, but
 * later, and it refuses a whole form for one file that it does not like.
 */

/** Bytes of one part's header: a name and a type. */
const HEADER_MAX = 4_096;

/** Characters of a boundary (RFC 2046 section 5.1.1). */
const BOUNDARY = /;\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i;

const DISPOSITION = /^content-disposition:\s*form-data\b([^\r\n]*)/im;
const NAME = /;\s*name=(?:"([^"]*)"|([^\s;"]+))/i;
const FILE = /;\s*filename\*?=/i;

/**
 * The fields in their order, files left out: names and values in UTF-8. Null when it is no such
 * form, when it has more than `fieldsMax` parts, or when it does not end.
 *
 * @param contentType the header's value, with the boundary
 */
export function multipartOf(
  body: Uint8Array,
  contentType: string,
  fieldsMax: number,
): [name: string, value: string][] | null {
  const match = BOUNDARY.exec(contentType);
  const boundary = match?.[1] ?? match?.[2];
  if (boundary === undefined) return null;
  // One character a byte, so that places in the text are places in the body.
  const whole = new TextDecoder("latin1").decode(body);
  const delimiter = `--${boundary}`;
  const fields: [string, string][] = [];
  let at = whole.startsWith(delimiter) ? 0 : whole.indexOf(`\r\n${delimiter}`) + 2;
  if (at === 1) return null;
  for (let parts = 0; parts <= fieldsMax; parts++) {
    const start = at + delimiter.length;
    if (whole.startsWith("--", start)) return fields;
    const head = whole.indexOf("\r\n", start) + 2;
    const next = whole.indexOf(`\r\n${delimiter}`, head - 2);
    if (head === 1 || next < 0) return null;
    const field = fieldOf(whole, head, next, body);
    if (field !== null) fields.push(field);
    at = next + 2;
  }
  return null;
}

/** One part between two places; null for a file, and for what has no name. */
function fieldOf(
  whole: string,
  start: number,
  end: number,
  body: Uint8Array,
): [string, string] | null {
  const split = whole.slice(start, Math.min(end, start + HEADER_MAX)).indexOf("\r\n\r\n");
  if (split < 0) return null;
  const header = utf8(body.subarray(start, start + split));
  const given = DISPOSITION.exec(header)?.[1] ?? "";
  const name = NAME.exec(given);
  if (name === null || FILE.test(given)) return null;
  return [unquoted(name[1] ?? name[2] ?? ""), utf8(body.subarray(start + split + 4, end))];
}

const utf8 = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** A quote in a name is written as %22 (HTML, multipart/form-data). */
const unquoted = (name: string): string => name.replace(/%22/g, '"');
