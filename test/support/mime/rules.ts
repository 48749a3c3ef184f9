/** What is true of every composed message, whatever it holds, by the RFCs named at each rule. */
import {
  allParts,
  contentOf,
  decodeWord,
  encodedWordsIn,
  leavesOf,
  type ReadPart,
  readPart,
} from "./read.ts";

/** RFC 5322 section 3.6: fields of which there is one at most; a Bcc is never sent. */
const ONCE = ["date", "from", "subject", "message-id", "mime-version", "content-type"];
const AT_MOST_ONCE = ["reply-to", "to", "cc", "sender", "content-transfer-encoding"];

/** What breaks a rule in a message, one sentence each. */
export function broken(raw: string, expectedFields: readonly string[]): string[] {
  const problems = brokenLines(raw);
  try {
    const root = readPart(raw);
    const headers = allParts(root).map(({ header }) => header);
    problems.push(...headers.flatMap(brokenFolding), ...headers.flatMap(brokenWords));
    problems.push(...brokenHeader(root, expectedFields), ...brokenParts(root, raw));
    for (const leaf of leavesOf(root)) contentOf(leaf);
  } catch (error) {
    problems.push((error as Error).message);
  }
  return problems;
}

/** RFC 5322 section 2.1.1 and 2.2.3. */
function brokenLines(raw: string): string[] {
  const problems: string[] = [];
  if (/\r(?!\n)|(?<!\r)\n/.test(raw)) problems.push("a CR or LF by itself");
  if (raw.includes("\0")) problems.push("a NUL");
  if (!raw.endsWith("\r\n")) problems.push("the last line has no end");
  for (const line of raw.split("\r\n")) {
    if (Buffer.byteLength(line) > 998) problems.push(`a line of ${line.length}`);
  }
  return problems;
}

/** RFC 5322 section 2.2.3 and 3.2.2: a longer line holds nothing where it could be folded. */
function brokenFolding(header: string): string[] {
  const problems: string[] = [];
  for (const line of header.split("\r\n")) {
    if (line.trim() === "") problems.push("a header line of white space");
    const words = line
      .trim()
      .replace(/"(?:[^"\\]|\\.)*"/g, '""')
      .split(/[ \t]+/);
    const tokens = /^[!-9;-~]+:$/.test(words[0] ?? "") ? words.slice(1) : words;
    if (line.length > 78 && tokens.length > 1) problems.push(`not folded: ${line}`);
  }
  return problems;
}

/** RFC 2047 section 2 and 5 (3); an address holds none, quoted or in angle brackets. */
function brokenWords(header: string): string[] {
  const problems: string[] = [];
  for (const line of header.split("\r\n")) {
    const outside = line
      .replace(/^[!-9;-~]+:/, "")
      .replace(/<[^<>]*>|(?:"(?:[^"\\]|\\.)*"|[^\s<>]+)@/g, " ");
    const words = encodedWordsIn(outside);
    if (words.length > 0 && line.length > 76) problems.push(`an encoded-word in ${line}`);
    for (const word of words) {
      if (word.length > 75) problems.push(`an encoded-word of ${word.length}`);
      try {
        decodeWord(word);
      } catch {
        problems.push(`an encoded-word that does not stand alone: ${word}`);
      }
    }
    const apart = outside.split(/[ \t,]+/).filter((one) => one.includes("=?"));
    if (apart.some((one) => !words.includes(one)))
      problems.push(`an encoded-word within a word: ${line}`);
  }
  return problems;
}

/** RFC 5322 section 3.6. */
function brokenHeader(root: ReadPart, expected: readonly string[]): string[] {
  const problems: string[] = [];
  const names = root.fields.map(({ name }) => name.toLowerCase());
  const count = (name: string) => names.filter((one) => one === name).length;
  for (const name of ONCE) if (count(name) !== 1) problems.push(`${count(name)} times ${name}`);
  for (const name of AT_MOST_ONCE) if (count(name) > 1) problems.push(`${name} twice`);
  if (count("bcc") > 0) problems.push("bcc");
  const wanted = expected.map((name) => name.toLowerCase());
  const difference = [
    ...names.filter((name) => !wanted.includes(name)),
    ...wanted.filter((name) => !names.includes(name)),
  ];
  if (difference.length > 0 || names.length !== wanted.length) {
    problems.push(`fields: ${names.join(" ")}; expected: ${wanted.join(" ")}`);
  }
  const date = root.fields.find(({ name }) => name === "Date")?.value ?? "";
  if (!/^ \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000$/.test(date)) problems.push(`date ${date}`);
  return problems;
}

/** RFC 2046 section 5.1.1, RFC 2045 sections 3 and 6.4, RFC 2387. */
function brokenParts(part: ReadPart, raw: string): string[] {
  const problems: string[] = [];
  const boundary = part.parameters.get("boundary");
  if (boundary !== undefined) {
    if (!/^[0-9A-Za-z'()+_,\-./:=? ]{1,70}(?<! )$/.test(boundary)) problems.push(boundary);
    const times = raw.split(boundary).length - 1;
    // In its header, before each part and at the end.
    if (times !== part.parts.length + 2) problems.push(`the boundary is in the content: ${times}`);
    if (part.parts.length === 0) problems.push("a multipart without parts");
    if (part.encoding !== "7bit") problems.push("an encoded multipart");
    if (part.type === "multipart/related" && part.parameters.get("type") !== part.parts[0]?.type) {
      problems.push("related without the type of its root");
    }
  } else if (/^message\/(?!global)/.test(part.type) && part.encoding !== "7bit") {
    problems.push("an encoded message");
  }
  const allowed = [
    "content-type",
    "content-transfer-encoding",
    "content-disposition",
    "content-id",
  ];
  for (const child of part.parts) {
    const names = child.fields.map(({ name }) => name.toLowerCase());
    if (new Set(names).size !== names.length) problems.push(`a field twice: ${names}`);
    for (const name of names) if (!allowed.includes(name)) problems.push(`part field ${name}`);
    problems.push(...brokenParts(child, raw));
  }
  return problems;
}
