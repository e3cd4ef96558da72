/** Runs arms over populations and seeds, and puts each beside an oracle that knows every pass rate. */

import { makeRng } from "../../src/core/rng.js";
import { type Arm, type ArmName, type ArmSetup, makeArm } from "./arms.js";
import { Population, type PopulationName } from "./populations.js";
import { type SimResult, simulate } from "./simulate.js";

export interface StudyOptions extends Omit<ArmSetup, "seed"> {
  readonly problems: number;
  readonly seeds: number;
}

export interface NamedArm {
  readonly label: string;
  readonly make: (population: Population, setup: ArmSetup) => Arm;
}

export const namedArm = (name: ArmName): NamedArm => ({
  label: name,
  make: (population, setup) => makeArm(name, population, setup),
});

/** Means over seeds. Shares are of all rollouts. */
export interface Row {
  readonly label: string;
  readonly population: PopulationName;
  /** SNR^2 of the steps' gradients per 1,000 rollouts, and per 100,000 tokens. */
  readonly snrPerRollouts: number;
  readonly snrPerTokens: number;
  /** Useful groups per 100 rollouts. */
  readonly useful: number;
  readonly solved: number;
  readonly failed: number;
  readonly stale: number;
  readonly surplus: number;
  readonly rounds: number;
  /** Rollouts a step. */
  readonly rollouts: number;
  /** 1 - SNR^2 per rollout over the oracle's. */
  readonly regret: number;
  readonly brier: number | null;
  readonly visited: number;
  /** The population's mean pass rate at the end, and after as many tokens as the thriftiest arm spent. */
  readonly rate: number;
  readonly rateAtEqualTokens: number;
  readonly msPerStep: number;
}

export function runStudy(
  populations: readonly PopulationName[],
  arms: readonly NamedArm[],
  options: StudyOptions,
): Row[] {
  return populations.flatMap((name) => {
    const withOracle = [namedArm("oracle"), ...arms.filter((a) => a.label !== "oracle")];
    const results = withOracle.map((arm) =>
      Array.from({ length: options.seeds }, (_, s) => {
        const population = new Population(name, options.problems, s + 1);
        const { strategy, options: sim } = arm.make(population, { ...options, seed: s + 1 });
        return simulate(strategy, population, sim, makeRng(`outcomes ${name} ${arm.label} ${s + 1}`));
      }),
    );
    const best = mean(results[0]!, (r) => r.snr2 / r.rollouts);
    const fewest = Math.min(...results.flat().map((r) => r.tokens));
    return withOracle.map((arm, k) => rowOf(arm.label, name, results[k]!, best, fewest, options.steps));
  });
}

function rowOf(
  label: string,
  population: PopulationName,
  runs: readonly SimResult[],
  best: number,
  fewest: number,
  steps: number,
): Row {
  const perRollout = mean(runs, (r) => r.snr2 / r.rollouts);
  const share = (of: (r: SimResult) => number): number => mean(runs, (r) => of(r) / r.rollouts);
  return {
    label,
    population,
    snrPerRollouts: 1000 * perRollout,
    snrPerTokens: mean(runs, (r) => (1e5 * r.snr2) / r.tokens),
    useful: 100 * share((r) => r.usefulGroups),
    solved: share((r) => r.waste.solved),
    failed: share((r) => r.waste.failed),
    stale: share((r) => r.waste.stale),
    surplus: share((r) => r.waste.surplus),
    rounds: mean(runs, (r) => r.rounds),
    rollouts: mean(runs, (r) => r.rollouts) / steps,
    regret: 1 - perRollout / best,
    brier: runs.some((r) => r.brier === null) ? null : mean(runs, (r) => r.brier!),
    visited: mean(runs, (r) => r.visitedShare),
    rate: mean(runs, (r) => r.curve.at(-1)![1]),
    rateAtEqualTokens: mean(runs, (r) => rateAt(r.curve, fewest)),
    msPerStep: mean(runs, (r) => r.planMs) / steps,
  };
}

const mean = (runs: readonly SimResult[], of: (r: SimResult) => number): number =>
  runs.reduce((s, r) => s + of(r), 0) / runs.length;

/** Linear between the points of a curve. */
function rateAt(curve: SimResult["curve"], tokens: number): number {
  const k = curve.findIndex(([t]) => t >= tokens);
  if (k <= 0) return curve.at(k)![1];
  const [t0, r0] = curve[k - 1]!;
  const [t1, r1] = curve[k]!;
  return r0 + ((r1 - r0) * (tokens - t0)) / (t1 - t0);
}
