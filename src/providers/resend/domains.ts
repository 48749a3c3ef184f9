/** Domains of a Resend account: https://resend.com/docs/api-reference/domains/list-domains. */
import { ok, type Result } from "../../core/result.ts";
import { fieldsOf, textOf } from "../answer.ts";
import { ask, unanswered } from "../http.ts";
import type { SendDeps, Unanswered } from "../provider.ts";

/** Resend's most for one page. */
const PAGE = 100;
/** 1,000 domains: more than any plan has, and an end to a list that has none. */
const PAGES_MAX = 10;

/** The verified ones, lower-cased. A key that may only send is not answered. */
export async function identities(
  base: string,
  apiKey: string,
  deps: SendDeps,
): Promise<Result<readonly string[], Unanswered>> {
  const names: string[] = [];
  let after = "";
  for (let page = 0; page < PAGES_MAX; page++) {
    const request = {
      service: "Resend",
      url: `${base}/domains?limit=${PAGE}${after}`,
      headers: { Authorization: `Bearer ${apiKey}` },
      secrets: [apiKey],
    };
    const answer = await ask(request, deps);
    if (!answer.ok) return answer;
    const { data, has_more: more } = answer.value;
    if (!Array.isArray(data)) {
      return unanswered("Resend's list of domains cannot be read");
    }
    const domains = data.map(fieldsOf);
    for (const { name, status } of domains) {
      if (status === "verified" && textOf(name) !== "") names.push(textOf(name).toLowerCase());
    }
    const last = textOf(domains.at(-1)?.id);
    if (more !== true || last === "") break;
    after = `&after=${encodeURIComponent(last)}`;
  }
  return ok(names);
}
