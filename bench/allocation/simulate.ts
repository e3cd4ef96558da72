/**
 * Plays a strategy against a population: plan, draw outcomes, observe, filter, bank, as the training loop does, and adds up
 * how much signal its rollouts bought: SNR^2 of a step = (sum of the groups' signals)^2 / (sum of their noises), which are
 * in signal.ts.
 */

import type { Rng } from "../../src/core/rng.js";
import { type PolicyVersion, policyVersion, step as toStep } from "../../src/core/units.js";
import { GroupBank } from "../../src/rl/algo/bank.js";
import { isKept, type KeepRule } from "../../src/rl/algo/filters.js";
import type { PlannedProblem, Strategy } from "../../src/rl/algo/strategy.js";
import type { Population, TrainedSignal } from "./populations.js";
import { type Baseline, groupMoments, leastSize } from "./signal.js";

/**
 * Independent directions of noise for each of the signal: an update of SNR^2 x points sqrt(x / (DIRECTIONS + x)) of the
 * right way. So large that a step of a few hundred rollouts is mostly noise, as in training.
 */
const DIRECTIONS = 50;

export interface SimOptions {
  readonly steps: number;
  readonly groups: number;
  readonly maxRounds: number;
  /** Age limit of the bank in versions; null = surplus is thrown away. */
  readonly bankMaxAge: number | null;
  readonly baseline: Baseline;
}

/** Sums over a run. */
export interface SimResult {
  readonly rollouts: number;
  readonly tokens: number;
  readonly rounds: number;
  /** Groups that were kept and have an advantage. */
  readonly usefulGroups: number;
  /** Rollouts by what became of them; the rest was trained on. */
  readonly waste: {
    readonly solved: number;
    readonly failed: number;
    readonly stale: number;
    readonly surplus: number;
  };
  /** Sum over steps of SNR^2. */
  readonly snr2: number;
  readonly emptySteps: number;
  readonly visitedShare: number;
  /** Brier score over the second half, where the strategy predicts; null otherwise. */
  readonly brier: number | null;
  /** After each step: tokens so far and the population's mean pass rate. */
  readonly curve: readonly (readonly [tokens: number, rate: number])[];
  /** Milliseconds of CPU in plan and observe. */
  readonly planMs: number;
}

interface SimGroup extends PlannedProblem {
  readonly policyVersion: PolicyVersion;
  readonly successes: number;
  /** When the group was drawn: the pass rate as the verifier saw it, and the covariance of its verdict with the score. */
  readonly p: number;
  readonly covariance: number;
}

export function simulate(
  strategy: Strategy,
  population: Population,
  options: SimOptions,
  rng: Rng,
): SimResult {
  const bank = new GroupBank<SimGroup>(options.bankMaxAge ?? 0);
  const visited = new Uint8Array(population.size);
  const waste = { solved: 0, failed: 0, stale: 0, surplus: 0 };
  const curve: [number, number][] = [];
  const briers: number[] = [];
  let [rollouts, tokens, rounds, usefulGroups, snr2, emptySteps, planMs] = [0, 0, 0, 0, 0, 0, 0];
  let version = policyVersion(0);
  for (let step = 1; step <= options.steps; step++) {
    for (const old of bank.expire(version)) waste.stale += old.rollouts;
    const useful = bank.take(options.groups);
    for (let round = 0; round < options.maxRounds && useful.length < options.groups; round++) {
      const began = performance.now();
      const plan = strategy.plan({
        step: toStep(step),
        version,
        round,
        needed: options.groups - useful.length,
        spent: 0,
      });
      planMs += performance.now() - began;
      if (plan.length === 0) break;
      rounds++;
      const drawn = plan.map((p): SimGroup => {
        const [rate, seen] = [population.rate(p.problem), population.seen(p.problem)];
        let successes = 0;
        for (let j = 0; j < p.rollouts; j++) if (rng.uniform() < seen) successes++;
        visited[p.problem] = 1;
        rollouts += p.rollouts;
        tokens += p.rollouts * population.tokens[p.problem]!;
        const covariance = population.honesty * rate * (1 - rate);
        return { ...p, policyVersion: version, successes, p: seen, covariance };
      });
      const observing = performance.now();
      strategy.observe(
        version,
        drawn.map((g) => ({
          problem: g.problem,
          successes: g.successes,
          failures: g.rollouts - g.successes,
          meanTokens: population.tokens[g.problem]!,
        })),
      );
      planMs += performance.now() - observing;
      const kept = drawn.filter((g) =>
        isKept(g.successes, g.rollouts - g.successes, g.prior, strategy.keep, leastSize(options.baseline)),
      );
      const trained = new Set(kept.filter((g) => hasAdvantage(g, options.baseline)));
      usefulGroups += trained.size;
      for (const g of drawn) {
        if (trained.has(g)) continue;
        if (g.successes === 0) waste.failed += g.rollouts;
        else waste.solved += g.rollouts;
      }
      useful.push(...kept);
    }
    const gauges = strategy.metrics();
    if (step > options.steps / 2 && typeof gauges["adaptive/brier"] === "number")
      briers.push(gauges["adaptive/brier"]);
    const trained = useful.slice(0, options.groups);
    const surplus = useful.slice(options.groups);
    if (options.bankMaxAge !== null) bank.put(surplus);
    else for (const g of surplus) waste.surplus += g.rollouts;
    if (trained.length === 0) {
      emptySteps++;
      strategy.widen();
    }
    const s = stepSignal(trained, strategy.keep, options.baseline);
    snr2 += s.snr2;
    population.update(s.groups, Math.sqrt(s.snr2 / (DIRECTIONS + s.snr2)));
    if (trained.length > 0) version = policyVersion(version + 1);
    curve.push([tokens, 0]);
    if (step % 5 === 0 || step === options.steps) curve.at(-1)![1] = population.meanRate;
  }
  return {
    rollouts,
    tokens,
    rounds: rounds / options.steps,
    usefulGroups,
    waste,
    snr2,
    emptySteps,
    visitedShare: visited.reduce((n, v) => n + v, 0) / population.size,
    brier: briers.length === 0 ? null : briers.reduce((a, b) => a + b, 0) / briers.length,
    curve: curve.filter(([, rate]) => rate > 0),
    planMs,
  };
}

/** Leave-one-out leaves nothing of an all-equal group. */
const hasAdvantage = (g: SimGroup, baseline: Baseline): boolean =>
  baseline === "history" || (g.successes > 0 && g.successes < g.rollouts);

function stepSignal(
  trained: readonly SimGroup[],
  keep: KeepRule,
  baseline: Baseline,
): { snr2: number; groups: TrainedSignal[] } {
  let [signal, noise] = [0, 0];
  const groups = trained.map((g): TrainedSignal => {
    const moments = groupMoments(g, keep, baseline);
    const s = g.weight * moments.signal;
    signal += s;
    noise += g.weight * g.weight * moments.noise;
    return { problem: g.problem, signal: s };
  });
  return { snr2: noise === 0 ? 0 : (signal * signal) / noise, groups };
}
