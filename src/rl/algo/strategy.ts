/** What decides which problems are sampled, and how often. Every strategy is an arm of the same ablation. */

import type { Metrics, Stateful } from "../../core/ports.js";
import type { PolicyVersion, Step } from "../../core/units.js";
import type { BetaCounts } from "./advantages.js";
import type { KeepRule } from "./filters.js";

/** One problem of a round. `problem` is its index in the training set. */
export interface PlannedProblem {
  readonly problem: number;
  readonly rollouts: number;
  readonly prior: BetaCounts;
  readonly weight: number;
}

export interface RoundContext {
  readonly step: Step;
  readonly version: PolicyVersion;
  /** From 0. */
  readonly round: number;
  /** Useful groups still missing. */
  readonly needed: number;
  /** Share of the run's budget of generated tokens that was used before this step; 0 without a budget. */
  readonly spent: number;
}

/** What came of one planned problem. Infra failures are missing data, so they are in neither count. */
export interface ProblemOutcome {
  readonly problem: number;
  readonly successes: number;
  readonly failures: number;
  /** Mean completion tokens of its rollouts. */
  readonly meanTokens: number;
}

export interface Strategy extends Stateful<unknown> {
  readonly name: string;
  /** Which groups are trained on. */
  readonly keep: KeepRule;
  /** The next round of a step; empty = close the step with what there is. */
  plan(context: RoundContext): readonly PlannedProblem[];
  observe(version: PolicyVersion, outcomes: readonly ProblemOutcome[]): void;
  /**
   * Problems that must not be planned again, whoever found out: a golden that cannot serve, or a problem in quarantine. Saying
   * it twice changes nothing, and it is part of the state.
   */
  exclude(problems: readonly number[]): void;
  /** Remembers the state in memory, cheaply; the function it returns goes back to it. What `state()` is to a checkpoint. */
  mark(): () => void;
  /** A step found no signal: look further afield for a while. */
  widen(): void;
  /** Gauges since the last call, keys `adaptive/...`. */
  metrics(): Metrics;
}
