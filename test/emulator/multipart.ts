/** Reads multipart/form-data (RFC 7578) strictly, for emulators of APIs that take forms. */
import type { ReceivedRequest } from "./emulator.ts";

/** One part of a form. */
export interface FormPart {
  readonly name: string;
  /** Undefined for a plain field. */
  readonly filename: string | undefined;
  readonly contentType: string | undefined;
  readonly bytes: Buffer;
  /** The content as UTF-8. */
  readonly text: string;
}

const DISPOSITION = /^content-disposition: form-data; name="([^"]*)"(?:; filename="([^"]*)")?$/i;

/** The parts in their order, or null when it is no such form or is malformed. */
export function readForm({ headers, bytes }: ReceivedRequest): FormPart[] | null {
  const type = String(headers["content-type"]);
  const boundary = /^multipart\/form-data; ?boundary="?([^";]{1,70})"?$/.exec(type)?.[1];
  if (boundary === undefined) return null;
  const delimiter = `--${boundary}`;
  const whole = bytes.toString("latin1");
  if (!whole.startsWith(`${delimiter}\r\n`)) return null;
  const end = whole.lastIndexOf(`\r\n${delimiter}--`);
  if (end < 0) return null;
  const parts: FormPart[] = [];
  const bodies = whole.slice(delimiter.length + 2, end).split(`\r\n${delimiter}\r\n`);
  for (const body of bodies) {
    const part = readPart(body);
    if (part === null) return null;
    parts.push(part);
  }
  return parts;
}

function readPart(latin1: string): FormPart | null {
  const split = latin1.indexOf("\r\n\r\n");
  if (split < 0) return null;
  const lines = Buffer.from(latin1.slice(0, split), "latin1").toString("utf8").split("\r\n");
  const disposition = DISPOSITION.exec(lines[0] ?? "");
  const name = disposition?.[1];
  if (name === undefined) return null;
  const bytes = Buffer.from(latin1.slice(split + 4), "latin1");
  return {
    name,
    filename: disposition?.[2],
    contentType: /^content-type: (.*)$/im.exec(lines.slice(1).join("\n"))?.[1],
    bytes,
    text: bytes.toString("utf8"),
  };
}

/** A form without what is random about it: its parts as JSON, files in base64. */
export function formWithoutBoundary(request: ReceivedRequest): string {
  const parts = readForm(request)?.map(({ bytes, text, ...rest }) => ({
    ...rest,
    content: rest.filename === undefined ? text : bytes.toString("base64"),
  }));
  return JSON.stringify(parts ?? null);
}
