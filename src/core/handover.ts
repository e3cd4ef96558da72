/**
 * The ways in which weights travel from a learner to a sampler. A pair needs one in common; whoever opens the pair makes
 * its `Handover` from it.
 */

import type { PolicyVersion } from "./units.js";

/** What each way is, in words that a person can act on. */
export const WAYS = {
  memory: "in this program's memory",
  "model-directory": "as a model directory in Hugging Face layout",
  "fake-directory": "as the file of the fake learner",
} as const;

export type Way = keyof typeof WAYS;

/** What the fake learner writes into a directory, and the fake sampler reads. */
export const FAKE_WEIGHTS_FILE = "fake-learner.json";

/** @param weights all parameters in the embedded engine's order; null = the sampler reads the learner's own memory */
export type TakeMemory = (version: PolicyVersion, weights: Float32Array | null) => Promise<void>;

/** @param dir what the learner's `exportTo` wrote; it stays until the next one has been taken */
export type TakeDirectory = (version: PolicyVersion, dir: string, signal: AbortSignal) => Promise<void>;

/**
 * How a sampler takes weights, one function a way. When it resolves, completions that are asked for from then on are drawn
 * from these weights and carry `version`; those under way may keep what they began with.
 */
export interface Intake {
  readonly memory?: TakeMemory;
  readonly "model-directory"?: TakeDirectory;
  readonly "fake-directory"?: TakeDirectory;
}

/** The first way that the learner gives and the sampler takes; null = they cannot work together. */
export const wayBetween = (gives: readonly Way[], takes: readonly Way[]): Way | null =>
  gives.find((way) => takes.includes(way)) ?? null;
