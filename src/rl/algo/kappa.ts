/**
 * The sharpness kappa of the choice of problems: narrow (towards p = 1/2) while signal is rich, wider as it runs out, so
 * that training does not dwell on a few problems while the rest of the set is left behind.
 *
 * - `fixed`: kappa.
 * - `linear`: from kappa at the first step to kappa_final at the last, or at the end of the token budget if that is sooner.
 * - `signal`: by how much signal is left. S is the mean outcome variance p(1 - p) of the whole set, estimated without
 *   bias from each step's groups, s f / (N (N - 1)) weighted by inverse inclusion, smoothed over steps. With S* the greatest
 *   S so far:  kappa_final + (kappa - kappa_final) * clamp(2 S / S* - 1, 0, 1): all of it at the peak, none at half of it.
 */

import type { Stateful } from "../../core/ports.js";

export interface KappaOptions {
  readonly schedule: "fixed" | "linear" | "signal";
  readonly kappa: number;
  readonly final: number;
  readonly totalSteps: number;
}

/** A step's weight in the smoothed signal. */
const FRESH = 0.1;
/** Inverse inclusion counts for this many average problems at most. */
const MAX_WEIGHT = 5;

export interface DrawnGroup {
  readonly successes: number;
  readonly failures: number;
  /** 1 / (M pi): how many average problems the drawn one stands for. */
  readonly inverse: number;
}

export interface SignalState {
  readonly signal: number | null;
  readonly peak: number;
}

export class KappaSchedule implements Stateful<SignalState> {
  private readonly options: KappaOptions;
  private signal: number | null = null;
  private peak = 0;

  constructor(options: KappaOptions) {
    this.options = options;
  }

  /**
   * @param step from 1
   * @param spent share of the token budget that is used up
   */
  at(step: number, spent = 0): number {
    const { schedule, kappa, final, totalSteps } = this.options;
    if (schedule === "fixed") return kappa;
    if (schedule === "linear") {
      const t = totalSteps <= 1 ? 0 : Math.min(1, Math.max((step - 1) / (totalSteps - 1), spent));
      return kappa + (final - kappa) * t;
    }
    const left =
      this.signal === null || this.peak === 0
        ? 1
        : Math.min(1, Math.max(0, (2 * this.signal) / this.peak - 1));
    return final + (kappa - final) * left;
  }

  /** Mean p(1 - p) of the set, smoothed; null before any group of two. */
  get signalLeft(): number | null {
    return this.signal;
  }

  observe(groups: readonly DrawnGroup[]): void {
    let [sum, total] = [0, 0];
    for (const { successes, failures, inverse } of groups) {
      const n = successes + failures;
      if (n < 2) continue;
      const w = Math.min(MAX_WEIGHT, inverse);
      sum += (w * successes * failures) / (n * (n - 1));
      total += w;
    }
    if (total === 0) return;
    const now = sum / total;
    this.signal = this.signal === null ? now : (1 - FRESH) * this.signal + FRESH * now;
    this.peak = Math.max(this.peak, this.signal);
  }

  state(): SignalState {
    return { signal: this.signal, peak: this.peak };
  }

  restore(state: SignalState): void {
    this.signal = state.signal;
    this.peak = state.peak;
  }
}
