/** What a stimulus is made of: rows of all inputs, each at its place. */

import type { Rng } from "../../core/rng.js";

export interface Field {
  readonly name: string;
  readonly offset: number;
  readonly width: number;
}

export interface Step {
  readonly value: bigint;
  /** Quiet steps settle but are not compared. */
  readonly quiet: boolean;
}

/** Uniform value of any width. */
export function randomBits(rng: Rng, width: number): bigint {
  let v = 0n;
  for (let at = 0; at < width; at += 32) v |= BigInt(rng.uint32()) << BigInt(at);
  return v & ((1n << BigInt(width)) - 1n);
}
