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

/** A row from binary levels by input; what is absent, unknown or unconnected is 0. */
export function rowOf(
  fields: readonly Field[],
  inputs: Readonly<Record<string, string | undefined>>,
): bigint {
  let row = 0n;
  for (const f of fields)
    row |= BigInt(`0b${(inputs[f.name] ?? "0").replace(/[^01]/g, "0")}`) << BigInt(f.offset);
  return row;
}
