/**
 * Are the estimates honest? Predicted pass rates against what happened: the Brier score of a step, and a reliability
 * table by bins of the prediction, over the whole run (what a calibration plot is drawn from).
 */

import type { Metrics, Stateful } from "../../core/ports.js";
import type { BetaCounts } from "./advantages.js";

export const RELIABILITY_BINS = 10;

/** Of the predictions in one bin: how many rollouts they spoke of, the sum of the predictions and of the successes. */
type Bin = readonly [rollouts: number, predicted: number, observed: number];

export interface ReliabilityState {
  readonly bins: readonly Bin[];
}

export interface Judged {
  /** The posterior before the rollouts. */
  readonly prior: BetaCounts;
  readonly successes: number;
  readonly failures: number;
}

export class Reliability implements Stateful<ReliabilityState> {
  private bins: [number, number, number][] = Array.from({ length: RELIABILITY_BINS }, () => [0, 0, 0]);

  /** @returns mean over rollouts of (prediction - outcome)^2; null when there were none */
  observe(judged: readonly Judged[]): number | null {
    let [sum, total] = [0, 0];
    for (const { prior, successes, failures } of judged) {
      const n = successes + failures;
      const p = prior.a / (prior.a + prior.b);
      sum += successes * (1 - p) ** 2 + failures * p ** 2;
      total += n;
      const bin = this.bins[Math.min(RELIABILITY_BINS - 1, Math.floor(p * RELIABILITY_BINS))]!;
      bin[0] += n;
      bin[1] += n * p;
      bin[2] += successes;
    }
    return total === 0 ? null : sum / total;
  }

  /** Mean over bins of |predicted - observed|, weighted by rollouts: the expected calibration error; null before any. */
  get error(): number | null {
    const total = this.bins.reduce((n, b) => n + b[0], 0);
    return total === 0 ? null : this.bins.reduce((e, b) => e + Math.abs(b[1] - b[2]), 0) / total;
  }

  /** Of every bin that has rollouts: their number, the mean prediction and the share that passed. */
  metrics(): Metrics {
    const out: Record<string, number> = {};
    this.bins.forEach(([n, predicted, observed], k) => {
      if (n === 0) return;
      out[`adaptive/reliability/${k}/rollouts`] = n;
      out[`adaptive/reliability/${k}/predicted`] = predicted / n;
      out[`adaptive/reliability/${k}/observed`] = observed / n;
    });
    return out;
  }

  state(): ReliabilityState {
    return { bins: this.bins.map(([n, p, o]) => [n, p, o]) };
  }

  restore(state: ReliabilityState): void {
    this.bins = state.bins.map(([n, p, o]) => [n, p, o]);
  }
}
