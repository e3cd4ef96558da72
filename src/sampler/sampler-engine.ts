/** What a sampler's entry in the table of `index.ts` says, and the config keys that all samplers have. */

import { z } from "zod";
import type { Intake, Way } from "../core/handover.js";
import type { Sampler, WeightType } from "../core/ports.js";
import type { SamplerHalf } from "../engine/choices.js";
import type { Opening } from "../engine/engines.js";

/** @typeParam S the engine's config section */
export interface SamplerEngine<S> {
  /** The section's schema; `engine` is a literal, the engine's name. */
  readonly schema: z.ZodObject;
  /** Ways in which it takes weights from a learner. */
  readonly takes: readonly Way[];
  /** Type of the numbers in weights that are written for it. */
  readonly weightType: WeightType;
  /** What it asks of the embedded engine; absent for an engine that is something else. */
  half?(section: S): SamplerHalf;
  /** @throws TrainError with what is missing and how to get it */
  open(section: S, opening: Opening): Promise<OpenedSampler>;
}

export interface OpenedSampler {
  readonly sampler: Sampler;
  /** One function for each way of `takes`. */
  readonly intake: Intake;
  /** What run records call it. */
  readonly label: string;
  /** What its settings came to, and why: config key -> sentence. */
  readonly choices: Readonly<Record<string, string>>;
}

/** How rollouts are drawn: config keys of every sampler. */
export const SAMPLING_KEYS = {
  temperature: z.number().min(0).default(1).describe("Sampling temperature of training rollouts"),
  top_p: z
    .number()
    .gt(0)
    .max(1)
    .default(1)
    .describe("Nucleus mass; 1 keeps log-probs exact for the policy gradient"),
  max_tokens: z.int().min(1).default(192).describe("Longest completion in tokens"),
};
