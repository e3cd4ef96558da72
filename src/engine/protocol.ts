/** Messages between the engine's client and its worker thread: calls with an id, their results, and streamed items. */

import { type ErrorCode, messageOf, TrainError } from "../core/errors.js";
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
  readonly trainThreads: number;
  readonly sampleThreads: number;
  /** null = by the sampler's backend. */
  readonly slots: number | null;
  readonly maxLength: number;
  /** To be tried in this order. */
  readonly learner: readonly LearnerBackend[];
  readonly checkpointing: CheckpointingMode;
  /** Whether CUDA may round the factors of products to 10 bits; the same for every library of the process. */
  readonly tf32: boolean;
  /** Bytes of the learner's device; null = unknown. */
  readonly deviceBytes: number | null;
  readonly sampler: readonly SamplerBackend[];
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
export interface Calls {
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

export type CallName = keyof Calls;

export type ToWorker =
  | { readonly kind: "call"; readonly id: number; readonly name: CallName; readonly args: readonly unknown[] }
  | { readonly kind: "abort"; readonly id: number };

export interface WireError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string | undefined;
  readonly details: readonly string[];
  readonly stack: string | undefined;
}

export type FromWorker =
  | { readonly kind: "result"; readonly id: number; readonly value: unknown }
  | { readonly kind: "item"; readonly id: number; readonly value: unknown }
  | { readonly kind: "error"; readonly id: number; readonly error: WireError };

export function toWire(thrown: unknown): WireError {
  const known = thrown instanceof TrainError ? thrown : null;
  return {
    code: known?.code ?? "worker",
    message: known?.message ?? `the embedded engine failed: ${messageOf(thrown)}`,
    hint: known?.hint,
    details: known?.details ?? [],
    stack: thrown instanceof Error ? thrown.stack : undefined,
  };
}

export function fromWire(error: WireError): TrainError {
  const revived = new TrainError(error.code, error.message, {
    ...(error.hint !== undefined && { hint: error.hint }),
    details: error.details,
  });
  if (error.stack !== undefined) revived.stack = error.stack;
  return revived;
}
