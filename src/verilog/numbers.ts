/** Verilog number literals and the constants worth trying as inputs. */

import type { Token } from "./lexer.js";

const RADIX: Readonly<Record<string, number>> = { b: 2, o: 8, d: 10, h: 16 };

/** Value of a literal (x, z and ? digits read as 0) and its size where it has one; null for reals and fills. */
export function constantOf(text: string): { readonly value: bigint; readonly width: number | null } | null {
  const based = /^(\d[\d_]*)?\s*'[sS]?([bBoOdDhH])\s*([0-9a-fA-FxXzZ?_]+)$/.exec(text);
  if (based !== null) {
    const radix = RADIX[based[2]!.toLowerCase()]!;
    const digits = based[3]!.replace(/_/g, "").replace(/[xXzZ?]/g, "0");
    const width = based[1] === undefined ? null : Number(based[1].replace(/_/g, ""));
    try {
      const prefix = radix === 16 ? "0x" : radix === 8 ? "0o" : radix === 2 ? "0b" : "";
      return { value: BigInt(prefix + digits), width };
    } catch {
      return null; // digits outside the radix: the compiler's business
    }
  }
  return /^\d[\d_]*$/.test(text) ? { value: BigInt(text.replace(/_/g, "")), width: null } : null;
}

export interface Mined {
  readonly value: bigint;
  /** Declared size, or null. */
  readonly width: number | null;
}

/** Distinct constants in source order, without those that only say "zero" or "one". */
export function minedConstants(tokens: readonly Token[]): Mined[] {
  const out = new Map<string, Mined>();
  for (const t of tokens) {
    if (t.kind !== "num") continue;
    const c = constantOf(t.text);
    if (c !== null && c.value > 1n) out.set(`${c.value}/${c.width}`, c);
    if (out.size >= 256) break;
  }
  return [...out.values()];
}

/** Constants an input may be compared with, in source order: those of its own size if there are any. */
export function minedFor(constants: readonly Mined[], f: { readonly width: number }): bigint[] {
  const fit = constants.filter((c) => c.value < 1n << BigInt(f.width));
  const sized = fit.filter((c) => c.width === f.width);
  return [...new Set((sized.length > 0 ? sized : fit).map((c) => c.value))];
}
