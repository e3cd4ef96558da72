/** The held-out curve of one run or several (seeds, strategies) as one picture. Pure. */

import { type ChartSpec, PALETTE } from "./charts.js";
import type { StepMetrics } from "./read.js";
import { evalBand, evalSets } from "./series.js";

export interface CurveRun {
  readonly name: string;
  readonly steps: readonly StepMetrics[];
}

/** pass@1 with its 95% interval against tokens sampled for training, or steps. Runs without evaluations are left out. */
export function curveSpec(runs: readonly CurveRun[], against: "step" | "tokens" = "tokens"): ChartSpec {
  const curves = runs.flatMap(({ name, steps }) => {
    const set = evalSets(steps)[0];
    return set === undefined ? [] : [{ name, set, band: evalBand(steps, set, against) }];
  });
  const color = (i: number) => PALETTE[i % PALETTE.length]!;
  return {
    title: `Held-out pass@1 on ${curves[0]?.set ?? "no"} problems`,
    lines: curves.map((c, i) => ({ name: c.name, points: c.band.mid, color: color(i), dots: true })),
    bands: curves.map((c, i) => ({ lo: c.band.lo, hi: c.band.hi, color: color(i) })),
    xName: against === "step" ? "steps" : "generated tokens",
    percent: true,
    width: 900,
    height: 480,
    ink: "#1d2327",
  };
}
