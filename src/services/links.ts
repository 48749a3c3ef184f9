/** The links of messages, as the edge and the lanes have them. */
import { linkBaseOf } from "../core/links.ts";
import type { HtmlEdit, LinkDeps } from "../deliver/ports.ts";
import type { LinkServices } from "../edge/links.ts";
import type { Env } from "./bindings.ts";
import { isolateOf, toJournal } from "./isolate.ts";

/** What the routes of links and of accepting may use. */
export function linkServices(env: Env): LinkServices {
  const { links } = isolateOf(env).config;
  return {
    base: (fromDomain, origin) => {
      const own = Object.hasOwn(links.domains, fromDomain) ? links.domains[fromDomain] : undefined;
      return own ?? links.base_url ?? linkBaseOf(origin);
    },
    journal: toJournal(env),
  };
}

/** What the lanes make links with. */
export const laneLinks = (env: Env): LinkDeps => ({
  signer: () => isolateOf(env).signer,
  rewrite: rewriteHtml,
});

/** Rewrites HTML with the platform's parser, which leaves alone what it is not told to change. */
export async function rewriteHtml(html: string, { link, tail }: HtmlEdit): Promise<string> {
  let placed = tail === "";
  const anchor = {
    async element(element: Element): Promise<void> {
      const href = element.getAttribute("href");
      const target = href === null ? null : await link(href);
      if (target !== null) element.setAttribute("href", target);
    },
  };
  const rewriter = new HTMLRewriter()
    .on("a[href]", anchor)
    .on("area[href]", anchor)
    .on("body", {
      element(element) {
        element.onEndTag((end) => {
          if (!placed) end.before(tail, { html: true });
          placed = true;
        });
      },
    })
    .onDocument({
      end(end) {
        // HTML without an end of its body is common in mail.
        if (!placed) end.append(tail, { html: true });
      },
    });
  return rewriter.transform(new Response(html)).text();
}
