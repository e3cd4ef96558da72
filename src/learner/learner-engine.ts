/** What a learner's entry in the table of `index.ts` says, and the config keys that all learners have. */

import { z } from "zod";
import type { Way } from "../core/handover.js";
import type { Learner } from "../core/ports.js";
import type { LearnerHalf } from "../engine/choices.js";
import type { Opening } from "../engine/engines.js";

/** Options of the objective. `importance_cap` needs log-probs before the update; the others are terms of a token's loss. */
export const LOSS_OPTIONS = ["dual_clip", "kl_coef", "entropy_coef", "importance_cap"] as const;
export type LossOption = (typeof LOSS_OPTIONS)[number];

/** @typeParam S the engine's config section */
export interface LearnerEngine<S> {
  /** The section's schema; `engine` is a literal, the engine's name. */
  readonly schema: z.ZodObject;
  /** Options of the objective that it computes. */
  readonly loss: ReadonlySet<LossOption>;
  /** Ways in which it gives its weights to a sampler, best first. */
  readonly gives: readonly Way[];
  /** What it asks of the embedded engine; absent for an engine that is something else. */
  half?(section: S): LearnerHalf;
  /** @throws TrainError with what is missing and how to get it */
  open(section: S, opening: Opening): Promise<OpenedLearner>;
}

export interface OpenedLearner {
  readonly learner: Learner;
  /** For `gives: memory`: all parameters in the embedded engine's order; null = the sampler reads the learner's own. */
  readonly memory?: () => Promise<Float32Array | null>;
  /** What run records call it. */
  readonly label: string;
  /** What its settings came to, and why: config key -> sentence. */
  readonly choices: Readonly<Record<string, string>>;
}

/** Options that are switched on (neither null nor 0) and that the engine does not compute. */
export const unsupportedLoss = (
  loss: Readonly<Record<LossOption, number | null>>,
  supported: ReadonlySet<LossOption>,
): LossOption[] => LOSS_OPTIONS.filter((key) => loss[key] !== null && loss[key] !== 0 && !supported.has(key));

/** The optimizer and its budget: config keys of every learner. */
export const OPTIMIZER_KEYS = {
  micro_batch_tokens: z.int().min(64).default(4096).describe("Padded tokens in one micro-batch at most"),
  lr: z.number().positive().default(1e-4).describe("Peak learning rate of AdamW"),
  warmup_steps: z.int().min(0).default(5).describe("Steps of linear warm-up from zero"),
  schedule: z
    .enum(["constant", "cosine", "linear"])
    .default("constant")
    .describe("Learning rate after the warm-up; cosine and linear end at final_lr_ratio"),
  final_lr_ratio: z.number().min(0).max(1).default(0.1).describe("Last learning rate as a share of the peak"),
  beta1: z.number().min(0).lt(1).default(0.9).describe("AdamW first-moment decay"),
  beta2: z.number().min(0).lt(1).default(0.99).describe("AdamW second-moment decay"),
  eps: z.number().positive().default(1e-8).describe("AdamW epsilon"),
  weight_decay: z
    .number()
    .min(0)
    .default(0.01)
    .describe("Decoupled weight decay; not applied to norms and biases"),
  max_grad_norm: z.number().positive().default(1).describe("Largest global gradient norm"),
};
