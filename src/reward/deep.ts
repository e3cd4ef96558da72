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
/** Registers wider than this are data, and hold still for other reasons. */
const MAX_REGISTER_BITS = 24;
/** A register without a constant is run through this many of its bits at most. */
const MAX_COUNTER_BITS = 12;

/** Registers the coverage looks at; wide ones (data paths, memories) say little and cost much. */
export const coverable = (iface: DesignInterface): readonly { path: string; width: number }[] => {
  let left = 512;
  return iface.registers.filter((r) => {
    if (r.width > Math.min(64, left)) return false;
    left -= r.width;
    return true;
  });
};

/** Registers some of whose bits never moved; `moved` is in their order, most significant bit first. */
export function stillRegisters<R extends { readonly width: number }>(
  registers: readonly R[],
  moved: string,
): R[] {
  let at = 0;
  return registers.filter((r) => {
    const bits = moved.slice(at, at + r.width);
    at += r.width;
    return r.width > 1 && /[^1]/.test(bits);
  });
}

/**
 * How long a run has to be for the registers that stayed still; 0 = none of them asks for one. A constant of nearly
 * the register's size says where it turns round; without one it runs through its values, if they are not too many.
 */
export function runLength(
  still: readonly { readonly width: number }[],
  constants: readonly bigint[],
): number {
  let length = 0;
  for (const { width } of still) {
    if (width < 3 || width > MAX_REGISTER_BITS) continue;
    const ends = constants.filter(
      (c) => c < 1n << BigInt(width) && 4n * c >= 1n << BigInt(width) && c <= MAX_CYCLES / 2.2,
    );
    const last = ends.reduce((m, c) => (c > m ? c : m), 0n);
    const need =
      last > 0n
        ? Math.ceil(2.2 * Number(last)) + 64
        : Math.ceil(1.2 * 2 ** Math.min(width, MAX_COUNTER_BITS));
    length = Math.max(length, need);
  }
  return length === 0 ? 0 : Math.max(48, length);
}

/**
 * Length for counters that drive one another (a clock's hours wait for its minutes): only where small registers are
 * still after the ordinary runs, and together hold enough bits to be such a chain.
 */
export function chainLength(
  all: readonly { readonly width: number }[],
  still: readonly { readonly width: number }[],
): number {
  const bits = all.reduce((n, r) => n + (r.width <= 8 ? r.width : 0), 0);
  return still.some((r) => r.width <= 8) && bits >= 12 ? MAX_CYCLES / 2.2 : 0;
}

/** Runs of one scenario, to be kept or dropped together. */
export type Scenario = readonly Run[];

export function scenarios(
  iface: DesignInterface,
  fields: readonly Field[],
  cycles: number,
  rng: Rng,
  limit = MAX_SCENARIOS,
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
      if (out.length >= limit) break;
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
export function chooseRuns(
  found: readonly Scenario[],
  before: string,
  moved: readonly string[],
): { readonly runs: Run[]; readonly moved: string } {
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
  return { runs: kept, moved: seen };
}
