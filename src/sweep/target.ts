/**
 * Tokens to target: how many generated tokens an arm needs to reach a held-out pass@1, with a bootstrap interval over
 * seeds and problems (both are samples of what one would meet again). Pure.
 */

import type { Rng } from "../core/rng.js";
import { mean, quantile } from "../core/stats.js";
import type { CurvePoint } from "./curves.js";

/** One member's curve: (tokens, pass@1) by evaluation, tokens ascending. */
export type Curve = readonly (readonly [tokens: number, pass1: number])[];

/** Value at `x` by linear interpolation; the ends are held. */
export function valueAt(curve: Curve, x: number): number {
  if (curve.length === 0) return Number.NaN;
  if (x <= curve[0]![0]) return curve[0]![1];
  for (let i = 1; i < curve.length; i++) {
    const [x1, y1] = curve[i]!;
    if (x > x1) continue;
    const [x0, y0] = curve[i - 1]!;
    return x1 === x0 ? y1 : y0 + ((y1 - y0) * (x - x0)) / (x1 - x0);
  }
  return curve.at(-1)![1];
}

/** The mean curve of several seeds, at every x that any of them was measured at and all of them reached. */
export function meanCurve(curves: readonly Curve[]): Curve {
  const some = curves.filter((c) => c.length > 0);
  if (some.length === 0) return [];
  const end = Math.min(...some.map((c) => c.at(-1)![0]));
  const xs = [...new Set([...some.flatMap((c) => c.map(([x]) => x).filter((x) => x <= end)), end])];
  return xs.sort((a, b) => a - b).map((x) => [x, mean(some.map((c) => valueAt(c, x)))] as const);
}

/** Where the curve first reaches `target`, interpolated; null when it never does. */
export function firstReach(curve: Curve, target: number): number | null {
  for (let i = 0; i < curve.length; i++) {
    const [x1, y1] = curve[i]!;
    if (y1 < target) continue;
    if (i === 0) return x1;
    const [x0, y0] = curve[i - 1]!;
    return y1 === y0 ? x1 : x0 + ((x1 - x0) * (target - y0)) / (y1 - y0);
  }
  return null;
}

export interface TargetResult {
  readonly arm: string;
  /** Tokens at which the mean curve reaches the target; null = not within the budget. */
  readonly tokens: number | null;
  /** 95% interval; an end is null when resamples there never reach the target. */
  readonly lo: number | null;
  readonly hi: number | null;
  /** tokens / tokens of the baseline, with its interval. */
  readonly ratio: number | null;
  readonly ratioLo: number | null;
  readonly ratioHi: number | null;
}

export interface TargetRequest {
  /** Arm -> seeds in the same order in every arm -> evaluations. */
  readonly arms: ReadonlyMap<string, readonly (readonly CurvePoint[])[]>;
  readonly baseline: string;
  /** A fixed target, or null: the baseline's final mean pass@1 (computed again for each resample). */
  readonly target: number | null;
  readonly resamples: number;
  readonly rng: Rng;
}

export function tokensToTarget(request: TargetRequest): {
  readonly target: number;
  readonly arms: TargetResult[];
} {
  const { arms, baseline, resamples, rng } = request;
  const problems = [...new Set([...arms.values()].flat(2).flatMap((p) => [...p.byProblem.keys()]))];
  const once = (pick: (n: number) => readonly number[], weights: ReadonlyMap<string, number> | null) => {
    const curves = new Map(
      [...arms].map(([arm, seeds]) => {
        const chosen = pick(seeds.length).map((i) => curveOf(seeds[i]!, weights));
        return [arm, meanCurve(chosen)] as const;
      }),
    );
    const target = request.target ?? curves.get(baseline)?.at(-1)?.[1] ?? Number.NaN;
    return { target, reach: new Map([...curves].map(([arm, c]) => [arm, firstReach(c, target)])) };
  };
  const all = once((n) => Array.from({ length: n }, (_, i) => i), null);
  const drawn = Array.from({ length: resamples }, () => {
    const spins = Array.from({ length: 64 }, () => rng.uniform());
    // The same seeds and problems for every arm: the comparison is paired.
    const pick = (n: number) => Array.from({ length: n }, (_, i) => Math.floor(spins[i % 64]! * n));
    const weights = new Map<string, number>();
    for (let i = 0; i < problems.length; i++) {
      const id = problems[Math.floor(rng.uniform() * problems.length)]!;
      weights.set(id, (weights.get(id) ?? 0) + 1);
    }
    return once(pick, problems.length === 0 ? null : weights).reach;
  });
  const base = all.reach.get(baseline) ?? null;
  const results = [...arms.keys()].map((arm): TargetResult => {
    const tokens = all.reach.get(arm) ?? null;
    const [lo, hi] = interval(drawn.map((d) => d.get(arm) ?? null));
    const ratios = drawn.map((d) => {
      const [a, b] = [d.get(arm) ?? null, d.get(baseline) ?? null];
      return b === null ? Number.NaN : a === null ? null : a / b;
    });
    const [ratioLo, ratioHi] = interval(ratios.filter((r) => r === null || !Number.isNaN(r)));
    return {
      arm,
      tokens,
      lo,
      hi,
      ratio: tokens === null || base === null || base === 0 ? null : tokens / base,
      ratioLo,
      ratioHi,
    };
  });
  return { target: all.target, arms: results };
}

/** Percentile interval; `null` (never reached) counts as infinitely late. */
function interval(values: readonly (number | null)[]): [number | null, number | null] {
  if (values.length === 0) return [null, null];
  const sorted = values.map((v) => v ?? Number.MAX_VALUE);
  const end = (q: number) => {
    const v = quantile(sorted, q);
    return v > 1e300 ? null : v;
  };
  return [end(0.025), end(0.975)];
}

/** pass@1 by evaluation; with weights, of a resample of the problems. */
function curveOf(points: readonly CurvePoint[], weights: ReadonlyMap<string, number> | null): Curve {
  return points.map((p) => {
    if (weights === null || p.byProblem.size === 0) return [p.tokens, p.pass1] as const;
    let sum = 0;
    let n = 0;
    for (const [id, share] of p.byProblem) {
      const w = weights.get(id) ?? 0;
      sum += w * share;
      n += w;
    }
    return [p.tokens, n === 0 ? p.pass1 : sum / n] as const;
  });
}
