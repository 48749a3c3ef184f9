/**
 * The beta distribution: its distribution function (the regularised incomplete beta function), the
 * quantile, and the mean of a power. Formulas by their numbers in the NIST Digital Library of
 * Mathematical Functions (DLMF).
 */

/** Below this Stirling's series is not used: from here on six terms are exact to 1e-15. */
const STIRLING_FROM = 12;

/** The natural logarithm of the gamma function, for x > 0: DLMF 5.11.1 after 5.5.1. */
export function logGamma(x: number): number {
  let shift = 0;
  let z = x;
  for (; z < STIRLING_FROM; z++) shift += Math.log(z);
  const r = 1 / (z * z);
  const series =
    (1 / 12 -
      r * (1 / 360 - r * (1 / 1260 - r * (1 / 1680 - r * (1 / 1188 - (r * 691) / 360_360))))) /
    z;
  return (z - 0.5) * Math.log(z) - z + 0.5 * Math.log(2 * Math.PI) + series - shift;
}

/** The logarithm of the beta function B(a, b), for a, b > 0. */
const logBeta = (a: number, b: number): number => logGamma(a) + logGamma(b) - logGamma(a + b);

/**
 * Terms of the continued fraction: it takes about the square root of the larger parameter, so this
 * is enough up to a million.
 */
const TERMS_MAX = 1_000;

/** A fraction is done when a term changes it by less. */
const PRECISION = 1e-15;

/** Stands for a denominator of 0. */
const TINY = 1e-300;

const nonZero = (x: number): number => (Math.abs(x) < TINY ? TINY : x);

/** DLMF 8.17.22 by the modified Lentz method; converges fast for x < (a + 1) / (a + b + 2). */
function fraction(x: number, a: number, b: number): number {
  let c = 1;
  let d = 1 / nonZero(1 - ((a + b) * x) / (a + 1));
  let value = d;
  for (let m = 1; m <= TERMS_MAX; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / nonZero(1 + even * d);
    c = nonZero(1 + even / c);
    value *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / nonZero(1 + odd * d);
    c = nonZero(1 + odd / c);
    const step = d * c;
    value *= step;
    if (Math.abs(step - 1) < PRECISION) break;
  }
  return value;
}

/** `logB` is the logarithm of B(a, b). */
function distribution(x: number, a: number, b: number, logB: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const front = Math.exp(a * Math.log(x) + b * Math.log1p(-x) - logB);
  return x < (a + 1) / (a + b + 2)
    ? (front * fraction(x, a, b)) / a
    : 1 - (front * fraction(1 - x, b, a)) / b;
}

/**
 * P(X <= x) of a beta distribution, I_x(a, b).
 *
 * @param x 0 to 1
 * @param a more than 0, at most a million; so is `b`
 */
export const betaDistribution = (x: number, a: number, b: number): number =>
  distribution(x, a, b, logBeta(a, b));

/** A quantile is within this of the true one. */
const QUANTILE_PRECISION = 1e-9;

/** Halving alone takes 30 steps to that precision; Newton's mostly takes five. */
const STEPS_MAX = 64;

/**
 * The x at which P(X <= x) = p: Newton's method, kept within a bracket that halves when a step
 * leads out of it. A quantile nearer to 0 or 1 than `QUANTILE_PRECISION` may be given as that.
 *
 * @param p 0 to 1
 * @param a more than 0, at most a million; so is `b`
 */
export function betaQuantile(p: number, a: number, b: number): number {
  if (p <= 0) return 0;
  if (p >= 1) return 1;
  const logB = logBeta(a, b);
  let low = 0;
  let high = 1;
  let x = a / (a + b);
  for (let step = 0; step < STEPS_MAX && high - low > QUANTILE_PRECISION; step++) {
    const error = distribution(x, a, b, logB) - p;
    if (error > 0) high = x;
    else low = x;
    const density = Math.exp((a - 1) * Math.log(x) + (b - 1) * Math.log1p(-x) - logB);
    const next = x - error / density;
    if (Math.abs(next - x) < QUANTILE_PRECISION / 2) return Math.min(1, Math.max(0, next));
    x = next > low && next < high ? next : (low + high) / 2;
  }
  return x;
}

/** E[X^m] of a beta distribution, for m >= 0: what is true with chance X is true m times over. */
export const betaPowerMean = (m: number, a: number, b: number): number =>
  Math.exp(logGamma(a + m) - logGamma(a) + logGamma(a + b) - logGamma(a + b + m));
