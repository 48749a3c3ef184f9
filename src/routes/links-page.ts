/** The pages behind an unsubscribe link. They name nobody: mail is forwarded. */

const STYLE =
  "body{font:1.1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:4rem auto;padding:0 1rem}" +
  "button{font:inherit;padding:.6rem 1.4rem;cursor:pointer}";

/** SHA-256 of the style, the only thing beside the text that a page may use (CSP level 3). */
const STYLE_HASH = "sha256-Gvz4QBEc+eljsbzemCnb4m0spchzLq3OfhzT4bUkNzo=";

/** The policy of the pages: nothing is loaded or run, and the form goes back where it came from. */
export const PAGE_POLICY = [
  "default-src 'none'",
  `style-src '${STYLE_HASH}'`,
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join("; ");

const pageOf = (title: string, rest: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>${title}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${title}</h1>
${rest}
</main>
</body>
</html>
`;

/** Asks; its button posts to the very URL (RFC 8058 section 3.1). */
export const CONFIRM = pageOf(
  "Unsubscribe?",
  `<p>You will get no more emails of this kind at the address that this one was sent to.</p>
<form method="post">
<button name="List-Unsubscribe" value="One-Click">Unsubscribe</button>
</form>`,
);

/** Says that it is done. */
export const DONE = pageOf(
  "You are unsubscribed",
  "<p>You will get no more emails of this kind. One that is on its way already may still come.</p>",
);

/** Says that it is not done. */
export const FAILED = pageOf(
  "That did not work",
  "<p>You are not unsubscribed yet. Please try again in a minute.</p>",
);

/** Of a link that is none. */
export const UNKNOWN = pageOf(
  "This link does not work",
  "<p>It is incomplete or no longer good. Please use the link as it stands in the email.</p>",
);
