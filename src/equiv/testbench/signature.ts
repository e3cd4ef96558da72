/** The signature of a traced design, computed here: what a signature bench must print for the same samples. */

import { openBits, type Sample } from "./trace.js";

const K = 0x9e3779b97f4a7c15n;
const SEED = 0x243f6a8885a308d3n;
const ALL = (1n << 64n) - 1n;

/** 16 hex digits; open bits count as 1, as in testbench.ts. */
export function signatureOf(samples: readonly Sample[], open: readonly bigint[]): string {
  let s = SEED;
  for (const sample of samples) {
    const mask = open[sample.step]! | openBits(sample);
    const value = BigInt(`0b${sample.bits.replace(/[^01]/g, "1")}`) | mask;
    for (let lo = 0; lo < sample.bits.length; lo += 64) {
      const swapped = ((s & 0xffffffffn) << 32n) | (s >> 32n);
      s = ((swapped + ((value >> BigInt(lo)) & ALL)) * K) & ALL;
    }
  }
  return s.toString(16).padStart(16, "0");
}
