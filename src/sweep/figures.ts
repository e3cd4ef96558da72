/** The pictures of a sweep's report: arms side by side, as means over seeds. Pure. */

import { calibrationSpec, reliabilityPoints, rolloutShares } from "../report/adaptive.js";
import { type ChartSpec, type Line, PALETTE } from "../report/charts.js";
import type { Point } from "../report/series.js";
import { byArm, type MemberCurve } from "./curves.js";
import { tInterval } from "./leaderboard.js";
import { meanCurve, valueAt } from "./target.js";

export interface SweepFigure {
  readonly title: string;
  readonly caption: string;
  readonly spec: ChartSpec;
}

/** Pictures without a point are left out; the first two are the learning curves. */
export function sweepFigures(curves: readonly MemberCurve[]): SweepFigure[] {
  const arms = [...byArm(curves.filter((c) => c.points.length > 0))];
  return [
    heldOut(arms, "tokens", "Held-out pass@1 against generated tokens", "generated tokens"),
    heldOut(
      arms,
      "seconds",
      "Held-out pass@1 against wall time",
      "seconds of training (evaluations left out)",
    ),
    useful(arms),
    perProblem(arms),
    calibration(arms),
    brier(arms),
    ...histograms(arms),
  ].filter((f) => f.spec.lines.some((l) => l.points.length > 0));
}

type Arms = readonly (readonly [string, readonly MemberCurve[]])[];
const color = (i: number): string => PALETTE[i % PALETTE.length]!;

function heldOut(arms: Arms, against: "tokens" | "seconds", title: string, xName: string): SweepFigure {
  const drawn = arms.map(([arm, members], i) => {
    const curves = members.map((m) => m.points.map((p) => [p[against], p.pass1] as const));
    const mid = meanCurve(curves);
    const at = mid.map(([x]) => tInterval(curves.map((c) => valueAt(c, x))));
    return {
      line: { name: arm, points: mid, color: color(i) } satisfies Line,
      band: {
        lo: mid.map(([x], k): Point => [x, Math.max(0, at[k]!.lo)]),
        hi: mid.map(([x], k): Point => [x, Math.min(1, at[k]!.hi)]),
        color: color(i),
      },
      seeds: members.length,
    };
  });
  return {
    title,
    caption: "Mean over seeds; the shade is the 95% interval over seeds (Student's t), absent with one seed.",
    spec: {
      lines: drawn.map((d) => d.line),
      bands: drawn.filter((d) => d.seeds > 1).map((d) => d.band),
      xName,
      percent: true,
      width: 900,
      height: 420,
    },
  };
}

/** Mean over an arm's seeds of a value of each step. */
function meanSeries(
  members: readonly MemberCurve[],
  value: (v: ReadonlyMap<string, number>) => number | undefined,
): Point[] {
  const sums = new Map<number, { sum: number; n: number }>();
  for (const m of members)
    for (const { step, values } of m.steps) {
      const y = value(values);
      if (y === undefined || !Number.isFinite(y)) continue;
      const s = sums.get(step) ?? { sum: 0, n: 0 };
      sums.set(step, { sum: s.sum + y, n: s.n + 1 });
    }
  return [...sums].sort(([a], [b]) => a - b).map(([step, { sum, n }]): Point => [step, sum / n]);
}

const lines = (arms: Arms, value: (v: ReadonlyMap<string, number>) => number | undefined): Line[] =>
  arms.map(([arm, members], i) => ({ name: arm, points: meanSeries(members, value), color: color(i) }));

const useful = (arms: Arms): SweepFigure => ({
  title: "Groups with a signal, of those drawn",
  caption:
    "Mean over seeds; a group has a signal when its rollouts both pass and fail, or (adaptive) surprise the estimates.",
  spec: {
    lines: lines(arms, (v) => v.get("adaptive/keep_rate")),
    xName: "steps",
    percent: true,
    yMin: 0,
  },
});

const perProblem = (arms: Arms): SweepFigure => ({
  title: "Most rollouts of a problem in a step",
  caption: "Mean over seeds; level for strategies that give every problem the same.",
  spec: { lines: lines(arms, (v) => v.get("train/rollouts_per_problem/max")), xName: "steps", yMin: 0 },
});

const calibration = (arms: Arms): SweepFigure => ({
  title: "Calibration",
  caption:
    "Predicted against observed pass rates over the whole run, the first seed of each arm that keeps estimates.",
  spec: calibrationSpec(
    arms.map(([arm, members], i) => ({
      name: arm,
      points: reliabilityPoints(members[0]!.steps),
      color: color(i),
    })),
  ),
});

/** One picture for each arm that gives problems different numbers of rollouts. */
const histograms = (arms: Arms): SweepFigure[] =>
  arms.flatMap(([arm, members]) => {
    const shares = rolloutShares(members[0]!.steps);
    if (shares.length < 2) return [];
    return [
      {
        title: `Problems by their rollouts: ${arm}`,
        caption: "Share of a step's problems that got so many rollouts; the first seed.",
        spec: { lines: shares, xName: "steps", percent: true, yMin: 0, yMax: 1 },
      },
    ];
  });

const brier = (arms: Arms): SweepFigure => ({
  title: "Brier score of the pass-rate estimates",
  caption:
    "Squared distance of the estimate from the outcome, lower is better; strategies without estimates have none.",
  spec: { lines: lines(arms, (v) => v.get("adaptive/brier")), xName: "steps", yMin: 0 },
});
