/** Punycode (RFC 3492): what the platform's URL writes into A-labels, read back. */

/** RFC 3492 section 5. */
const BASE = 36;
const T_MIN = 1;
const T_MAX = 26;
const SKEW = 38;
const DAMP = 700;
const INITIAL_BIAS = 72;
const INITIAL_N = 0x80;
const CODE_POINT_MAX = 0x10ffff;

/** RFC 3492 section 6.1. */
function adapt(delta: number, points: number, first: boolean): number {
  let rest = first ? Math.floor(delta / DAMP) : delta >>> 1;
  rest += Math.floor(rest / points);
  let k = 0;
  while (rest > ((BASE - T_MIN) * T_MAX) >>> 1) {
    rest = Math.floor(rest / (BASE - T_MIN));
    k += BASE;
  }
  return k + Math.floor(((BASE - T_MIN + 1) * rest) / (rest + SKEW));
}

/** 0 to 35, or -1: no digit. */
function digitOf(code: number): number {
  if (code >= 0x61 && code <= 0x7a) return code - 0x61;
  if (code >= 0x41 && code <= 0x5a) return code - 0x41;
  if (code >= 0x30 && code <= 0x39) return code - 0x30 + T_MAX;
  return -1;
}

/**
 * Decodes what follows `xn--` in a label (RFC 3492 section 6.2). Null: it is no Punycode. Time
 * grows with the square of the length, which DNS bounds at 63.
 */
export function decodePunycode(text: string): string | null {
  const split = text.lastIndexOf("-");
  const points: number[] = [];
  for (let at = 0; at < split; at++) {
    const code = text.charCodeAt(at);
    if (code >= INITIAL_N) return null;
    points.push(code);
  }
  let n = INITIAL_N;
  let i = 0;
  let bias = INITIAL_BIAS;
  let at = split < 0 ? 0 : split + 1;
  while (at < text.length) {
    const from = i;
    let weight = 1;
    for (let k = BASE; ; k += BASE) {
      const digit = digitOf(text.charCodeAt(at++));
      if (digit < 0) return null;
      i += digit * weight;
      const threshold = Math.min(Math.max(k - bias, T_MIN), T_MAX);
      if (digit < threshold) break;
      weight *= BASE - threshold;
      if (i > Number.MAX_SAFE_INTEGER || weight > Number.MAX_SAFE_INTEGER) return null;
    }
    const count = points.length + 1;
    bias = adapt(i - from, count, from === 0);
    n += Math.floor(i / count);
    i %= count;
    if (n > CODE_POINT_MAX || (n >= 0xd800 && n <= 0xdfff)) return null;
    points.splice(i++, 0, n);
  }
  return String.fromCodePoint(...points);
}
