/**
 * What the problems of a bucket share: a pass rate and a cost. Counts fade geometrically as the policy moves; a bucket's
 * mean is shrunk to the mean of all, which is shrunk to one half.
 */

import type { Stateful } from "../../core/ports.js";

/** Share of a bucket's counts that is left after one more version. */
const KEEP = 0.9;
/** Pseudo-counts by which a bucket leans on the mean of all. */
const LEAN = 2;

/** [successes, failures, version of the last update, mean tokens of a rollout or 0]. */
type Row = readonly [number, number, number, number];

export interface BucketsState {
  /** By name, so that a restored set may list its problems in another order. */
  readonly rows: readonly (readonly [string, Row])[];
  readonly all: Row;
}

export class Buckets implements Stateful<BucketsState> {
  /** [M] index of each problem's bucket. */
  readonly of: Int32Array;
  private readonly names: readonly string[];
  private rows: [number, number, number, number][];
  private all: [number, number, number, number] = [0, 0, 0, 0];
  private cached: { readonly version: number; readonly means: Float64Array } | null = null;

  constructor(bucketOf: readonly string[]) {
    const index = new Map<string, number>();
    this.of = Int32Array.from(bucketOf, (name) => {
      const known = index.get(name);
      if (known !== undefined) return known;
      index.set(name, index.size);
      return index.size - 1;
    });
    this.names = [...index.keys()];
    this.rows = this.names.map(() => [0, 0, 0, 0]);
  }

  mean(problem: number, version: number): number {
    return this.means(version)[this.of[problem]!]!;
  }

  /** Mean pass rate of every bucket as of `version`. */
  means(version: number): Float64Array {
    if (this.cached?.version === version) return this.cached.means;
    const keepAll = KEEP ** Math.max(0, version - this.all[2]);
    const [s, f] = [this.all[0] * keepAll, this.all[1] * keepAll];
    const overall = (s + 1) / (s + f + 2);
    const means = Float64Array.from(this.rows, (row) => {
      const keep = KEEP ** Math.max(0, version - row[2]);
      const m = (row[0] * keep + LEAN * overall) / ((row[0] + row[1]) * keep + LEAN);
      return Math.min(0.98, Math.max(0.02, m));
    });
    this.cached = { version, means };
    return means;
  }

  /** Mean tokens of a rollout of the problem's bucket, else of all; 1 before any. */
  cost(problem: number): number {
    return this.rows[this.of[problem]!]![3] || this.all[3] || 1;
  }

  add(problem: number, successes: number, failures: number, version: number): void {
    this.cached = null;
    for (const row of [this.all, this.rows[this.of[problem]!]!]) {
      const keep = KEEP ** Math.max(0, version - row[2]);
      row[0] = row[0] * keep + successes;
      row[1] = row[1] * keep + failures;
      row[2] = version;
    }
  }

  addCost(problem: number, tokens: number): void {
    const row = this.rows[this.of[problem]!]!;
    row[3] = row[3] > 0 ? 0.9 * row[3] + 0.1 * tokens : tokens;
    this.all[3] = this.all[3] > 0 ? 0.98 * this.all[3] + 0.02 * tokens : tokens;
  }

  state(): BucketsState {
    return { rows: this.names.map((name, k) => [name, [...this.rows[k]!]]), all: [...this.all] };
  }

  restore(state: BucketsState): void {
    const saved = new Map(state.rows);
    this.rows = this.names.map((name) => [...(saved.get(name) ?? ([0, 0, 0, 0] as const))]);
    this.all = [...state.all];
    this.cached = null;
  }
}
