/** The parts of a message: bodies, files, and the multiparts that hold them. */
import type { ComposableFile } from "./compose.ts";
import { base64Lines, encodeText, isSafe7bit } from "./encode.ts";
import { foldField } from "./fold.ts";
import {
  asciiName,
  type ContentType,
  OCTET_STREAM,
  parameter,
  readContentType,
} from "./parameters.ts";

/** The header fields of a part, and its lines after the empty one. */
export interface Part {
  readonly fields: readonly string[];
  readonly content: readonly string[];
}

/** What many callers leave out and mail programs show by; the rest is for the reader to tell. */
const TYPES: Readonly<Record<string, string>> = {
  pdf: "application/pdf",
  zip: "application/zip",
  json: "application/json",
  xml: "application/xml",
  doc: "application/msword",
  docx: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
  xls: "application/vnd.ms-excel",
  xlsx: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
  ppt: "application/vnd.ms-powerpoint",
  pptx: "application/vnd.openxmlformats-officedocument.presentationml.presentation",
  txt: "text/plain",
  csv: "text/csv",
  html: "text/html",
  ics: "text/calendar",
  png: "image/png",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  gif: "image/gif",
  webp: "image/webp",
  svg: "image/svg+xml",
  mp3: "audio/mpeg",
  mp4: "video/mp4",
};

/** RFC 5322 section 2.1.1 with the name of the field and the brackets. */
const IDENTIFIER_MAX = 900;

/** What can stand in the angle brackets of Message-ID and Content-ID; the rest is left out. */
export function identifier(text: string): string {
  return text.replace(/[^!-;=?-~]+/g, "").slice(0, IDENTIFIER_MAX);
}

/** A body in UTF-8. */
export function textPart(subtype: "plain" | "html", text: string, marker: string): Part {
  const { encoding, data } = encodeText(text, marker);
  return {
    fields: [
      `Content-Type: text/${subtype}; charset=utf-8`,
      `Content-Transfer-Encoding: ${encoding}`,
    ],
    content: [data],
  };
}

/** Parts under one boundary; `related` names the type of its first part (RFC 2387 section 3.1). */
export function multipart(
  subtype: "mixed" | "alternative" | "related",
  parts: readonly Part[],
  marker: string,
): Part {
  const boundary = `${marker}${subtype}`;
  const type = subtype === "related" ? [' type="text/html";'] : [];
  return {
    fields: [
      foldField("Content-Type", [` multipart/${subtype};`, ...type, ` boundary="${boundary}"`]),
    ],
    content: [...parts.flatMap((part) => [`--${boundary}`, ...writePart(part)]), `--${boundary}--`],
  };
}

/** The lines of a part: its fields, the empty line, its content. */
export function writePart(part: Part): string[] {
  return [...part.fields, "", ...part.content];
}

/**
 * A file: inline if it has a content id, else an attachment. Texts and messages are attachments in
 * any case, for readers take inline ones into the body; their content ids work all the same.
 */
export function attachmentPart(file: ComposableFile, marker: string): Part {
  const { type, parameters, encoding, data } = typed(file, marker);
  const id = identifier(file.contentId ?? "");
  const inline = id !== "" && !/^(?:text|message)\//.test(type);
  const own = parameters.filter(([name]) => !/^name(?:\*|$)/.test(name));
  const fallback = asciiName(file.filename);
  const inType = [...own, ...(fallback === "" ? [] : [["name", fallback] as const])];
  return {
    fields: [
      withParameters("Content-Type", type, inType),
      `Content-Transfer-Encoding: ${encoding}`,
      withParameters("Content-Disposition", inline ? "inline" : "attachment", [
        ["filename", file.filename],
      ]),
      ...(id === "" ? [] : [foldField("Content-ID", [` <${id}>`])]),
    ],
    content: [data],
  };
}

function withParameters(
  field: string,
  value: string,
  parameters: readonly (readonly [string, string])[],
): string {
  const groups = [[` ${value}`], ...parameters.map(([name, one]) => parameter(name, one))];
  const last = groups.length - 1;
  return foldField(
    field,
    groups.flatMap((tokens, index) =>
      index === last ? tokens : [...tokens.slice(0, -1), `${tokens.at(-1)};`],
    ),
  );
}

/**
 * The type and the transfer encoding of a file. A message may not be sent in base64 (RFC 2046
 * section 5.2, RFC 2045 section 6.4), and a multipart neither: a message goes as it is if that is
 * safe, else either is a file of octets, which arrives whole. `message/global` may (RFC 6532 3.7).
 */
function typed(file: ComposableFile, marker: string) {
  const given = typeOf(file);
  if (/^multipart\//.test(given.type)) {
    return { ...OCTET_STREAM, encoding: "base64", data: base64Lines(file.content) };
  }
  const lines = base64Lines(file.content);
  if (!/^message\/(?!global)/.test(given.type))
    return { ...given, encoding: "base64", data: lines };
  const message = atob(lines);
  return isSafe7bit(message, marker)
    ? { ...given, encoding: "7bit", data: message }
    : { ...OCTET_STREAM, encoding: "base64", data: lines };
}

function typeOf(file: ComposableFile): ContentType {
  if (file.contentType !== undefined) return readContentType(file.contentType) ?? OCTET_STREAM;
  const extension = /\.([a-zA-Z0-9]+)$/.exec(file.filename)?.[1]?.toLowerCase() ?? "";
  const known = Object.hasOwn(TYPES, extension) ? TYPES[extension] : undefined;
  return known === undefined ? OCTET_STREAM : { type: known, parameters: [] };
}
