/** The first difference, in words: cycle, signal, expected, got, and the inputs that led there. */

import type { Prepared } from "./prepared.js";
import { firstDifference, type Sample } from "./trace.js";

export interface Explanation {
  readonly equal: boolean;
  readonly text: string;
  readonly first: {
    readonly sample: number;
    readonly signal: string;
    /** Binary, as wide as the signal. */
    readonly expected: string;
    readonly got: string;
    readonly inputs: Readonly<Record<string, string>>;
  } | null;
}

export function describeDifference(
  p: Prepared,
  golden: readonly Sample[],
  candidate: readonly Sample[],
  open: readonly bigint[],
): Explanation {
  const d = firstDifference(golden, candidate, open);
  if (d === null) return { equal: true, text: `equal in ${golden.length} samples`, first: null };
  let offset = 0;
  let signal = p.iface.outputs[0]!;
  for (const o of p.iface.outputs) {
    if (d.bit < offset + o.width) {
      signal = o;
      break;
    }
    offset += o.width;
  }
  const width = p.outputBits;
  const cut = (s: Sample | undefined): string =>
    s === undefined ? "nothing" : s.bits.slice(width - offset - signal.width, width - offset);
  const words = p.steps.split("\n");
  const row = BigInt(`0x${words[Math.min(d.step, words.length - 1)]!}`);
  const inputs: Record<string, string> = {};
  for (const f of p.stimulus.fields) {
    inputs[f.name] = ((row >> BigInt(f.offset)) & ((1n << BigInt(f.width)) - 1n))
      .toString(2)
      .padStart(f.width, "0");
  }
  const expected = cut(golden[d.sample]);
  const got = cut(candidate[d.sample]);
  const shown = Object.entries(inputs)
    .map(([k, v]) => `${k}=${v}`)
    .join(" ");
  return {
    equal: false,
    text: `sample ${d.sample}: ${signal.name} is ${got}, expected ${expected}; inputs ${shown}`,
    first: { sample: d.sample, signal: signal.name, expected, got, inputs },
  };
}
