/**
 * Pass-rate estimates: a Beta posterior per problem. A problem's own counts stand on a prior that its bucket (family or
 * difficulty class) shares, so that a problem never visited is judged by its kin. The policy moves under the counts, so
 * they fade: a bucket's geometrically, a problem's own by the drift rule n' = n / (1 + q * dt * n * m * (1 - m))
 * (design: algorithm.md section 4).
 */

import type { Stateful } from "../../core/ports.js";
import type { PolicyVersion } from "../../core/units.js";
import type { BetaCounts } from "./advantages.js";

export interface PosteriorProblem {
  readonly bucket: string;
  readonly prior?: { readonly successes: number; readonly failures: number };
}

export interface PosteriorOptions {
  /** Pseudo-counts of the shared prior. */
  readonly strength: number;
  /** Share of a bucket's counts that is left after one more version. */
  readonly bucketDecay: number;
  /** Drift rate q of a problem's own counts. */
  readonly drift: number;
}

export const POSTERIOR_DEFAULTS = { bucketDecay: 0.9, drift: 0.02 } as const;

/** Counts of one problem or bucket: [successes, failures, version of the last update]. */
type Counts = [successes: number, failures: number, version: number];

export interface PosteriorState {
  readonly global: Counts;
  readonly buckets: readonly (readonly [string, Counts])[];
  readonly problems: readonly (readonly [number, Counts])[];
  readonly costs: readonly (readonly [number, number])[];
  readonly bucketCosts: readonly (readonly [string, number])[];
  readonly meanCost: number | null;
}

export class PassRatePosterior implements Stateful<PosteriorState> {
  private readonly problems: readonly PosteriorProblem[];
  private readonly options: PosteriorOptions;
  private global: Counts = [0, 0, 0];
  private buckets = new Map<string, Counts>();
  private own = new Map<number, Counts>();
  private costs = new Map<number, number>();
  private bucketCost = new Map<string, number>();
  private meanCost: number | null = null;

  constructor(problems: readonly PosteriorProblem[], options: PosteriorOptions) {
    this.problems = problems;
    this.options = options;
    problems.forEach((p, i) => {
      if (p.prior !== undefined) this.count(i, p.prior.successes, p.prior.failures, 0);
    });
  }

  /** Pseudo-counts of problem `i` as of `version`. */
  at(i: number, version: PolicyVersion): BetaCounts {
    const m = this.bucketMean(this.problems[i]!.bucket, version);
    const s = this.options.strength;
    const own = this.own.get(i);
    if (own === undefined) return { a: s * m, b: s * (1 - m) };
    const n = own[0] + own[1];
    const q = n === 0 ? 0 : own[0] / n;
    // Variance of the bucket's mean keeps the fade alive when the own counts are all equal.
    const spread = Math.max(q * (1 - q), m * (1 - m));
    const keep = 1 / (1 + this.options.drift * Math.max(0, version - own[2]) * n * spread);
    return { a: s * m + own[0] * keep, b: s * (1 - m) + own[1] * keep };
  }

  visited(i: number): boolean {
    return this.own.has(i);
  }

  get visitedCount(): number {
    return this.own.size;
  }

  /** Mean tokens of a rollout of problem `i`, from its own visits, else its bucket's, else all visits'; 1 before any. */
  cost(i: number): number {
    return this.costs.get(i) ?? this.bucketCost.get(this.problems[i]!.bucket) ?? this.meanCost ?? 1;
  }

  observe(i: number, successes: number, failures: number, meanTokens: number, version: PolicyVersion): void {
    this.count(i, successes, failures, version);
    if (!(meanTokens > 0)) return;
    const bucket = this.problems[i]!.bucket;
    this.costs.set(i, blend(this.costs.get(i), meanTokens));
    this.bucketCost.set(bucket, blend(this.bucketCost.get(bucket), meanTokens));
    this.meanCost = this.meanCost === null ? meanTokens : 0.98 * this.meanCost + 0.02 * meanTokens;
  }

  /** Mean pass rate of a bucket; shrunk to the global mean, which is shrunk to one half. */
  bucketMean(bucket: string, version: number): number {
    const g = faded(this.global, version, this.options.bucketDecay);
    const globalMean = (g[0] + 1) / (g[0] + g[1] + 2);
    const c = this.buckets.get(bucket);
    if (c === undefined) return bounded(globalMean);
    const b = faded(c, version, this.options.bucketDecay);
    return bounded((b[0] + 2 * globalMean) / (b[0] + b[1] + 2));
  }

  state(): PosteriorState {
    return {
      global: [...this.global],
      buckets: [...this.buckets].map(([k, c]) => [k, [...c]]),
      problems: [...this.own].map(([k, c]) => [k, [...c]]),
      costs: [...this.costs],
      bucketCosts: [...this.bucketCost],
      meanCost: this.meanCost,
    };
  }

  restore(state: PosteriorState): void {
    this.global = [...state.global];
    this.buckets = new Map(state.buckets.map(([k, c]) => [k, [...c]]));
    this.own = new Map(state.problems.map(([k, c]) => [k, [...c]]));
    this.costs = new Map(state.costs);
    this.bucketCost = new Map(state.bucketCosts);
    this.meanCost = state.meanCost;
  }

  private count(i: number, successes: number, failures: number, version: number): void {
    const bucket = this.problems[i]!.bucket;
    const decay = this.options.bucketDecay;
    this.global = added(faded(this.global, version, decay), successes, failures);
    this.buckets.set(
      bucket,
      added(faded(this.buckets.get(bucket) ?? [0, 0, version], version, decay), successes, failures),
    );
    const before = this.own.get(i);
    if (before === undefined) {
      this.own.set(i, [successes, failures, version]);
      return;
    }
    const n = before[0] + before[1];
    const m = n === 0 ? 0.5 : (before[0] + 0.5) / (n + 1);
    const keep = 1 / (1 + this.options.drift * Math.max(0, version - before[2]) * n * m * (1 - m));
    this.own.set(i, [before[0] * keep + successes, before[1] * keep + failures, version]);
  }
}

const blend = (old: number | undefined, fresh: number): number =>
  old === undefined ? fresh : 0.5 * old + 0.5 * fresh;
const bounded = (m: number): number => Math.min(0.98, Math.max(0.02, m));

function faded(c: Counts, version: number, decay: number): Counts {
  const keep = decay ** Math.max(0, version - c[2]);
  return [c[0] * keep, c[1] * keep, version];
}

const added = (c: Counts, s: number, f: number): Counts => [c[0] + s, c[1] + f, c[2]];
