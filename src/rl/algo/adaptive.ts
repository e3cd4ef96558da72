/**
 * Adaptive DAPO: a sampling rate per problem, tuned with pass-rate estimates (design: algorithm.md section 4). Problems
 * are visited in proportion to the expected variance of their outcome, each with as many rollouts as its share of the
 * token budget earns, and just enough of them that the step most likely ends with the useful groups it needs.
 */

import type { Metrics } from "../../core/ports.js";
import { hash128 } from "../../core/rng.js";
import { mean } from "../../core/stats.js";
import type { PolicyVersion, ProblemId, Seed } from "../../core/units.js";
import type { BetaCounts } from "./advantages.js";
import { type AllocationItem, allocateRollouts } from "./allocation.js";
import { expectedVariance, prefixForCount, probAbove } from "./beta.js";
import { type KeepRule, probKept } from "./filters.js";
import { KappaSchedule, type SignalState } from "./kappa.js";
import { PassRatePosterior, type PosteriorProblem, type PosteriorState } from "./posterior.js";
import { Reliability, type ReliabilityState } from "./reliability.js";
import { weightedOrder } from "./selection.js";
import type { PlannedProblem, ProblemOutcome, RoundContext, Strategy } from "./strategy.js";
import { Visits, type VisitsState } from "./visits.js";

export interface AdaptiveOptions {
  readonly problems: readonly (PosteriorProblem & { readonly id: ProblemId })[];
  readonly groupSize: number;
  readonly nMin: number;
  readonly nMax: number;
  /** Expected completion tokens of a step at most; null = `groupSize` average rollouts for each problem that is drawn. */
  readonly stepTokens: number | null;
  readonly explore: number;
  readonly kappa: number;
  readonly kappaFinal: number;
  readonly kappaSchedule: "fixed" | "linear" | "signal";
  readonly totalSteps: number;
  /** null = fitted. */
  readonly priorStrength: number | null;
  readonly warmStart: boolean;
  readonly drift: "fit" | "off";
  readonly revisit: number;
  readonly retire: boolean;
  readonly objective: "curriculum" | "uniform";
  readonly keep: KeepRule;
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
  readonly visits: VisitsState;
  readonly reliability: ReliabilityState;
  readonly signal: SignalState;
  readonly draws: number;
  readonly widened: number;
}

/** What was thought of a drawn problem before its rollouts. */
interface Prediction {
  readonly prior: BetaCounts;
  /** 1 / (M pi). */
  readonly inverse: number;
}

/** A round: who, with how many rollouts each, and how many useful groups are expected of them. */
interface Sized {
  readonly chosen: readonly number[];
  readonly inverse: readonly number[];
  readonly weights: readonly number[];
  readonly items: readonly AllocationItem[];
  readonly counts: readonly number[];
  readonly expected: number;
}

export class AdaptiveStrategy implements Strategy {
  readonly name = "adaptive";
  readonly keep: KeepRule;
  private readonly options: AdaptiveOptions;
  private readonly keys: Uint32Array;
  private readonly posterior: PassRatePosterior;
  private readonly visits: Visits;
  private readonly reliability = new Reliability();
  private readonly kappa: KappaSchedule;
  /** Weighted draws made so far: the label of the next one. */
  private draws = 0;
  /** Doublings of the exploration share; fades by one a step. */
  private widened = 0;
  // Of the step under way, so not in the state.
  private gauges: Record<string, number> = {};
  private readonly predictions = new Map<number, Prediction>();
  private readonly inStep = new Set<number>();
  private tokensPlanned = 0;

  constructor(options: AdaptiveOptions) {
    this.options = options;
    this.keep = options.keep;
    this.keys = Uint32Array.from(options.problems, (p) => hash128(p.id)[0] ^ options.seed);
    this.posterior = new PassRatePosterior(options.problems, {
      strength: options.priorStrength,
      drift: options.drift,
      warmStart: options.warmStart,
    });
    this.visits = new Visits(options.problems.length);
    const { kappa, kappaFinal: final, kappaSchedule: schedule, totalSteps } = options;
    this.kappa = new KappaSchedule({ schedule, kappa, final, totalSteps });
  }

