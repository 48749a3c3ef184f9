/** What two readers in wide use make of a message. */
import { type ParsedMail, simpleParser } from "mailparser";
import PostalMime, { type Address } from "postal-mime";
import type { Meaning, Person } from "./meaning.ts";
import { decodeText } from "./read.ts";

/** A message as `postal-mime` reads it, its caller headers by the names asked for. */
export async function byPostalMime(raw: string, names: readonly string[]): Promise<Meaning> {
  const mail = await PostalMime.parse(raw, { rfc822Attachments: true });
  const people = (list: readonly (Address | undefined)[] = []) =>
    list.map((one) => ({ name: one?.name ?? "", address: one?.address ?? "" }));
  const header = (name: string) =>
    mail.headers.find(({ key }) => key === name.toLowerCase())?.value ?? "";
  return {
    from: people([mail.from]),
    to: people(mail.to),
    cc: people(mail.cc),
    replyTo: people(mail.replyTo),
    subject: mail.subject ?? "",
    messageId: (mail.messageId ?? "").replace(/^<|>$/g, ""),
    date: Date.parse(mail.date ?? ""),
    text: mail.text ?? "",
    html: mail.html ?? "",
    headers: Object.fromEntries(
      names.map((name) => [name.toLowerCase(), decodeText(header(name))]),
    ),
    files: mail.attachments.map((one) => ({
      filename: one.filename ?? "",
      type: one.mimeType,
      contentId: (one.contentId ?? "").replace(/^<|>$/g, ""),
      base64: Buffer.from(one.content as Uint8Array).toString("base64"),
    })),
  };
}

/** A message as `mailparser` reads it. */
export async function byMailparser(raw: string, names: readonly string[]): Promise<Meaning> {
  const mail = await simpleParser(raw, {
    skipHtmlToText: true,
    skipTextToHtml: true,
    skipImageLinks: true,
  });
  const people = (list: ParsedMail["to"]): Person[] =>
    [list ?? []]
      .flat()
      .flatMap(({ value }) => value)
      .map((one) => ({ name: one.name, address: one.address ?? "" }));
  const line = (name: string) =>
    mail.headerLines.find(({ key }) => key === name.toLowerCase())?.line ?? "";
  return {
    from: people(mail.from),
    to: people(mail.to),
    cc: people(mail.cc),
    replyTo: people(mail.replyTo),
    subject: mail.subject ?? "",
    messageId: (mail.messageId ?? "").replace(/^<|>$/g, ""),
    date: mail.date?.getTime() ?? Number.NaN,
    text: mail.text ?? "",
    html: mail.html || "",
    headers: Object.fromEntries(
      names.map((name) => {
        const value = line(name)
          .slice(name.length + 1)
          .replace(/\r?\n(?=[ \t])/g, "");
        return [name.toLowerCase(), decodeText(value.trim())];
      }),
    ),
    files: mail.attachments.map((one) => ({
      filename: one.filename ?? "",
      type: one.contentType,
      contentId: one.cid ?? "",
      base64: one.content.toString("base64"),
    })),
  };
}
