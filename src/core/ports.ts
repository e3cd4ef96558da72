/**
 * The seams between the control plane and the engines. Two to five members each; every one has a fake in the package.
 * The control plane owns every decision and all state. Engines only turn tensors and text into tensors and text.
 */

import type { Batch, Completion, Problem, SampleRequest, StepHyper, StepReport, Verdict } from "./types.js";
import type { PolicyVersion, ProblemId, Seed } from "./units.js";

/** Everything with memory: `restore(state())` and k steps equals k steps. The state is plain JSON. */
export interface Stateful<S> {
  state(): S;
  restore(state: S): void;
}

export interface SamplerInfo {
  readonly engine: string;
  readonly device: string;
  readonly maxLength: number; // prompt + completion tokens
  readonly vocabSize: number;
}

/** Draws completions. Its weights come through the `Handover` of the pair it belongs to. */
export interface Sampler {
  /** What it is; known once it is open. */
  readonly info: SamplerInfo;
  /**
   * Yields completions as they finish, in any order; all requests are yielded unless the signal aborts. Each completion
   * carries the version of the weights it was drawn from (where they changed while it was drawn: of the oldest).
   * @throws the signal's reason when it aborts
   */
  generate(requests: readonly SampleRequest[], signal: AbortSignal): AsyncIterable<Completion>;
  close(): Promise<void>;
}

export interface LearnerInfo {
  readonly engine: string;
  readonly device: string;
  readonly parameters: number;
  readonly maxLength: number;
  readonly vocabSize: number;
}

/** Type of the numbers in a written model. */
export type WeightType = "F32" | "BF16" | "F16";

/** Owns the weights and the optimizer's state. */
export interface Learner {
  /** What it is; known once it is open. */
  readonly info: LearnerInfo;
  /** One optimizer step over all micro-batches of the batch. When the signal aborts, the weights stay as they were. */
  step(batch: Batch, hyper: StepHyper, signal: AbortSignal): Promise<StepReport>;
  /** Log-probs [N] of the batch's tokens under the current weights at the batch's temperature. */
  logprobs(batch: Batch, signal: AbortSignal): Promise<Float32Array>;
  /** Writes the policy in HF layout (weights, config, tokenizer files) into an existing empty directory. */
  exportTo(dir: string, options: { readonly dtype: WeightType }): Promise<void>;
  /** Writes fp32 weights and optimizer state into an existing directory; `restore` reads them back bit-equal. */
  save(dir: string): Promise<void>;
  restore(dir: string): Promise<void>;
  close(): Promise<void>;
}

/**
 * Brings the learner's newest weights to the sampler. It is made from the pair that was opened: they may share memory,
 * copy between two workers, or go through a directory. Who calls it owns the count of publications.
 */
export interface Handover {
  /**
   * When it resolves, every completion that is asked for from then on is drawn from the learner's present weights and
   * carries `version`; those under way may keep the version before. When it rejects, the sampler may have either.
   */
  publish(version: PolicyVersion, signal: AbortSignal): Promise<void>;
}

export interface ScoreRequest {
  readonly problem: Problem;
  /** The whole completion text: think, answer, fences and all. */
  readonly text: string;
  readonly seed: Seed;
  /** formal: a pass is proved where the formal engine can; sim (default): the config decides. */
  readonly tier?: "sim" | "formal";
}

/** Milliseconds of simulation for one verdict; queueing and cached verdicts left out. Quantiles to 10%. */
export interface Latency {
  readonly count: number;
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
}

/** Since the rewarder was made. */
export interface RewardStats {
  readonly latency: Latency;
  readonly byProblem: ReadonlyMap<ProblemId, Latency>;
  /** Audits made, and chosen ones that could not be made (too slow with that many vectors, for example). */
  readonly audits: { readonly made: number; readonly unmade: number };
  readonly formal: {
    readonly equal: number;
    readonly undecided: number;
    readonly unconfirmed: number;
    readonly refuted: number;
  };
  readonly quarantined: ReadonlyMap<ProblemId, string>;
}

export interface Rewarder {
  /**
   * Prepares (or loads from cache) the goldens; ids that cannot serve, those in quarantine among them, come back with
   * the reason.
   */
  prepare(
    problems: readonly Problem[],
    progress: (done: number, total: number) => void,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<ProblemId, string>>;
  score(request: ScoreRequest, signal: AbortSignal): Promise<Verdict>;
  /** What is being worked on, for the heartbeat. */
  waiting(): { readonly queued: number; readonly running: number; readonly oldestMs: number };
  stats(): Promise<RewardStats>;
  close(): Promise<void>;
}

export interface ProblemSource {
  readonly name: string;
  readonly train: readonly Problem[];
  readonly test: readonly Problem[];
}

/** One record per step (or eval); keys are `area/thing/stat`. */
export type Metrics = Readonly<Record<string, number | string | null>>;

export interface SampleRow {
  readonly step: number;
  readonly problemId: string;
  readonly kind: "best" | "worst" | "eval";
  readonly reward: number;
  readonly outcome: string;
  readonly advantage: number | null;
  readonly prompt: string;
  readonly text: string;
  readonly log: string;
}

/** Where sampled answers come from: a training step, or an evaluation on the named set. */
export type SampleSource = "train" | { readonly set: string };

/** Result of one evaluation on one set, problem by problem. */
export interface EvalCounts {
  readonly step: number;
  /** Name of the evaluation set. */
  readonly set: string;
  readonly problems: readonly {
    readonly id: string;
    readonly bucket: string | null;
    readonly n: number;
    readonly passed: number;
  }[];
}

/** Records what a run measures. A tracker takes what it can show and ignores the rest. */
export interface Tracker {
  metrics(step: number, metrics: Metrics): void;
  samples(step: number, source: SampleSource, rows: readonly SampleRow[]): void;
  counts(counts: EvalCounts): void;
  /** Drops what was recorded after `step`: called once on resume. */
  rewind(step: number): void;
  /** Makes everything recorded so far durable: called just before a checkpoint counts. */
  sync(): void;
  close(): Promise<void>;
}

export interface Clock {
  /** Milliseconds, monotonic. */
  now(): number;
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Where people read along. Everything goes to stderr; results go to stdout through the stage's summary. */
export interface Reporter {
  /** A permanent line. */
  line(text: string): void;
  /** The one transient status line (a terminal only); null clears it. */
  status(text: string | null): void;
  /** A plain sentence about something to look at, with what to try. */
  warn(text: string): void;
}
