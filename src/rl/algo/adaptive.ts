/**
 * Adaptive DAPO: a sampling rate per problem, tuned with pass-rate estimates (design: algorithm.md section 4). Problems
 * are visited in proportion to the expected variance of their outcome, each with as many rollouts as its share of the
 * token budget earns, and just enough of them that the step most likely ends with the useful groups it needs.
 */

import type { Metrics } from "../../core/ports.js";
import { hash128 } from "../../core/rng.js";
import { mean } from "../../core/stats.js";
import type { PolicyVersion, ProblemId, Seed } from "../../core/units.js";
import { allocateRollouts } from "./allocation.js";
import { expectedVariance, prefixForCount, probAbove, probMixed } from "./beta.js";
import {
  PassRatePosterior,
  POSTERIOR_DEFAULTS,
  type PosteriorProblem,
  type PosteriorState,
} from "./posterior.js";
import { weightedOrder } from "./selection.js";
import type { PlannedProblem, ProblemOutcome, RoundContext, Strategy } from "./strategy.js";

export interface AdaptiveOptions {
  readonly problems: readonly (PosteriorProblem & { readonly id: ProblemId })[];
  readonly groupSize: number;
  readonly nMin: number;
  readonly nMax: number;
  readonly explore: number;
  readonly kappa: number;
  readonly kappaFinal: number;
  readonly totalSteps: number;
  readonly priorStrength: number;
  readonly revisit: number;
  readonly retire: boolean;
  readonly objective: "curriculum" | "uniform";
  readonly seed: Seed;
}

/** Confidence with which a round is sized to reach the needed groups. */
const ROUND_CONFIDENCE = 0.9;
/** At most this many problems for each group that is needed. */
const MAX_PROBLEMS_PER_GROUP = 4;
/** Rounds per step: the first and one refill. */
const MAX_ROUNDS = 2;
const RETIRE_LEVEL = 0.9;
const RETIRE_CONFIDENCE = 0.95;
/** Share of its score that a retired problem keeps, so that it is reviewed now and then. */
const REVIEW_SHARE = 0.02;
const MAX_WEIGHT = 5;

interface AdaptiveState {
  readonly posterior: PosteriorState;
  readonly draws: number;
  readonly drawn: number;
  readonly lastDrawn: readonly (readonly [number, number])[];
  readonly streaks: readonly (readonly [number, number])[];
  readonly excluded: readonly number[];
  readonly widened: number;
}

export class AdaptiveStrategy implements Strategy {
  readonly name = "adaptive";
  readonly filters = true;
  private readonly options: AdaptiveOptions;
  private readonly keys: Uint32Array;
  private readonly posterior: PassRatePosterior;
  /** Weighted draws made so far: the label of the next one. */
  private draws = 0;
  /** Problems drawn so far, repeats counted: the clock of the revisit rule. */
  private drawn = 0;
  private lastDrawn = new Map<number, number>();
  /** Visits in a row that found the problem solved. */
  private streaks = new Map<number, number>();
  private excluded = new Set<number>();
  /** Doublings of the exploration share; fades by one a step. */
  private widened = 0;
  private gauges: Record<string, number> = {};
  private predictions = new Map<number, number>();
  /** Problems drawn in this step: a refill does not draw them again. Empty between steps, so not in the state. */
  private inStep = new Set<number>();

  constructor(options: AdaptiveOptions) {
    this.options = options;
    this.keys = Uint32Array.from(options.problems, (p) => hash128(p.id)[0] ^ options.seed);
    this.posterior = new PassRatePosterior(options.problems, {
      strength: options.priorStrength,
      ...POSTERIOR_DEFAULTS,
    });
  }

  plan(context: RoundContext): readonly PlannedProblem[] {
    if (context.round >= MAX_ROUNDS || context.needed <= 0) return [];
    if (context.round === 0) this.inStep.clear();
    const { options, posterior } = this;
    const size = options.problems.length;
    const { scores, total } = this.scores(context);
    const limit = Math.min(size, context.needed * MAX_PROBLEMS_PER_GROUP);
    const order = this.overdueFirst(weightedOrder(scores, this.keys, this.draws++, limit), limit);
    const priors = order.map((i) => posterior.at(i, context.version));
    const mixed = priors.map((p) => probMixed(p.a, p.b, options.groupSize));
    const chosen = order.slice(0, prefixForCount(mixed, context.needed, ROUND_CONFIDENCE));
    const weights = this.weights(chosen, scores, total);
    const items = chosen.map((i, k) => ({
      value: expectedVariance(priors[k]!.a, priors[k]!.b),
      weight: weights[k]!,
      cost: posterior.cost(i),
    }));
    const counts = allocateRollouts(items, {
      min: options.nMin,
      max: options.nMax,
      budget: options.groupSize * items.reduce((n, it) => n + it.cost, 0),
    });
    const plan = chosen
      .map((problem, k) => ({ problem, rollouts: counts[k]!, prior: priors[k]!, weight: weights[k]! }))
      .filter((p) => p.rollouts > 0);
    for (const p of plan) {
      this.lastDrawn.set(p.problem, this.drawn++);
      this.inStep.add(p.problem);
      this.predictions.set(p.problem, p.prior.a / (p.prior.a + p.prior.b));
    }
    if (context.round === 0) {
      this.gauges = {
        "adaptive/expected_mixed": mixed.slice(0, chosen.length).reduce((a, b) => a + b, 0),
        "adaptive/kappa": this.kappa(context.step),
        "adaptive/explore": this.explore(),
        "adaptive/unseen": 1 - posterior.visitedCount / size,
        "adaptive/retired": [...this.streaks.values()].filter((n) => n >= 2).length,
      };
      this.widened = Math.max(0, this.widened - 1);
    }
    return plan;
  }

