/** A parameter fitted online on a small grid: log-evidence for each value, older evidence fading, over a prior. */

import type { Stateful } from "../../core/ports.js";

/** What is left of the evidence after one more version. */
const FORGET = 0.98;

export interface GridState {
  readonly evidence: readonly number[];
  readonly version: number;
}

export class GridFit implements Stateful<GridState> {
  readonly grid: readonly number[];
  private readonly prior: readonly number[];
  private evidence: Float64Array;
  private version = 0;

  /** @param prior log-density of each value before any evidence, up to a constant */
  constructor(grid: readonly number[], prior: (value: number) => number) {
    this.grid = grid;
    this.prior = grid.map(prior);
    this.evidence = new Float64Array(grid.length);
  }

  /** Posterior mean. */
  get mean(): number {
    let top = Number.NEGATIVE_INFINITY;
    for (let k = 0; k < this.grid.length; k++) top = Math.max(top, this.evidence[k]! + this.prior[k]!);
    let [total, sum] = [0, 0];
    for (let k = 0; k < this.grid.length; k++) {
      const w = Math.exp(this.evidence[k]! + this.prior[k]! - top);
      total += w;
      sum += w * this.grid[k]!;
    }
    return sum / total;
  }

  fade(version: number): void {
    const keep = FORGET ** Math.max(0, version - this.version);
    this.version = Math.max(version, this.version);
    for (let k = 0; k < this.evidence.length; k++) this.evidence[k]! *= keep;
  }

  add(logLikelihood: (value: number) => number): void {
    for (let k = 0; k < this.grid.length; k++) this.evidence[k]! += logLikelihood(this.grid[k]!);
  }

  state(): GridState {
    return { evidence: [...this.evidence], version: this.version };
  }

  restore(state: GridState): void {
    this.evidence = Float64Array.from(state.evidence);
    this.version = state.version;
  }
}
