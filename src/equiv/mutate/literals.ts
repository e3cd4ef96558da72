/** Number literals changed in value and kept in form: `4'd9` plus one is `4'd10`. */

import type { Rng } from "../../core/rng.js";
import { constantOf } from "../../verilog/numbers.js";

const RADIX: Readonly<Record<string, number>> = { b: 2, o: 8, d: 10, h: 16 };
const BASED = /^((?:\d[\d_]*)?\s*'[sS]?)([bBoOdDhH])\s*([0-9a-fA-F_]+)$/;

/** The literal with another value modulo its width; null for reals, fills and literals with x, z or ?. */
export function withValue(text: string, value: (old: bigint, width: number | null) => bigint): string | null {
  const c = constantOf(text);
  if (c === null) return null;
  const based = BASED.exec(text);
  if (based === null && text.includes("'")) return null;
  let v = value(c.value, c.width);
  if (c.width !== null && c.width > 0)
    v = ((v % (1n << BigInt(c.width))) + (1n << BigInt(c.width))) % (1n << BigInt(c.width));
  if (v < 0n || v === c.value) return null;
  if (based === null) return v.toString();
  return `${based[1]}${based[2]}${v.toString(RADIX[based[2]!.toLowerCase()]!)}`;
}

export const plus = (text: string, delta: bigint): string | null => withValue(text, (v) => v + delta);

export const flipped = (text: string, rng: Rng): string | null =>
  withValue(text, (v, width) => v ^ (1n << BigInt(rng.int(width ?? Math.max(1, v.toString(2).length)))));
