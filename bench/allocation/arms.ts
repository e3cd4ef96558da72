/** The strategies that are compared, by name, with the options that may be varied. */

import { makeRng } from "../../src/core/rng.js";
import { problemId, seed } from "../../src/core/units.js";
import { type AdaptiveOptions, AdaptiveStrategy } from "../../src/rl/algo/adaptive.js";
import { batchMinStrategy, batchWindowStrategy } from "../../src/rl/algo/batch-strategies.js";
import type { PlannedProblem, Strategy } from "../../src/rl/algo/strategy.js";
import { dynamicStrategy, fixedStrategy } from "../../src/rl/algo/uniform-strategies.js";
import type { Population } from "./populations.js";
import type { SimOptions } from "./simulate.js";

export interface ArmSetup {
  readonly groupSize: number;
  readonly groups: number;
  readonly steps: number;
  readonly seed: number;
}

export interface Arm {
  readonly strategy: Strategy;
  readonly options: SimOptions;
}

export const ARMS = ["fixed", "dynamic", "batch_min", "batch_window", "adaptive", "oracle"] as const;
export type ArmName = (typeof ARMS)[number];

type Change = Partial<AdaptiveOptions> & Partial<Pick<SimOptions, "baseline" | "bankMaxAge">>;

/** `batch_min` throws its surplus away, as released; the others bank it. */
export function makeArm(name: ArmName, population: Population, setup: ArmSetup, change: Change = {}): Arm {
  const { groupSize, groups, steps } = setup;
  const { baseline, bankMaxAge, ...adaptive } = change;
  const uniform = { problems: population.size, groupSize, rng: makeRng(`cursor ${setup.seed}`) };
  const options: SimOptions = {
    steps,
    groups,
    maxRounds: 4,
    bankMaxAge: bankMaxAge !== undefined ? bankMaxAge : name === "batch_min" ? null : 2,
    baseline: baseline ?? (name === "adaptive" ? "history" : "leave_one_out"),
  };
  switch (name) {
    case "fixed":
      return { strategy: fixedStrategy(uniform), options };
    case "dynamic":
      return { strategy: dynamicStrategy({ ...uniform, oversample: 1.5 }), options };
    case "batch_min":
      return { strategy: batchMinStrategy(uniform), options };
    case "batch_window":
      return { strategy: batchWindowStrategy(uniform), options };
    case "oracle":
      return { strategy: oracle(population, groupSize), options };
    case "adaptive":
      return {
        strategy: new AdaptiveStrategy({
          problems: Array.from({ length: population.size }, (_, i) => ({
            id: problemId(`p${i}`),
            bucket: String(population.bucketOf[i]),
          })),
          ...ADAPTIVE,
          groupSize,
          totalSteps: steps,
          seed: seed(setup.seed),
          ...adaptive,
        }),
        options,
      };
  }
}

/** The defaults of the config. */
export const ADAPTIVE = {
  nMin: 4,
  keep: { kind: "mixed" },
  nMax: 48,
  stepTokens: null,
  explore: 0.1,
  kappa: 4,
  kappaFinal: 1,
  kappaSchedule: "linear",
  priorStrength: null,
  warmStart: true,
  drift: "fit",
  revisit: 4,
  retire: true,
  objective: "curriculum",
} as const satisfies Partial<AdaptiveOptions>;

/** Knows every pass rate: takes the problems with the greatest p(1-p) a square root of a token, each step anew. */
function oracle(population: Population, groupSize: number): Strategy {
  return {
    name: "oracle",
    keep: { kind: "mixed" },
    plan: ({ needed, round }): PlannedProblem[] => {
      if (round > 0) return [];
      const worth = Float64Array.from({ length: population.size }, (_, i) => {
        const p = population.rate(i);
        return (p * (1 - p)) / Math.sqrt(population.tokens[i]!);
      });
      const order = Array.from(worth, (_, i) => i).sort((i, j) => worth[j]! - worth[i]! || i - j);
      return order
        .slice(0, needed + 2)
        .map((problem) => ({ problem, rollouts: groupSize, prior: { a: 1, b: 1 }, weight: 1 }));
    },
    observe: () => {},
    exclude: () => {},
    mark: () => () => {},
    widen: () => {},
    metrics: () => ({}),
    state: () => null,
    restore: () => {},
  };
}
