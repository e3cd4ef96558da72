/** Identity and unit types. Minted by the functions here, which validate; erased at run time. */

import { TrainError } from "./errors.js";

declare const brand: unique symbol;
export type Brand<T, B extends string> = T & { readonly [brand]: B };

/** Index of an optimizer step, from 1 (0 = before training). */
export type Step = Brand<number, "Step">;
/** Number of weight publications, counted by the training loop; rollouts carry the version they were drawn from. */
export type PolicyVersion = Brand<number, "PolicyVersion">;
/** 32-bit unsigned seed. */
export type Seed = Brand<number, "Seed">;
export type ProblemId = Brand<string, "ProblemId">;

function count<B extends string>(what: B, n: number): Brand<number, B> {
  if (!Number.isSafeInteger(n) || n < 0) {
    throw new TrainError("bug", `${what} must be a whole number >= 0, got ${n}`);
  }
  return n as Brand<number, B>;
}

export const step = (n: number): Step => count("Step", n);
export const policyVersion = (n: number): PolicyVersion => count("PolicyVersion", n);
export const seed = (n: number): Seed => (n >>> 0) as Seed;

export function problemId(text: string): ProblemId {
  if (!/^[\w.:/+=-]{1,200}$/.test(text)) {
    throw new TrainError(
      "data",
      `problem id must be 1 to 200 characters of letters, digits and . _ : / + = -, got ${JSON.stringify(text.slice(0, 80))}`,
    );
  }
  return text as ProblemId;
}
