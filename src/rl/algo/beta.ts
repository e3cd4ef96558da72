/** The Beta distribution, as far as pass-rate estimates need it. */

const LANCZOS = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
];

/** log Gamma(x) for x > 0 (Lanczos, g = 7, n = 9); relative error below 1e-13. */
export function logGamma(x: number): number {
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x);
  const y = x - 1;
  let s = LANCZOS[0]!;
  for (let i = 1; i < 9; i++) s += LANCZOS[i]! / (y + i);
  const t = y + 7.5;
  return 0.5 * Math.log(2 * Math.PI) + (y + 0.5) * Math.log(t) - t + Math.log(s);
}

const logBeta = (a: number, b: number): number => logGamma(a) + logGamma(b) - logGamma(a + b);

/** Expected variance of one outcome, E[p(1 - p)] under Beta(a, b). */
export const expectedVariance = (a: number, b: number): number => (a * b) / ((a + b) * (a + b + 1));

/** Probability that N rollouts of a problem with p ~ Beta(a, b) are all right; of all wrong ones with a and b exchanged. */
export const probAll = (a: number, b: number, n: number): number =>
  Math.exp(logBeta(a + n, b) - logBeta(a, b));

/** Probability that N rollouts of a problem with p ~ Beta(a, b) are neither all right nor all wrong. */
export const probMixed = (a: number, b: number, n: number): number =>
  n < 2 ? 0 : Math.min(1, Math.max(0, 1 - probAll(a, b, n) - probAll(b, a, n)));

/**
 * log P(this sequence of s successes and f failures) for p ~ Beta(a, b), the Beta-Binomial without its number of orders:
 * log of prod (a+i) prod (b+j) / prod (a+b+k), for counts that may be fractions log B(a+s, b+f) / B(a, b).
 */
export function logEvidence(a: number, b: number, s: number, f: number): number {
  // Products of up to 64 factors stay far inside the doubles; beyond, or for fractions, log-gamma.
  if (s + f > 64 || !Number.isInteger(s) || !Number.isInteger(f))
    return logBeta(a + s, b + f) - logBeta(a, b);
  let ratio = 1;
  for (let i = 0; i < s; i++) ratio *= (a + i) / (a + b + i);
  for (let j = 0; j < f; j++) ratio *= (b + j) / (a + b + s + j);
  return Math.log(ratio);
}

/** P(p > x) under Beta(a, b), by the continued fraction of the regularised incomplete beta function. */
export function probAbove(a: number, b: number, x: number): number {
  if (x <= 0) return 1;
  if (x >= 1) return 0;
  // The fraction converges fast only below the mean; above it, use the mirror image.
  if (x < (a + 1) / (a + b + 2)) return 1 - lowerRegularised(a, b, x);
  return lowerRegularised(b, a, 1 - x);
}

function lowerRegularised(a: number, b: number, x: number): number {
  const front = Math.exp(a * Math.log(x) + b * Math.log1p(-x) - logBeta(a, b)) / a;
  let c = 1;
  let d = 1 / tiny(1 - ((a + b) * x) / (a + 1));
  let h = d;
  for (let m = 1; m <= 300; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / tiny(1 + even * d);
    c = tiny(1 + even / c);
    h *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / tiny(1 + odd * d);
    c = tiny(1 + odd / c);
    const delta = d * c;
    h *= delta;
    if (Math.abs(delta - 1) < 1e-12) break;
  }
  return front * h;
}

const tiny = (x: number): number => (Math.abs(x) < 1e-30 ? 1e-30 : x);

/** Smallest k such that k independent trials with these probabilities give at least `needed` with P >= `confidence`. */
export function prefixForCount(probabilities: readonly number[], needed: number, confidence: number): number {
  if (needed <= 0) return 0;
  // tail[j] = P(exactly j successes so far) for j < needed; the rest has reached `needed`.
  const tail = new Float64Array(needed);
  tail[0] = 1;
  let short = 1;
  for (let k = 0; k < probabilities.length; k++) {
    const p = probabilities[k]!;
    short -= tail[needed - 1]! * p;
    for (let j = needed - 1; j > 0; j--) tail[j] = tail[j]! * (1 - p) + tail[j - 1]! * p;
    tail[0]! *= 1 - p;
    if (1 - short >= confidence) return k + 1;
  }
  return probabilities.length;
}
