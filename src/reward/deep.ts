/**
 * Long runs for deep state: where register bits of the golden never moved under the ordinary vectors, candidate runs
 * (reset, hold one combination of control bits, then its complement; data held or pseudo-random) are tried on the golden,
 * and those that move further bits are kept. This is what tells a divider by 10000 from one by 9999, and a FIFO with
 * a full guard from one without.
 */

import type { Rng } from "../core/rng.js";
import type { DesignInterface } from "./interface.js";
import { type Field, type Run, randomBits } from "./stimulus.js";

const MAX_CYCLES = 100_000;
const MAX_TOTAL = 200_000;
const MAX_SCENARIOS = 12;
/** Registers wider than this do not count through all their values in any affordable run. */
const MAX_COUNTER_BITS = 16;

/** Registers the coverage looks at; wide ones (data paths, memories) say little and cost much. */
export const coverable = (iface: DesignInterface): readonly { path: string; width: number }[] => {
  let left = 512;
  return iface.registers.filter((r) => {
    if (r.width > Math.min(64, left)) return false;
    left -= r.width;
    return true;
  });
};

/**
 * How long a run has to be, from the registers with bits that never moved and the constants they may be compared
 * with; 0 = no register asks for one. `moved` is in the order of `registers`, most significant bit first.
 */
export function runLength(
  registers: readonly { readonly width: number }[],
  moved: string,
  constants: readonly bigint[],
): number {
  let at = 0;
  let width = 0;
  for (const r of registers) {
    const bits = moved.slice(at, at + r.width);
    at += r.width;
    if (bits.includes("1") || r.width > 1) {
      const stuck = bits.includes("0") || /[xz]/.test(bits);
      if (stuck && r.width <= 32) width = Math.max(width, r.width);
    }
  }
  if (width < 3) return 0;
  const counted = Math.ceil(1.2 * 2 ** Math.min(width, MAX_COUNTER_BITS));
  const limit = 2n ** BigInt(width);
  let constant = 0;
  for (const c of constants)
    if (c < limit && c <= BigInt(MAX_CYCLES)) constant = Math.max(constant, Number(c));
  // A constant says where the counter turns round; without one it runs through all its values.
  const length =
    constant >= 2 ** (Math.min(width, MAX_COUNTER_BITS) - 2)
      ? Math.min(counted * 2, Math.ceil(2.2 * constant) + 64)
      : counted;
  return Math.min(MAX_CYCLES, Math.max(48, length));
}

/** Runs of one scenario, to be kept or dropped together. */
export type Scenario = readonly Run[];

export function scenarios(
  iface: DesignInterface,
  fields: readonly Field[],
  cycles: number,
  rng: Rng,
): Scenario[] {
  if (iface.clocks.length === 0) return [];
  const clocks = new Set(iface.clocks.map((c) => c.name));
  const resets = new Map(iface.resets.map((r) => [r.name, r.active]));
  const free = fields.filter((f) => !clocks.has(f.name) && !resets.has(f.name));
  const controls = free.filter((f) => f.width === 1);
  const data = free.filter((f) => f.width > 1);
  const all = 2 ** Math.min(controls.length, 30) - 1;
  const combos = new Set<number>([all, 0]);
  controls.slice(0, 30).forEach((_, k) => {
    if (combos.size < 7) combos.add(2 ** k);
    if (combos.size < 9) combos.add(all - 2 ** k);
  });
  const out: Scenario[] = [];
  const base = (active: boolean): bigint => {
    let v = 0n;
    for (const f of fields) {
      const level = resets.get(f.name);
      if (level !== undefined) v |= BigInt(active ? level : 1 - level) << BigInt(f.offset);
    }
    return v;
  };
  const withControls = (combo: number, dataValue: bigint): bigint => {
    let v = base(false) | dataValue;
    controls.forEach((f, k) => {
      if (k < 30 && Math.floor(combo / 2 ** k) % 2 === 1) v |= 1n << BigInt(f.offset);
    });
    return v;
  };
  for (const vary of data.length > 0 ? [true, false] : [false]) {
    for (const combo of combos) {
      if (out.length >= MAX_SCENARIOS) break;
      let value = 0n;
      for (const f of data) value |= randomBits(rng, f.width) << BigInt(f.offset);
      const runs: Run[] = [];
      if (resets.size > 0) runs.push({ value: base(true) | value, cycles: 2, vary: false });
      runs.push({ value: withControls(combo, value), cycles, vary });
      if (controls.length > 0)
        runs.push({ value: withControls(all - combo, value), cycles: Math.min(cycles, 4096), vary });
      out.push(runs);
    }
  }
  return out;
}

/** Scenarios that moved bits no earlier one had moved; `moved[k]` is the state of affairs after scenario k. */
export function chooseRuns(found: readonly Scenario[], before: string, moved: readonly string[]): Run[] {
  const kept: Run[] = [];
  let seen = before;
  let total = 0;
  found.forEach((s, k) => {
    const now = moved[k];
    if (now === undefined) return;
    const gain = [...now].some((b, i) => b === "1" && seen[i] !== "1");
    const cycles = s.reduce((n, r) => n + r.cycles, 0);
    if (!gain || total + cycles > MAX_TOTAL) return;
    kept.push(...s);
    total += cycles;
    seen = [...seen].map((b, i) => (now[i] === "1" ? "1" : b)).join("");
  });
  return kept;
}
