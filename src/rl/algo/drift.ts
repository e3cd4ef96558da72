/**
 * How fast pass rates move as the policy is trained. The logit of a pass rate is taken for a random walk with variance q
 * and mean delta an update, so that counts fade and their mean shifts (design: algorithm.md section 4):
 *
 *   n' = n / (1 + q * dt * n * m (1 - m)),   m' = sigmoid(logit m + delta * dt)
 *
 * q and delta are fitted online, by how well repeat visits were predicted: the Beta-Binomial likelihood of the new counts
 * under each value of a small grid, older evidence fading, over a prior that holds delta near 0.
 */

import type { Stateful } from "../../core/ports.js";
import { logEvidence } from "./beta.js";
import { GridFit, type GridState } from "./grid-fit.js";

export interface Drift {
  /** Variance of the logit an update, >= 0. */
  readonly q: number;
  /** Mean gain of the logit an update. */
  readonly delta: number;
}

const Q_GRID = [0, 0.003, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5] as const;
const DELTA_GRID = [-0.2, -0.1, -0.05, -0.02, -0.01, 0, 0.01, 0.02, 0.05, 0.1, 0.2] as const;
/** In log q, around 0.02. */
const qPrior = (q: number): number => -0.5 * (Math.log((q + 1e-3) / 0.021) / 1.5) ** 2;
/** Standard deviation 0.03: a run of 60 updates rarely gains more than two logits. */
const deltaPrior = (delta: number): number => -0.5 * (delta / 0.03) ** 2;

/** A problem's own counts as they were left, and the prior they stand on now. */
export interface Before {
  readonly successes: number;
  readonly failures: number;
  /** Updates since. */
  readonly age: number;
  /** Mean and pseudo-counts of the prior. */
  readonly priorMean: number;
  readonly strength: number;
}

/** Share of the counts that is left after `age` updates; m is the mean of prior and counts together. */
export function keptShare(c: Before, q: number): number {
  const n = c.successes + c.failures;
  const m = (c.successes + c.strength * c.priorMean) / (n + c.strength);
  return 1 / (1 + q * c.age * n * m * (1 - m));
}

/** Successes over counts after the shift by delta; exactly what they were at delta = 0. */
export function shiftedRate(c: Before, delta: number): number {
  const n = c.successes + c.failures;
  const rate = c.successes / n;
  if (delta === 0 || c.age === 0) return rate;
  const m = (c.successes + c.strength * c.priorMean) / (n + c.strength);
  const moved = 1 / (1 + ((1 - m) / m) * Math.exp(-delta * c.age));
  return Math.min(1, Math.max(0, rate + moved - m));
}

export interface DriftState {
  readonly q: GridState;
  readonly delta: GridState;
}

export class DriftFit implements Stateful<DriftState> {
  private readonly q = new GridFit(Q_GRID, qPrior);
  private readonly delta = new GridFit(DELTA_GRID, deltaPrior);
  private fitted: Drift = { q: this.q.mean, delta: this.delta.mean };

  get current(): Drift {
    return this.fitted;
  }

  /** Takes a step's repeat visits together, each judged by the values from before the step, so their order does not matter. */
  observe(visits: readonly RepeatVisit[], version: number): void {
    this.q.fade(version);
    this.delta.fade(version);
    for (const { before, successes, failures } of visits) {
      if (before.age <= 0 || before.successes + before.failures <= 0) continue;
      const { q, delta } = this.fitted;
      this.q.add((value) => predicted(before, { q: value, delta }, successes, failures));
      this.delta.add((value) => predicted(before, { q, delta: value }, successes, failures));
    }
    this.fitted = { q: this.q.mean, delta: this.delta.mean };
  }

  state(): DriftState {
    return { q: this.q.state(), delta: this.delta.state() };
  }

  restore(state: DriftState): void {
    this.q.restore(state.q);
    this.delta.restore(state.delta);
    this.fitted = { q: this.q.mean, delta: this.delta.mean };
  }
}

export interface RepeatVisit {
  readonly before: Before;
  readonly successes: number;
  readonly failures: number;
}

/** Log-probability of new counts under the old ones, faded and shifted. */
function predicted(c: Before, drift: Drift, successes: number, failures: number): number {
  const n = (c.successes + c.failures) * keptShare(c, drift.q);
  const rate = shiftedRate(c, drift.delta);
  const a = n * rate + c.strength * c.priorMean;
  const b = n * (1 - rate) + c.strength * (1 - c.priorMean);
  return logEvidence(a, b, successes, failures);
}
