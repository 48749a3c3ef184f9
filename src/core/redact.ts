/** What others wrote, as it may stand in a timeline. */

/** Characters kept of a provider's words in a timeline. */
const TEXT_MAX = 200;

/**
 * A provider's words, fit for a timeline: on one line, without the given secrets, without anything
 * that looks like an address, at most 200 characters.
 */
export function redact(text: string, secrets: readonly string[]): string {
  let rest = text;
  for (const secret of secrets) {
    if (secret !== "") rest = rest.replaceAll(secret, "[secret]");
  }
  // A quoted local part may hold spaces; whatever else has an "@" is one word.
  const words = rest.replace(/"[^"@]{0,64}"(?=@)/g, "x").split(/[\s\p{Cc}]+/u);
  const shown = words.filter(Boolean).map((word) => (ADDRESS.test(word) ? "[address]" : word));
  return shown.join(" ").slice(0, TEXT_MAX);
}

const ADDRESS = /[@\uff20\ufe6b]|%40|&#0*64;|&#x0*40;|&commat;/i;
