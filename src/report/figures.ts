/** Which curves a report shows, in its order; a figure without data is left out. Pure. */

import { calibrationSpec, reliabilityPoints, rolloutShares } from "./adaptive.js";
import { type ChartSpec, type Line, PALETTE } from "./charts.js";
import type { StepMetrics } from "./read.js";
import { evalBand, evalSets, series } from "./series.js";

export interface Figure {
  readonly title: string;
  readonly caption: string;
  readonly section: "held-out" | "training";
  readonly spec: ChartSpec;
}

export function figures(steps: readonly StepMetrics[]): Figure[] {
  return [
    heldOut(steps, "step", "steps", "Held-out pass@1 against steps"),
    heldOut(steps, "tokens", "generated tokens", "Held-out pass@1 against tokens"),
    ...training(steps),
  ].filter((f) => f.spec.lines.length > 0);
}

function heldOut(
  steps: readonly StepMetrics[],
  against: "step" | "tokens",
  xName: string,
  title: string,
): Figure {
  const sets = evalSets(steps);
  const bands = sets.map((set) => evalBand(steps, set, against));
  return {
    title,
    caption: "Sampled pass@1 on problems never trained on; the shade is the 95% interval over problems.",
    section: "held-out",
    spec: {
      lines: sets.map((set, i) => ({ name: set, points: bands[i]!.mid, color: color(i), dots: true })),
      bands: bands.map((b, i) => ({ lo: b.lo, hi: b.hi, color: color(i) })),
      xName,
      percent: true,
    },
  };
}

/** A strategy that gives every problem the same has nothing to show. */
const varied = (lines: Line[]): Line[] => (lines.length > 1 ? lines : []);

const color = (i: number): string => PALETTE[i % PALETTE.length]!;

function training(steps: readonly StepMetrics[]): Figure[] {
  const has = (lines: readonly (readonly [name: string, key: string])[], more: Partial<Line> = {}): Line[] =>
    lines.flatMap(([name, key], i) => {
      const points = series(steps, key);
      return points.length === 0 ? [] : [{ name, points, color: color(i), ...more }];
    });
  const figure = (title: string, caption: string, lines: Line[], more: Partial<ChartSpec> = {}): Figure => ({
    title,
    caption,
    section: "training",
    spec: { lines, xName: "steps", ...more },
  });
  const min = series(steps, "train/rollouts_per_problem/min");
  const max = series(steps, "train/rollouts_per_problem/max");
  return [
    figure(
      "Reward and pass rate in training",
      "Of the problems that were sampled: adaptive sampling picks hard ones, so this need not rise.",
      has([
        ["pass rate", "train/pass_rate"],
        ["mean reward", "train/reward/mean"],
      ]),
    ),
    figure("Entropy", "Mean -log p of the trained tokens, in nats.", has([["entropy", "policy/entropy"]])),
    figure("Loss", "The clipped objective; its level says little.", has([["loss", "policy/loss"]])),
    figure("Gradient norm", "Before clipping.", has([["gradient norm", "policy/grad_norm"]]), { yMin: 0 }),
    figure(
      "Clipped tokens",
      "Share of trained tokens outside the clip range.",
      has([
        ["below", "policy/clip_frac_low"],
        ["above", "policy/clip_frac_high"],
      ]),
      { yMin: 0 },
    ),
    figure(
      "Groups kept of those drawn",
      "A group is kept when its rollouts both pass and fail, or (adaptive) when they surprise the estimates.",
      has([
        ["drawn", "train/drawn_groups"],
        ["kept", "train/kept_groups"],
      ]),
      { yMin: 0 },
    ),
    figure(
      "Rollouts without use in the step",
      "By the reason; surplus rollouts may be used in a later step.",
      has(
        [
          ["all solved", "waste/all_solved"],
          ["all failed", "waste/all_failed"],
          ["stale", "waste/stale"],
          ["surplus", "waste/surplus"],
          ["infra", "waste/infra"],
        ],
        { stack: "waste" },
      ),
      { yMin: 0 },
    ),
    figure(
      "Rollouts per problem",
      "Mean, with the range from fewest to most.",
      has([["mean", "train/rollouts_per_problem/mean"]]),
      {
        yMin: 0,
        ...(min.length > 0 && min.length === max.length
          ? { bands: [{ lo: min, hi: max, color: color(0) }] }
          : {}),
      },
    ),
    figure(
      "Problems by their rollouts",
      "Share of the step's problems that got so many rollouts.",
      varied(rolloutShares(steps)),
      { yMin: 0, yMax: 1, percent: true },
    ),
    {
      title: "Calibration",
      caption: "Pass rates that the estimates predicted against those observed, since the run began.",
      section: "training",
      spec: calibrationSpec([{ name: "estimates", points: reliabilityPoints(steps), color: color(0) }]),
    },
    figure(
      "Where the time goes",
      "Seconds of each step.",
      has(
        [
          ["sampling", "timing/sample_s"],
          ["rewards", "timing/score_s"],
          ["learning", "timing/learn_s"],
          ["publishing", "timing/publish_s"],
        ],
        { stack: "time" },
      ),
      { yMin: 0 },
    ),
    figure(
      "Length of completions",
      "Tokens.",
      has([
        ["mean", "train/len/mean"],
        ["95th percentile", "train/len/p95"],
      ]),
      { yMin: 0 },
    ),
  ];
}
