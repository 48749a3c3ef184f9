/** Attachments of a request: checked when given as content, fetched when given as a URL. */
import type { Content } from "../core/custody.ts";
import { err, ok, type Result } from "../core/result.ts";
import { BODY_MAX } from "../edge/body.ts";
import { type ApiError, apiError } from "../edge/errors.ts";
import { fetchAttachment } from "../edge/fetch-attachment.ts";
import type { AttachmentInput } from "./emails-schema.ts";

/** RFC 4648 section 4, padded: searched for what does not belong, which is linear in any length. */
function isBase64(text: string): boolean {
  const end = text.endsWith("==") ? -2 : text.endsWith("=") ? -1 : text.length;
  return text.length % 4 === 0 && !/[^A-Za-z0-9+/]/.test(text.slice(0, end));
}

/** All attachments given as URLs of one request are fetched within this time. */
const FETCH_MS = 10_000;

/** Attachments of one email as they travel, or which one is wrong and why. */
export async function attachmentsOf(
  inputs: readonly AttachmentInput[],
  fetcher: typeof fetch,
): Promise<Result<Content["attachments"], ApiError>> {
  const signal = AbortSignal.timeout(FETCH_MS);
  const attachments: Content["attachments"][number][] = [];
  let left = BODY_MAX;
  for (const [index, input] of inputs.entries()) {
    const invalid = (what: string) =>
      err(apiError("invalid_attachment", `Invalid \`attachments.${index}\`: ${what}.`));
    if ((input.content === undefined) === (input.path === undefined)) {
      return invalid("give either `content` (base64) or `path` (a URL)");
    }
    const filename = input.filename ?? nameOf(input.path);
    if (filename === null) return invalid("`filename` is missing");
    let content = input.content ?? "";
    let type = input.content_type;
    if (input.path !== undefined) {
      const fetched = await fetchAttachment(input.path, {
        fetch: fetcher,
        signal,
        limitBytes: left,
      });
      if (!fetched.ok) return invalid(fetched.error);
      content = fetched.value.content;
      type ??= fetched.value.contentType ?? undefined;
    } else if (!isBase64(content)) {
      return invalid("`content` is not base64");
    }
    left -= content.length;
    if (left < 0) return invalid("the attachments together are too large");
    attachments.push({
      filename,
      content,
      ...(type === undefined ? {} : { contentType: type }),
      ...(input.content_id === undefined ? {} : { contentId: input.content_id }),
    });
  }
  return ok(attachments);
}

function nameOf(path: string | undefined): string | null {
  const last = path?.split(/[?#]/)[0]?.split("/").at(-1) ?? "";
  return /^[\w.-]{1,255}$/.test(last) ? last : null;
}