  plan(context: RoundContext): readonly PlannedProblem[] {
    if (context.round >= MAX_ROUNDS || context.needed <= 0) return [];
    if (context.round === 0) {
      this.inStep.clear();
      this.tokensPlanned = 0;
    }
    const { options, posterior } = this;
    const size = options.problems.length;
    const { scores, total } = this.scores(context);
    const limit = Math.min(size, context.needed * MAX_PROBLEMS_PER_GROUP);
    const order = this.overdueFirst(weightedOrder(scores, this.keys, this.draws++, limit), limit);
    const priors = order.map((i) => posterior.at(i, context.version));
    const useful = priors.map((p) => probKept(p, options.groupSize, options.keep));
    const reachable = prefixForCount(useful, context.needed, ROUND_CONFIDENCE);
    const drawn = this.sized(context.needed, reachable, order, priors, scores, total);
    const { chosen, inverse, weights, items, counts, expected } = drawn;
    const plan: PlannedProblem[] = [];
    chosen.forEach((problem, k) => {
      const rollouts = counts[k]!;
      if (rollouts === 0) return;
      const prior = priors[k]!;
      plan.push({ problem, rollouts, prior, weight: weights[k]! });
      this.tokensPlanned += rollouts * items[k]!.cost;
      this.visits.draw(problem);
      this.inStep.add(problem);
      this.predictions.set(problem, { prior, inverse: inverse[k]! });
    });
    if (context.round === 0) {
      this.gauges = {
        "adaptive/expected_mixed": expected,
        "adaptive/kappa": this.kappa.at(context.step, context.spent),
        "adaptive/explore": this.explore(),
        "adaptive/unseen": 1 - posterior.visitedCount / size,
        "adaptive/retired": options.retire ? this.visits.numRetired : 0,
        "adaptive/prior_strength": posterior.strength,
        "adaptive/drift/q": posterior.drift.q,
        "adaptive/drift/delta": posterior.drift.delta,
      };
      this.widened = Math.max(0, this.widened - 1);
    }
    return plan;
  }

  observe(version: PolicyVersion, outcomes: readonly ProblemOutcome[]): void {
    const scored = outcomes.filter((o) => o.successes + o.failures > 0);
    const judged = scored.flatMap((o) => {
      const prediction = this.predictions.get(o.problem);
      return prediction === undefined
        ? []
        : [{ ...prediction, successes: o.successes, failures: o.failures }];
    });
    this.predictions.clear();
    this.posterior.observe(scored, version);
    for (const { problem } of scored) {
      const { a, b } = this.posterior.at(problem, version);
      this.visits.settle(problem, probAbove(a, b, RETIRE_LEVEL) > RETIRE_CONFIDENCE);
    }
    this.kappa.observe(judged);
    const brier = this.reliability.observe(judged);
    if (brier !== null) this.gauges["adaptive/brier"] = brier;
    if (this.reliability.error !== null) this.gauges["adaptive/calibration_error"] = this.reliability.error;
    if (this.kappa.signalLeft !== null) this.gauges["adaptive/signal"] = this.kappa.signalLeft;
  }

  exclude(problems: readonly number[]): void {
    this.visits.exclude(problems);
  }

  widen(): void {
    this.widened = Math.min(4, this.widened + 2);
  }

  metrics(): Metrics {
    const gauges = this.gauges;
    // A step that the bank fills plans nothing, and must not repeat what another step was like.
    this.gauges = {};
    return { ...gauges, ...this.reliability.metrics() };
  }

  mark(): () => void {
    const undo = [this.posterior.mark(), this.visits.mark()];
    const [reliability, signal] = [this.reliability.state(), this.kappa.state()];
    const [draws, widened] = [this.draws, this.widened];
    return () => {
      for (const back of undo) back();
      this.reliability.restore(reliability);
      this.kappa.restore(signal);
      this.draws = draws;
      this.widened = widened;
      this.predictions.clear();
    };
  }

  state(): AdaptiveState {
    return {
      posterior: this.posterior.state(),
      visits: this.visits.state(),
      reliability: this.reliability.state(),
      signal: this.kappa.state(),
      draws: this.draws,
      widened: this.widened,
    };
  }

