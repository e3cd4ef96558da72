/**
 * The vocabulary everyone shares. Shapes use the same letters everywhere:
 * B rows, N packed tokens, T completion tokens, P prompt tokens, V vocabulary, G group size.
 */

import type { PolicyVersion, ProblemId, Seed, Step } from "./units.js";

export interface Message {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
}

/** What a candidate is checked against. */
export interface VerilogTask {
  /** Source of the golden design (one or more modules). */
  readonly golden: string;
  /** Name of the module the candidate must define; the golden's top has the same name. */
  readonly top: string;
}

export interface ProblemMeta {
  readonly source: string;
  readonly split: "train" | "test";
  readonly licence?: string;
  /** Problems that share a prior: the primer's family, or a difficulty bucket of the data set. */
  readonly bucket?: string;
  /** 0 (easy) to 1 (hard), where the data set says so. */
  readonly difficulty?: number;
  /** Earlier evaluation counts, which warm-start the pass-rate posterior. */
  readonly prior?: {
    readonly successes: number;
    readonly failures: number;
    /** Completion tokens that these rollouts took; a run that uses the counts counts them as its own. */
    readonly tokens?: number;
  };
}

export interface Problem {
  readonly id: ProblemId;
  readonly prompt: readonly Message[];
  readonly task: VerilogTask;
  readonly meta: ProblemMeta;
}

export interface Sampling {
  readonly temperature: number;
  readonly topP: number;
  readonly maxTokens: number;
}

/** One request is one rollout (`n = 1`), so that the number of rollouts can differ from problem to problem. */
export interface SampleRequest {
  readonly id: string;
  readonly promptIds: Int32Array; // [P]
  readonly seed: Seed;
  readonly sampling: Sampling;
}

export interface Completion {
  readonly id: string;
  readonly completionIds: Int32Array; // [T], the end-of-turn token included when finish = "stop"
  readonly logprobs: Float32Array; // [T] nats, of the distribution each token was drawn from
  readonly finish: "stop" | "length" | "abort";
  /** Of the weights that it was drawn from, as the sampler reports it. */
  readonly policyVersion: PolicyVersion;
}

export interface Rollout {
  readonly id: string;
  readonly problemId: ProblemId;
  readonly groupId: number;
  /** 0 .. G-1 inside its group. */
  readonly index: number;
  readonly policyVersion: PolicyVersion;
  readonly promptIds: Int32Array; // [P]
  readonly completionIds: Int32Array; // [T]
  readonly logprobs: Float32Array; // [T] nats, behaviour
  readonly text: string;
  readonly finish: Completion["finish"];
  readonly seed: Seed;
  readonly sampling: Sampling;
}

/** Why a candidate got the score it got. */
export type Outcome = "pass" | "mismatch" | "compile" | "timeout" | "crash" | "gate" | "format";
/** The last stage of the check that the candidate entered. */
export type Reached = "extract" | "lint" | "elaborate" | "simulate" | "match";

/** What further checks of a pass found: an audit with other vectors, an attempt to prove it. */
export interface SecondLook {
  /** true: an audit was made; false: none was chosen, or the golden cannot be audited. */
  readonly audited: boolean;
  /** `unconfirmed`: the engine found a difference that the simulator does not show, so the pass stands. */
  readonly formal: "none" | "equal" | "undecided" | "unconfirmed" | "refuted";
  /**
   * Two tiers disagree, in a sentence: this candidate is wrong, and the problem is in quarantine, because other
   * passes of it cannot be trusted either. Null when they agree.
   */
  readonly alarm: string | null;
}

