/**
 * The order in which SQLite has texts: by their UTF-8 bytes, which is by code points. JavaScript's
 * own is by UTF-16 units and differs above U+FFFF.
 */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  let at = 0;
  while (at < length && a[at] === b[at]) at += 1;
  if (at === length) return a.length - b.length;
  // Inside a pair, the half before says more than the half that differs.
  const isLow = (code: number): boolean => code >= 0xdc00 && code <= 0xdfff;
  if (at > 0 && (isLow(a.charCodeAt(at)) || isLow(b.charCodeAt(at)))) at -= 1;
  return (a.codePointAt(at) ?? 0) - (b.codePointAt(at) ?? 0);
}
