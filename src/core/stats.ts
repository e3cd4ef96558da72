/** Small statistics used across stages: means, intervals, quantiles. Pure. */

export const sum = (xs: ArrayLike<number>): number => {
  let s = 0;
  for (let i = 0; i < xs.length; i++) s += xs[i]!;
  return s;
};

export const mean = (xs: ArrayLike<number>): number => (xs.length === 0 ? Number.NaN : sum(xs) / xs.length);

/** Standard deviation with `ddof` degrees of freedom taken off. */
export function std(xs: ArrayLike<number>, ddof = 1): number {
  if (xs.length <= ddof) return Number.NaN;
  const m = mean(xs);
  let s = 0;
  for (let i = 0; i < xs.length; i++) s += (xs[i]! - m) ** 2;
  return Math.sqrt(s / (xs.length - ddof));
}

/** Quantile by linear interpolation (type 7, numpy's default). */
export function quantile(xs: readonly number[], q: number): number {
  if (xs.length === 0) return Number.NaN;
  const sorted = [...xs].sort((a, b) => a - b);
  const h = (sorted.length - 1) * q;
  const lo = Math.floor(h);
  return sorted[lo]! + (h - lo) * ((sorted[lo + 1] ?? sorted[lo]!) - sorted[lo]!);
}

export const median = (xs: readonly number[]): number => quantile(xs, 0.5);

/**
 * Unbiased pass@k for one problem: 1 - C(n-c, k)/C(n, k) (Chen et al. 2021, arXiv 2107.03374, eq. 1).
 * Needs n >= k; c correct of n.
 */
export function passAtK(n: number, c: number, k: number): number {
  if (n - c < k) return 1;
  let miss = 1;
  for (let i = n - c + 1; i <= n; i++) miss *= 1 - k / i;
  return 1 - miss;
}

export interface Interval {
  readonly mean: number;
  readonly lo: number;
  readonly hi: number;
}

/**
 * Mean of per-problem values with a 95% normal interval over problems (the cluster of a problem's samples is the
 * unit, so that repeated samples of one problem do not count as independent evidence).
 */
export function meanInterval(perProblem: readonly number[]): Interval {
  const m = mean(perProblem);
  const half = perProblem.length < 2 ? 0 : (1.96 * std(perProblem)) / Math.sqrt(perProblem.length);
  return { mean: m, lo: Math.max(0, m - half), hi: Math.min(1, m + half) };
}