  observe(version: PolicyVersion, outcomes: readonly ProblemOutcome[]): void {
    const brier: number[] = [];
    for (const o of outcomes) {
      const n = o.successes + o.failures;
      if (n === 0) continue;
      const predicted = this.predictions.get(o.problem);
      if (predicted !== undefined) {
        const p = o.successes / n;
        brier.push(p * (1 - predicted) ** 2 + (1 - p) * predicted ** 2);
      }
      this.posterior.observe(o.problem, o.successes, o.failures, o.meanTokens, version);
      const { a, b } = this.posterior.at(o.problem, version);
      const solved = probAbove(a, b, RETIRE_LEVEL) > RETIRE_CONFIDENCE;
      if (solved) this.streaks.set(o.problem, (this.streaks.get(o.problem) ?? 0) + 1);
      else this.streaks.delete(o.problem);
    }
    this.predictions.clear();
    if (brier.length > 0) this.gauges["adaptive/brier"] = mean(brier);
  }

  exclude(problems: readonly number[]): void {
    for (const p of problems) this.excluded.add(p);
  }

  mark(): () => void {
    const before = this.state();
    return () => this.restore(before);
  }

  widen(): void {
    this.widened = Math.min(4, this.widened + 2);
  }

  metrics(): Metrics {
    return this.gauges;
  }

  state(): AdaptiveState {
    return {
      posterior: this.posterior.state(),
      draws: this.draws,
      drawn: this.drawn,
      lastDrawn: [...this.lastDrawn],
      streaks: [...this.streaks],
      excluded: [...this.excluded],
      widened: this.widened,
    };
  }

  restore(state: unknown): void {
    const s = state as AdaptiveState;
    this.posterior.restore(s.posterior);
    this.draws = s.draws;
    this.drawn = s.drawn;
    this.lastDrawn = new Map(s.lastDrawn);
    this.streaks = new Map(s.streaks);
    this.excluded = new Set(s.excluded);
    this.widened = s.widened;
  }

  /** Sharpness at a step: linear from kappa to kappaFinal. */
  private kappa(step: number): number {
    const { kappa, kappaFinal, totalSteps } = this.options;
    const t = totalSteps <= 1 ? 0 : Math.min(1, (step - 1) / (totalSteps - 1));
    return kappa + (kappaFinal - kappa) * t;
  }

  private explore(): number {
    return Math.min(1, this.options.explore * 2 ** this.widened);
  }

  /** Inclusion scores: explore / M + (1 - explore) * v^kappa / sqrt(c), the second part normalised. */
  private scores(context: RoundContext): { scores: Float64Array; total: number } {
    const size = this.options.problems.length;
    const scores = new Float64Array(size);
    const kappa = this.kappa(context.step);
    let sum = 0;
    for (let i = 0; i < size; i++) {
      if (this.excluded.has(i)) continue;
      const { a, b } = this.posterior.at(i, context.version);
      scores[i] = expectedVariance(a, b) ** kappa / Math.sqrt(this.posterior.cost(i));
      sum += scores[i]!;
    }
    const explore = this.explore();
    let total = 0;
    for (let i = 0; i < size; i++) {
      if (this.excluded.has(i)) continue;
      const seen = this.lastDrawn.get(i);
      scores[i] = this.inStep.has(i) ? 0 : explore / size + ((1 - explore) * scores[i]!) / (sum || 1);
      if (this.retired(i) && seen !== undefined) scores[i]! *= REVIEW_SHARE;
      total += scores[i]!;
    }
    return { scores, total };
  }

  private retired(i: number): boolean {
    return this.options.retire && (this.streaks.get(i) ?? 0) >= 2;
  }

  /** Puts problems that nobody visited for `revisit` passes ahead, up to the exploration share of the draw. */
  private overdueFirst(order: number[], limit: number): number[] {
    const patience = this.options.revisit * this.options.problems.length;
    if (this.drawn < patience) return order;
    const overdue: number[] = [];
    const most = Math.ceil(this.explore() * limit);
    for (let i = 0; i < this.options.problems.length && overdue.length < most; i++) {
      if (this.excluded.has(i) || this.retired(i) || this.inStep.has(i)) continue;
      if (this.drawn - (this.lastDrawn.get(i) ?? 0) > patience) overdue.push(i);
    }
    const first = new Set(overdue);
    return [...overdue, ...order.filter((i) => !first.has(i))].slice(0, limit);
  }

  /** curriculum: 1. uniform: inverse inclusion 1 / (M pi), at most 5, scaled to a mean of 1. */
  private weights(chosen: readonly number[], scores: Float64Array, total: number): number[] {
    if (this.options.objective === "curriculum") return chosen.map(() => 1);
    const size = this.options.problems.length;
    const raw = chosen.map((i) => Math.min(MAX_WEIGHT, total / (size * scores[i]!)));
    const m = mean(raw);
    return raw.map((w) => w / m);
  }
}