  restore(state: unknown): void {
    const s = state as AdaptiveState;
    this.posterior.restore(s.posterior);
    this.visits.restore(s.visits);
    this.reliability.restore(s.reliability);
    this.kappa.restore(s.signal);
    this.draws = s.draws;
    this.widened = s.widened;
  }

  private explore(): number {
    return Math.min(1, this.options.explore * 2 ** this.widened);
  }

  /** Inclusion scores: explore / M + (1 - explore) * v^kappa / sqrt(c), the second part normalised. */
  private scores(context: RoundContext): { scores: Float64Array; total: number } {
    const { posterior, visits, inStep } = this;
    const size = this.options.problems.length;
    const scores = new Float64Array(size);
    posterior.variances(context.version, scores);
    const kappa = this.kappa.at(context.step, context.spent);
    let sum = 0;
    for (let i = 0; i < size; i++) {
      if (visits.isExcluded(i)) continue;
      scores[i] = scores[i]! ** kappa / Math.sqrt(posterior.cost(i));
      sum += scores[i]!;
    }
    const explore = this.explore();
    const each = explore / size;
    const share = (1 - explore) / (sum || 1);
    let total = 0;
    for (let i = 0; i < size; i++) {
      if (visits.isExcluded(i) || inStep.has(i)) {
        scores[i] = 0;
        continue;
      }
      scores[i] = each + share * scores[i]!;
      if (this.retired(i)) scores[i]! *= REVIEW_SHARE;
      total += scores[i]!;
    }
    return { scores, total };
  }

  private retired = (i: number): boolean => this.options.retire && this.visits.isRetired(i);

  /** Puts problems that nobody visited for `revisit` passes ahead, up to the exploration share of the draw. */
  private overdueFirst(order: number[], limit: number): number[] {
    const patience = this.options.revisit * this.options.problems.length;
    const most = Math.ceil(this.explore() * limit);
    const overdue = this.visits.overdue(
      patience,
      most,
      this.keys,
      (i) => this.retired(i) || this.inStep.has(i),
    );
    if (overdue.length === 0) return order;
    const first = new Set(overdue);
    return [...overdue, ...order.filter((i) => !first.has(i))].slice(0, limit);
  }

  /**
   * The smallest prefix of `order` whose rollouts reach the needed groups with enough confidence. How many rollouts a problem
   * gets depends on who else is chosen, so the prefix grows from `from` until the counts it leads to suffice.
   */
  private sized(
    needed: number,
    from: number,
    order: readonly number[],
    priors: readonly BetaCounts[],
    scores: Float64Array,
    total: number,
  ): Sized {
    const { options, posterior } = this;
    for (let size = from; ; size = Math.min(order.length, Math.ceil(size * 1.1))) {
      const chosen = order.slice(0, size);
      const inverse = chosen.map((i) => total / (options.problems.length * scores[i]!));
      const weights = this.weights(inverse);
      const items = chosen.map((i, k) => ({
        value: expectedVariance(priors[k]!.a, priors[k]!.b),
        weight: weights[k]!,
        cost: posterior.cost(i),
      }));
      const average = options.groupSize * items.reduce((n, it) => n + it.cost, 0);
      const left = options.stepTokens === null ? average : options.stepTokens - this.tokensPlanned;
      const budget = Math.min(average, left);
      const counts = allocateRollouts(items, { min: options.nMin, max: options.nMax, budget });
      const useful = counts.map((n, k) => probKept(priors[k]!, n, options.keep));
      const enough = prefixForCount(useful, needed, ROUND_CONFIDENCE) < size;
      if (enough || size >= order.length || budget < average) {
        return { chosen, inverse, weights, items, counts, expected: useful.reduce((a, b) => a + b, 0) };
      }
    }
  }

  /** curriculum: 1. uniform: inverse inclusion 1 / (M pi), at most 5, scaled to a mean of 1. */
  private weights(inverse: readonly number[]): number[] {
    if (this.options.objective === "curriculum") return inverse.map(() => 1);
    const raw = inverse.map((w) => Math.min(MAX_WEIGHT, w));
    const m = mean(raw);
    return raw.map((w) => w / m);
  }
}
