/**
 * Pass-rate estimates: a Beta posterior per problem. A problem's own counts stand on an empirical-Bayes prior that its
 * bucket (family or difficulty class) shares, so that a problem never visited uses the prior of its bucket. The policy moves under
 * the counts, so they fade: a bucket's geometrically, a problem's own by the drift that was fitted (drift.ts).
 *
 * Columns of 32-bit numbers, 16 bytes a problem: sets of 10^5 problems are planned in milliseconds.
 */

import type { Stateful } from "../../core/ports.js";
import type { PolicyVersion } from "../../core/units.js";
import type { BetaCounts } from "./advantages.js";
import { logEvidence } from "./beta.js";
import { Buckets, type BucketsState } from "./buckets.js";
import { columnText, readColumn } from "./columns.js";
import { type Before, type Drift, DriftFit, type DriftState, keptShare, shiftedRate } from "./drift.js";
import { GridFit, type GridState } from "./grid-fit.js";

export interface PosteriorProblem {
  readonly bucket: string;
  readonly prior?: {
    readonly successes: number;
    readonly failures: number;
    /** Tokens that were spent on these counts, 0 when nobody says. */
    readonly tokens?: number;
  };
}

export interface PosteriorOptions {
  /** Pseudo-counts of the shared prior; null = fitted on first visits. */
  readonly strength: number | null;
  /** fit = drift by predictive likelihood; off = own counts never fade. */
  readonly drift: "fit" | "off";
  /** Whether counts that the data set carries are used. */
  readonly warmStart: boolean;
}

/** How alike the problems of a bucket are: few pseudo-counts where most are nearly always or nearly never solved. */
const STRENGTH_GRID = [0.3, 0.5, 0.8, 1.2, 2, 3, 4.5, 7, 12] as const;
const strengthPrior = (s: number): number => -0.5 * Math.log(s / 3) ** 2;

const NO_DRIFT: Drift = { q: 0, delta: 0 };

/** What came of the visits of one problem in a step. */
export interface Visit {
  readonly problem: number;
  readonly successes: number;
  readonly failures: number;
  readonly meanTokens: number;
}

export interface PosteriorState {
  readonly successes: string;
  readonly failures: string;
  readonly versions: string;
  readonly costs: string;
  readonly buckets: BucketsState;
  readonly drift: DriftState;
  readonly strength: GridState;
}

export class PassRatePosterior implements Stateful<PosteriorState> {
  private readonly options: PosteriorOptions;
  private readonly buckets: Buckets;
  private readonly fit = new DriftFit();
  private readonly strengthFit = new GridFit(STRENGTH_GRID, strengthPrior);
  private fittedStrength = this.strengthFit.mean;
  private readonly successes: Float32Array; // [M] own counts as of `versions`
  private readonly failures: Float32Array; // [M]
  private readonly versions: Int32Array; // [M] -1 = never visited
  private readonly costs: Float32Array; // [M] mean tokens of a rollout; 0 = unknown
  private seen = 0;

  constructor(problems: readonly PosteriorProblem[], options: PosteriorOptions) {
    this.options = options;
    this.buckets = new Buckets(problems.map((p) => p.bucket));
    this.successes = new Float32Array(problems.length);
    this.failures = new Float32Array(problems.length);
    this.versions = new Int32Array(problems.length).fill(-1);
    this.costs = new Float32Array(problems.length);
    if (!options.warmStart) return;
    problems.forEach(({ prior }, problem) => {
      if (prior === undefined || prior.successes + prior.failures <= 0) return;
      const { successes, failures, tokens = 0 } = prior;
      this.add({ problem, successes, failures, meanTokens: tokens / (successes + failures) }, 0);
    });
  }

  get drift(): Drift {
    return this.options.drift === "fit" ? this.fit.current : NO_DRIFT;
  }

  /** Pseudo-counts of the shared prior. */
  get strength(): number {
    return this.options.strength ?? this.fittedStrength;
  }

  /** Pseudo-counts of problem `i` as of `version`. */
  at(i: number, version: PolicyVersion): BetaCounts {
    const before = this.before(i, version);
    const { priorMean: m, strength: s } = before;
    if (this.versions[i]! < 0) return { a: s * m, b: s * (1 - m) };
    const n = (before.successes + before.failures) * keptShare(before, this.drift.q);
    const rate = n === 0 ? 0 : shiftedRate(before, this.drift.delta);
    return { a: s * m + n * rate, b: s * (1 - m) + n * (1 - rate) };
  }

