/**
 * One question to one resolver: DNS over HTTPS in wire format (RFC 8484), by POST, so that no
 * cache of the way keeps who was asked about.
 */
import { type Answer, isTransient, type Question, type QuestionType } from "./answer.ts";
import { MESSAGE_MAX } from "./frame.ts";
import { decodeAnswer, encodeQuestion } from "./message.ts";

const MEDIA_TYPE = "application/dns-message";
/** How long a name that cannot exist does not exist, seconds. */
const IMPOSSIBLE_TTL_S = 3_600;

/**
 * Asks one resolver. It never rejects: what goes wrong is `servfail` when something answered, and
 * `timeout` when nothing did.
 *
 * @param signal ends it, reading the body included
 */
export async function askDoh<T extends QuestionType>(
  url: string,
  question: Question<T>,
  fetcher: typeof fetch,
  signal: AbortSignal,
): Promise<Answer<T>> {
  const query = encodeQuestion(question);
  // What no DNS message can name is known not to exist, without asking.
  if (query === null) return { kind: "nxdomain", negativeTtlS: IMPOSSIBLE_TTL_S };
  let response: Response;
  try {
    response = await fetcher(url, {
      method: "POST",
      headers: { "Content-Type": MEDIA_TYPE, Accept: MEDIA_TYPE },
      body: query as Uint8Array<ArrayBuffer>,
      redirect: "manual",
      signal,
    });
  } catch {
    return { kind: "timeout", why: signal.aborted ? "time_limit" : "unreachable" };
  }
  const wrong = wrongWith(response);
  if (wrong !== null) {
    response.body?.cancel().catch(() => {});
    return { kind: "servfail", why: wrong };
  }
  const bytes = await readBody(response);
  if (bytes === "broken_off") {
    return { kind: "timeout", why: signal.aborted ? "time_limit" : bytes };
  }
  if (bytes === "too_long") return { kind: "servfail", why: bytes };
  const decoded = decodeAnswer(bytes, question);
  if (!decoded.ok) return { kind: "servfail", why: decoded.error };
  return aged(decoded.value, ageOf(response.headers));
}

/** What its head says against an answer, in one word. */
function wrongWith({ status, headers }: Response): string | null {
  if (status !== 200) return `http_${status}`;
  const type = headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
  if (type !== MEDIA_TYPE) return "content_type";
  return Number(headers.get("content-length") ?? 0) > MESSAGE_MAX ? "too_long" : null;
}

async function readBody(response: Response): Promise<Uint8Array | "too_long" | "broken_off"> {
  if (response.body === null) return new Uint8Array(0);
  const reader: ReadableStreamDefaultReader<Uint8Array> = response.body.getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      size += part.value.byteLength;
      if (size > MESSAGE_MAX) {
        reader.cancel().catch(() => {});
        return "too_long";
      }
      chunks.push(part.value);
    }
  } catch {
    return "broken_off";
  }
  // Nearly every answer comes in one piece.
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks, size);
}

/** Seconds that an HTTP cache has kept the answer (RFC 9111 section 5.1). */
function ageOf(headers: Headers): number {
  const age = headers.get("age");
  return age !== null && /^\d{1,9}$/.test(age) ? Number(age) : 0;
}

/** RFC 8484 section 5.1: a TTL runs while an HTTP cache keeps the answer. */
function aged<T extends QuestionType>(answer: Answer<T>, ageS: number): Answer<T> {
  if (ageS === 0 || isTransient(answer)) return answer;
  if (answer.kind === "records") return { ...answer, ttlS: Math.max(0, answer.ttlS - ageS) };
  const { negativeTtlS } = answer;
  return negativeTtlS === null
    ? answer
    : { ...answer, negativeTtlS: Math.max(0, negativeTtlS - ageS) };
}
