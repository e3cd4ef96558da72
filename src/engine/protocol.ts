/** What the engine's client asks of its worker thread; `src/rpc` carries the calls. */

import type { Batch, Completion, SampleRequest, StepHyper, StepReport } from "../core/types.js";
import type { PolicyVersion } from "../core/units.js";
import type { Qwen2Config } from "../model/config.js";
import type { Weights } from "../model/parameters.js";
import type { LearnerBackend, SamplerBackend } from "./accelerator/backends.js";
import type { Running } from "./open.js";
import type { CheckpointingMode } from "./tfjs/checkpointing.js";

/** What a worker is started with. */
export interface WorkerSettings {
  readonly config: Qwen2Config;
  readonly weights: Weights;
  /** Backends to be tried in this order. */
  readonly learner: readonly LearnerBackend[];
  readonly sampler: readonly SamplerBackend[];
  /** ORT intra-op threads while training and while sampling. */
  readonly trainThreads: number;
  readonly sampleThreads: number;
  /** Rows that are sampled side by side; null = by the sampler's backend. */
  readonly slots: number | null;
  /** Prompt and completion tokens of one row at most. */
  readonly maxLength: number;
  /** Whether a tfjs learner computes activations again in the backward pass; auto = where memory is short. */
  readonly checkpointing: CheckpointingMode;
  /** Whether CUDA may round the factors of products to 10 bits; the same for every library of the process. */
  readonly tf32: boolean;
  /** Bytes of the learner's device; null = unknown. */
  readonly deviceBytes: number | null;
}

export interface EngineFacts {
  readonly parameters: number;
  readonly runtime: string; // "onnxruntime-node 1.30.0"
  readonly learner: Running;
  readonly sampler: Running;
  /** Backends that were passed over, each with the reason. */
  readonly refused: readonly string[];
}

/** Every call: its arguments, its result, and what it streams. */
export interface EngineCalls {
  facts: { args: []; result: EngineFacts; item: never };
  /** Streams sentences about what it had to do otherwise than asked. */
  train: { args: [Batch, StepHyper]; result: StepReport; item: string };
  gradients: { args: [Batch, number]; result: { loss: number; gradient: Float32Array }; item: never };
  logprobs: { args: [Batch, number]; result: Float32Array; item: never };
  generate: {
    args: [readonly SampleRequest[], PolicyVersion];
    result: null;
    item: Completion | { readonly note: string };
  };
  /** All parameters in one array, in the order of `flatLayout`; its buffer changes owner, so nothing is copied on the way. */
  flat: { args: []; result: Float32Array; item: never };
  adopt: { args: [Float32Array]; result: null; item: never };
  save: { args: [string]; result: null; item: never };
  /** Gives the count of updates behind the restored weights. */
  restore: { args: [string]; result: number; item: never };
  close: { args: []; result: null; item: never };
}