export type Verdict =
  | {
      readonly kind: "scored";
      readonly reward: number;
      /** Parts of the reward, each logged apart, for example {correct: 1, format: 0}. */
      readonly parts: Readonly<Record<string, number>>;
      readonly passed: boolean;
      readonly outcome: Outcome;
      readonly reached: Reached;
      readonly proof: "formal" | "simulated" | "none";
      /** Absent where nothing beyond the first simulation was asked for. */
      readonly second?: SecondLook;
      /** From the request to the verdict, waiting in line included, milliseconds. */
      readonly wallMs: number;
      readonly cached: boolean;
      /** What a person reads: the tool's message, or the first mismatch. */
      readonly log: string;
    }
  /**
   * The machinery failed, or (code `quarantined`) the problem can no longer be judged. Never a reward of zero: retried
   * where that can help, then excluded and counted.
   */
  | { readonly kind: "infra"; readonly code: string; readonly retryable: boolean; readonly log: string };

export type ScoredVerdict = Extract<Verdict, { kind: "scored" }>;

export interface Scored {
  readonly rollout: Rollout;
  readonly verdict: ScoredVerdict;
}

export interface Group {
  readonly id: number;
  readonly problemId: ProblemId;
  readonly members: readonly Scored[];
  /** The least version that its members were drawn from. */
  readonly policyVersion: PolicyVersion;
  /** Pseudo-counts of the problem's pass rate before the group was drawn: the baseline of `history` advantages. */
  readonly prior: { readonly a: number; readonly b: number };
  /** Weight w of the group in the objective. */
  readonly weight: number;
}

/** The objective of one optimizer step (design: algorithm.md section 1). */
export type LossSpec =
  | { readonly kind: "ce" }
  | {
      readonly kind: "clip";
      readonly epsLow: number;
      readonly epsHigh: number;
      /** Dual clip c for negative advantages; null = off. */
      readonly dualClip: number | null;
      /** Coefficient of the k3 KL estimate to the behaviour policy; 0 = off. */
      readonly klCoef: number;
      /** Coefficient of the entropy bonus; 0 = off. */
      readonly entropyCoef: number;
    };

/**
 * One optimizer step's data, rows laid end to end. The log-probability at position n is that of token n given the
 * tokens of its row before it; the first token of a row is never trained. `divisor` is D, fixed over the whole step
 * whatever the micro-batches:
 *   loss = sum over n of lossMask[n] * weights[n] * l[n] / divisor.
 */
export interface Batch {
  readonly step: Step;
  readonly tokenIds: Int32Array; // [N]
  readonly rowStart: Int32Array; // [B + 1]
  readonly lossMask: Uint8Array; // [N]
  readonly weights: Float32Array; // [N] per-token weight w, 1 unless the objective says otherwise
  readonly behaviorLogprobs: Float32Array; // [N] nats; 0 where lossMask is 0
  readonly advantages: Float32Array; // [N]
  readonly groupIds: Int32Array; // [B]
  readonly divisor: number;
  readonly lossTokens: number;
  readonly temperature: number;
  readonly loss: LossSpec;
}

export interface StepHyper {
  readonly lr: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  readonly weightDecay: number;
  /** Largest global gradient norm; Infinity = no clipping. */
  readonly maxGradNorm: number;
  /** Padded tokens in one micro-batch at most. */
  readonly microBatchTokens: number;
}

export interface StepReport {
  readonly loss: number;
  readonly gradNorm: number;
  /** True when the loss or a gradient was not finite and the weights were left alone. */
  readonly skipped: boolean;
  readonly tokens: number;
  readonly lossTokens: number;
  readonly microBatches: number;
  /** Share of trained tokens outside the clip range, by side. */
  readonly clipFracLow: number;
  readonly clipFracHigh: number;
  readonly ratioMean: number;
  readonly ratioMax: number;
  /** Mean k3 estimate of KL(behaviour || current), nats per token. */
  readonly klBehavior: number;
  /** Mean -log p of the trained tokens, nats: a sample estimate of the entropy. */
  readonly entropy: number;
  /** Optimizer updates since the weights were made, this one included; not the count of publications. */
  readonly updates: number;
  readonly seconds: number;
}
