/**
 * How fast pass rates move as the policy is trained. The logit of a pass rate is taken for a random walk with variance q
 * and mean delta an update, so that counts fade and their mean shifts (design: algorithm.md section 4):
 *
 *   n' = n / (1 + q * dt * n * m (1 - m)),   m' = sigmoid(logit m + delta * dt)
 *
 * q and delta are fitted online, by how well repeat visits were predicted: the Beta-Binomial likelihood of the new counts
 * under each value of a small grid, older evidence fading, over a prior that holds delta near 0.
 */

import { logEvidence } from "./beta.js";

export interface Drift {
  /** Variance of the logit an update, >= 0. */
  readonly q: number;
  /** Mean gain of the logit an update. */
  readonly delta: number;
}

/** Before any repeat visit. */
export const DRIFT_PRIOR: Drift = { q: 0.02, delta: 0 };

/** What is left of the grid's evidence after one more update. */
const FORGET = 0.98;
const Q_GRID = [0, 0.003, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5] as const;
const DELTA_GRID = [-0.2, -0.1, -0.05, -0.02, -0.01, 0, 0.01, 0.02, 0.05, 0.1, 0.2] as const;
const Q_PRIOR = Q_GRID.map((q) => -0.5 * (Math.log((q + 1e-3) / (DRIFT_PRIOR.q + 1e-3)) / 1.5) ** 2);
/** Standard deviation 0.03: a run of 60 updates rarely gains more than two logits. */
const DELTA_PRIOR = DELTA_GRID.map((d) => -0.5 * (d / 0.03) ** 2);

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
  readonly q: readonly number[];
  readonly delta: readonly number[];
  readonly version: number;
}

export class DriftFit {
  private q = new Float64Array(Q_GRID.length);
  private delta = new Float64Array(DELTA_GRID.length);
  private version = 0;
  private fitted: Drift = DRIFT_PRIOR;

  get current(): Drift {
    return this.fitted;
  }

  /** Takes a step's repeat visits together, each judged by the values from before the step, so their order is of no account. */
  observe(visits: readonly { before: Before; successes: number; failures: number }[], version: number): void {
    const keep = FORGET ** Math.max(0, version - this.version);
    this.version = Math.max(version, this.version);
    for (let k = 0; k < Q_GRID.length; k++) this.q[k]! *= keep;
    for (let k = 0; k < DELTA_GRID.length; k++) this.delta[k]! *= keep;
    for (const { before, successes, failures } of visits) {
      if (before.age <= 0 || before.successes + before.failures <= 0) continue;
      for (let k = 0; k < Q_GRID.length; k++) {
        this.q[k]! += predicted(before, { ...this.fitted, q: Q_GRID[k]! }, successes, failures);
      }
      for (let k = 0; k < DELTA_GRID.length; k++) {
        this.delta[k]! += predicted(before, { ...this.fitted, delta: DELTA_GRID[k]! }, successes, failures);
      }
    }
    this.fitted = {
      q: average(Q_GRID, this.q, Q_PRIOR),
      delta: average(DELTA_GRID, this.delta, DELTA_PRIOR),
    };
  }

  state(): DriftState {
    return { q: [...this.q], delta: [...this.delta], version: this.version };
  }

  restore(state: DriftState): void {
    this.q = Float64Array.from(state.q);
    this.delta = Float64Array.from(state.delta);
    this.version = state.version;
    const fresh = state.q.every((x) => x === 0) && state.delta.every((x) => x === 0);
    this.fitted = fresh
      ? DRIFT_PRIOR
      : { q: average(Q_GRID, this.q, Q_PRIOR), delta: average(DELTA_GRID, this.delta, DELTA_PRIOR) };
  }
}

/** Log-probability of new counts under the old ones, faded and shifted. */
function predicted(c: Before, drift: Drift, successes: number, failures: number): number {
  const n = (c.successes + c.failures) * keptShare(c, drift.q);
  const rate = shiftedRate(c, drift.delta);
  const a = n * rate + c.strength * c.priorMean;
  const b = n * (1 - rate) + c.strength * (1 - c.priorMean);
  return logEvidence(a, b, successes, failures);
}

/** Posterior mean of a grid's values. */
function average(grid: readonly number[], evidence: ArrayLike<number>, prior: readonly number[]): number {
  let top = Number.NEGATIVE_INFINITY;
  for (let k = 0; k < grid.length; k++) top = Math.max(top, evidence[k]! + prior[k]!);
  let total = 0;
  let sum = 0;
  for (let k = 0; k < grid.length; k++) {
    const w = Math.exp(evidence[k]! + prior[k]! - top);
    total += w;
    sum += w * grid[k]!;
  }
  return sum / total;
}