  /** Expected outcome variance E[p(1-p)] of every problem, into `out` [M]. */
  variances(version: PolicyVersion, out: Float64Array): void {
    const { strength } = this;
    const unseen = this.buckets.means(version).map((m) => (strength * m * (1 - m)) / (strength + 1));
    for (let i = 0; i < out.length; i++) {
      if (this.versions[i]! < 0) {
        out[i] = unseen[this.buckets.of[i]!]!;
        continue;
      }
      const { a, b } = this.at(i, version);
      const n = a + b;
      out[i] = (a * b) / (n * (n + 1));
    }
  }

  visited(i: number): boolean {
    return this.versions[i]! >= 0;
  }

  get visitedCount(): number {
    return this.seen;
  }

  /** Mean tokens of a rollout of problem `i`, from its own visits, else its bucket's, else all visits'; 1 before any. */
  cost(i: number): number {
    const own = this.costs[i]!;
    return own > 0 ? own : this.buckets.cost(i);
  }

  /** The visits of one step; their order does not matter, because all are judged by the counts from before. */
  observe(visits: readonly Visit[], version: PolicyVersion): void {
    const befores = visits.map((v) => (this.visited(v.problem) ? this.before(v.problem, version) : null));
    if (this.options.drift === "fit") {
      const repeats = visits.flatMap(({ successes, failures }, k) => {
        const before = befores[k];
        return before == null ? [] : [{ before, successes, failures }];
      });
      this.fit.observe(repeats, version);
    }
    if (this.options.strength === null) this.fitStrength(visits, version);
    visits.forEach((visit, k) => {
      const before = befores[k];
      if (before != null) this.fade(visit.problem, before);
      this.add(visit, version);
    });
  }

  mark(): () => void {
    const columns = this.columns();
    const copies = columns.map((c) => c.slice());
    const [buckets, drift, seen] = [this.buckets.state(), this.fit.state(), this.seen];
    const strength = this.strengthFit.state();
    return () => {
      columns.forEach((c, k) => {
        c.set(copies[k]!);
      });
      this.buckets.restore(buckets);
      this.fit.restore(drift);
      this.restoreStrength(strength);
      this.seen = seen;
    };
  }

  state(): PosteriorState {
    return {
      successes: columnText(this.successes),
      failures: columnText(this.failures),
      versions: columnText(this.versions),
      costs: columnText(this.costs),
      buckets: this.buckets.state(),
      drift: this.fit.state(),
      strength: this.strengthFit.state(),
    };
  }

  restore(state: PosteriorState): void {
    readColumn(state.successes, this.successes);
    readColumn(state.failures, this.failures);
    readColumn(state.versions, this.versions);
    readColumn(state.costs, this.costs);
    this.buckets.restore(state.buckets);
    this.fit.restore(state.drift);
    this.restoreStrength(state.strength);
    this.seen = this.versions.reduce((n, v) => n + (v >= 0 ? 1 : 0), 0);
  }

  private restoreStrength(state: GridState): void {
    this.strengthFit.restore(state);
    this.fittedStrength = this.strengthFit.mean;
  }

  private columns(): (Float32Array | Int32Array)[] {
    return [this.successes, this.failures, this.versions, this.costs];
  }

  private before(i: number, version: number): Before {
    return {
      successes: this.successes[i]!,
      failures: this.failures[i]!,
      age: Math.max(0, version - Math.max(0, this.versions[i]!)),
      priorMean: this.buckets.mean(i, version),
      strength: this.strength,
    };
  }

  /** A first visit is predicted by the prior alone, so it tells how strong the prior should be. */
  private fitStrength(visits: readonly Visit[], version: number): void {
    this.strengthFit.fade(version);
    for (const { problem, successes, failures } of visits) {
      if (this.visited(problem)) continue;
      const m = this.buckets.mean(problem, version);
      this.strengthFit.add((s) => logEvidence(s * m, s * (1 - m), successes, failures));
    }
    this.fittedStrength = this.strengthFit.mean;
  }

  private fade(i: number, before: Before): void {
    const n = (before.successes + before.failures) * keptShare(before, this.drift.q);
    const rate = n === 0 ? 0 : shiftedRate(before, this.drift.delta);
    this.successes[i] = n * rate;
    this.failures[i] = n * (1 - rate);
  }

  private add({ problem: i, successes, failures, meanTokens }: Visit, version: number): void {
    if (this.versions[i]! < 0) this.seen++;
    this.successes[i]! += successes;
    this.failures[i]! += failures;
    this.versions[i] = version;
    this.buckets.add(i, successes, failures, version);
    if (!(meanTokens > 0)) return;
    this.costs[i] = this.costs[i]! > 0 ? 0.5 * this.costs[i]! + 0.5 * meanTokens : meanTokens;
    this.buckets.addCost(i, meanTokens);
  }
}
