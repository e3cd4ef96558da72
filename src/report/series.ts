/** Lines to draw, taken from the metrics. Pure. */

import type { StepMetrics } from "./read.js";

export type Point = readonly [x: number, y: number];

/** A curve with its 95% interval; points with x in steps or in tokens. */
export interface Band {
  readonly mid: readonly Point[];
  readonly lo: readonly Point[];
  readonly hi: readonly Point[];
}

export const series = (steps: readonly StepMetrics[], key: string): Point[] =>
  steps.flatMap(({ step, values }) => {
    const y = values.get(key);
    return y === undefined ? [] : [[step, y] as const];
  });

/** Names of the evaluation sets in the metrics, in the order in which they were first measured: the ranking set first. */
export function evalSets(steps: readonly StepMetrics[]): string[] {
  const sets = new Set<string>();
  for (const { values } of steps) {
    for (const key of values.keys()) {
      const set = /^eval\/([^/]+)\/pass@1$/.exec(key)?.[1];
      if (set !== undefined) sets.add(set);
    }
  }
  return [...sets];
}

/** pass@1 of a set with its interval, against steps or against tokens sampled for training up to that step. */
export function evalBand(steps: readonly StepMetrics[], set: string, against: "step" | "tokens"): Band {
  const mid: Point[] = [];
  const lo: Point[] = [];
  const hi: Point[] = [];
  let tokens = 0;
  for (const { step, values } of steps) {
    tokens = values.get("train/tokens_total") ?? tokens;
    const y = values.get(`eval/${set}/pass@1`);
    if (y === undefined) continue;
    const x = against === "step" ? step : tokens;
    mid.push([x, y]);
    lo.push([x, values.get(`eval/${set}/pass@1/lo`) ?? y]);
    hi.push([x, values.get(`eval/${set}/pass@1/hi`) ?? y]);
  }
  return { mid, lo, hi };
}

/** The last value recorded under `key`. */
export function last(steps: readonly StepMetrics[], key: string): number | null {
  for (let i = steps.length - 1; i >= 0; i--) {
    const y = steps[i]!.values.get(key);
    if (y !== undefined) return y;
  }
  return null;
}

/** Sum over the steps of a value that each step has of its own. */
export const total = (steps: readonly StepMetrics[], key: string): number =>
  steps.reduce((sum, { values }) => sum + (values.get(key) ?? 0), 0);
