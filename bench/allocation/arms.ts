/** The strategies that are compared, by name, with the options that may be varied. */

import { z } from "zod";
import { makeRng } from "../../src/core/rng.js";
import { problemId, seed } from "../../src/core/units.js";
import { type AdaptiveOptions, AdaptiveStrategy } from "../../src/rl/algo/adaptive.js";
import type { KeepRule } from "../../src/rl/algo/filters.js";
import { DEFAULT_SURPRISE } from "../../src/rl/algo/strategies/adaptive.js";
import { STRATEGY_NAMES, strategyKind } from "../../src/rl/algo/strategies/index.js";
import type { PlannedProblem, Strategy } from "../../src/rl/algo/strategy.js";

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

export const ARMS = [...STRATEGY_NAMES, "oracle"] as const;
export type ArmName = (typeof ARMS)[number];

/** What an arm may change of the study's settings; the first four keys hold for every strategy, the others for adaptive. */
export type Change = Partial<
  Pick<ArmSetup, "groupSize" | "groups"> & Pick<SimOptions, "baseline" | "bankMaxAge">
> &
  Partial<Omit<AdaptiveOptions, "keep" | "problems" | "groupSize" | "totalSteps" | "seed">> & {
    readonly keep?: "mixed" | "surprising";
    readonly minSurprise?: number;
  };

const SHARED = ["groupSize", "groups", "baseline", "bankMaxAge"] as const;
const KEEPS = ["mixed", "surprising"];

/**
 * `batch_min` throws its surplus away, as released; the others bank it.
 * @throws Error on a change that the arm does not know, or that contradicts another
 */
export function makeArm(name: ArmName, population: Population, setup: ArmSetup, change: Change = {}): Arm {
  const { groupSize = setup.groupSize, groups = setup.groups, baseline, bankMaxAge, ...own } = change;
  const { steps } = setup;
  const known = [...SHARED, ...(name === "adaptive" ? [...Object.keys(ADAPTIVE), "minSurprise"] : [])];
  for (const key of Object.keys(change)) {
    if (!known.includes(key)) throw new Error(`${name} has no ${key}; it has ${known.join(", ")}`);
  }
  const options: SimOptions = {
    steps,
    groups,
    maxRounds: 4,
    bankMaxAge: bankMaxAge !== undefined ? bankMaxAge : name === "batch_min" ? null : 2,
    baseline: baseline ?? (name === "adaptive" || name === "oracle" ? "history" : "leave_one_out"),
  };
  if (name === "oracle") return { strategy: oracle(population, groupSize), options };
  const kind = strategyKind(name);
  const problems = Array.from({ length: population.size }, (_, i) => ({
    id: problemId(`p${i}`),
    bucket: String(population.bucketOf[i]),
  }));
  const context = {
    problems,
    groupSize,
    steps,
    advantage: options.baseline,
    rng: makeRng(`cursor ${setup.seed}`),
    seed: seed(setup.seed),
  };
  if (name !== "adaptive") return { strategy: kind.make(z.object(kind.knobs).parse({}), context), options };
  const strategy = new AdaptiveStrategy({
    problems,
    ...ADAPTIVE,
    ...own,
    keep: keepOf(own, options.baseline),
    groupSize,
    totalSteps: steps,
    seed: seed(setup.seed),
  });
  return { strategy, options };
}

function keepOf(change: Change, baseline: SimOptions["baseline"]): KeepRule {
  const { keep = baseline === "history" ? ADAPTIVE.keep : "mixed", minSurprise = DEFAULT_SURPRISE } = change;
  if (!KEEPS.includes(keep)) throw new Error(`keep is ${KEEPS.join(" or ")}, not ${keep}`);
  const nMin = change.nMin ?? ADAPTIVE.nMin;
  if (keep === "mixed") {
    if (nMin < 2) throw new Error("keep=mixed can use no group of one: add nMin=2");
    return { kind: "mixed" };
  }
  if (baseline !== "history")
    throw new Error(`baseline ${baseline} leaves nothing of all-equal groups: add keep=mixed`);
  return { kind: "surprising", least: minSurprise };
}

/** What configs/adaptive-dapo.yaml sets, and the defaults beside it. */
export const ADAPTIVE = {
  nMin: 1,
  keep: "surprising",
  nMax: 48,
  stepTokens: null,
  explore: 0.1,
  kappa: 1,
  kappaFinal: 1,
  kappaSchedule: "linear",
  priorStrength: null,
  warmStart: true,
  drift: "fit",
  revisit: 4,
  retire: true,
  objective: "curriculum",
} as const satisfies Change;

/** Pseudo-counts of what is known for certain. */
const CERTAIN = 1e9;

/**
 * Knows every pass rate: takes the problems with the greatest p(1-p) a square root of a token, in each step, and has the rate as
 * the baseline, so that every group counts.
 */
function oracle(population: Population, groupSize: number): Strategy {
  return {
    name: "oracle",
    keep: { kind: "all" },
    plan: ({ needed, round }): PlannedProblem[] => {
      if (round > 0) return [];
      const worth = Float64Array.from({ length: population.size }, (_, i) => {
        const p = population.rate(i);
        return (p * (1 - p)) / Math.sqrt(population.tokens[i]!);
      });
      const order = Array.from(worth, (_, i) => i).sort((i, j) => worth[j]! - worth[i]! || i - j);
      return order.slice(0, needed).map((problem) => {
        const p = population.seen(problem);
        return { problem, rollouts: groupSize, prior: { a: CERTAIN * p, b: CERTAIN * (1 - p) }, weight: 1 };
      });
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
