/** What the allocator did and believed: how many rollouts problems got, and predicted against observed pass rates. Pure. */

import { type ChartSpec, type Line, PALETTE } from "./charts.js";
import type { StepMetrics } from "./read.js";
import type { Point } from "./series.js";

const RELIABILITY = /^adaptive\/reliability\/(\d+)\/predicted$/;
const HISTOGRAM = /^train\/rollouts_per_problem\/hist\/(\d+)$/;

/**
 * Points of a calibration plot, as of the last step that tells: (mean predicted, observed) pass rate of every bin of
 * predictions, left to right.
 */
export function reliabilityPoints(steps: readonly StepMetrics[]): Point[] {
  const latest = steps.findLast(({ values }) => [...values.keys()].some((k) => RELIABILITY.test(k)));
  if (latest === undefined) return [];
  const { values } = latest;
  return [...values]
    .flatMap(([key, predicted]): Point[] => {
      const bin = RELIABILITY.exec(key)?.[1];
      const observed = values.get(`adaptive/reliability/${bin}/observed`);
      return bin === undefined || observed === undefined ? [] : [[predicted, observed]];
    })
    .sort(([a], [b]) => a - b);
}

/** Calibration plot of several runs or arms, over the diagonal of honest estimates; no lines when none keeps estimates. */
export function calibrationSpec(
  lines: readonly (Pick<Line, "name" | "points"> & { color: string })[],
): ChartSpec {
  const drawn = lines.filter((l) => l.points.length > 0);
  const diagonal: Line = {
    name: "honest",
    points: [
      [0, 0],
      [1, 1],
    ],
    color: "#888888",
    dashed: true,
  };
  return {
    lines: drawn.length === 0 ? [] : [...drawn.map((l) => ({ ...l, dots: true })), diagonal],
    xName: "predicted pass rate",
    percent: true,
    yMin: 0,
    yMax: 1,
  };
}

/** Share of a step's problems by the rollouts they got, in powers of two, stacked; empty when nothing was recorded. */
export function rolloutShares(steps: readonly StepMetrics[]): Line[] {
  const counts = steps.map(({ step, values }) => {
    const bins = new Map<number, number>();
    for (const [key, n] of values) {
      const bin = HISTOGRAM.exec(key)?.[1];
      if (bin !== undefined) bins.set(Number(bin), n);
    }
    return { step, bins, total: [...bins.values()].reduce((a, b) => a + b, 0) };
  });
  const some = counts.filter((c) => c.total > 0);
  const bins = [...new Set(some.flatMap((c) => [...c.bins.keys()]))].sort((a, b) => a - b);
  return bins.map((bin) => ({
    name: bin === 0 ? "1" : `${2 ** bin} to ${2 ** (bin + 1) - 1}`,
    points: some.map((c): Point => [c.step, (c.bins.get(bin) ?? 0) / c.total]),
    color: PALETTE[bin % PALETTE.length]!,
    stack: "rollouts",
  }));
}
