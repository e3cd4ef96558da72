/**
 * Long runs for deep state: where register bits of the golden never moved under the ordinary vectors, or a small
 * register has not been at its end, candidate runs (reset, hold one combination of control bits, then its complement;
 * data held or pseudo-random) are tried on the golden, and those that change that are kept. This is what tells a divider by 10000 from one by 9999, and a FIFO with
 * a full guard from one without.
 */

import type { Rng } from "../../core/rng.js";
import type { DesignInterface } from "../../verilog/interface.js";
import { type Field, type Run, randomBits } from "./stimulus.js";

const MAX_CYCLES = 100_000;
const MAX_TOTAL = 200_000;
const MAX_SCENARIOS = 12;
/** Registers wider than this are data, and hold still for other reasons. */
const MAX_REGISTER_BITS = 24;
/** A register without a constant is run through this many of its bits at most. */
const MAX_COUNTER_BITS = 12;
/** Fewer bits go round under the ordinary vectors. */
const MIN_COUNTER_BITS = 5;
const MAX_TWICE_BITS = 10;
/** Runs of at most this many cycles are made with held data as well. */
const MAX_HELD = 1200;

/** Something about a register that coverage looks at: all its bits, or whether it has had a certain value. */
export interface Watched {
  /** Path below the top, or an expression of one. */
  readonly path: string;
  /** Bits of that. */
  readonly width: number;
  /** Width of the register. */
  readonly register: number;
}

/**
 * What coverage looks at: register bits (wide ones, of data paths and memories, say little and cost much), and of
 * registers that could be counters whether they have been at their end: all ones, or a constant of nearly their size.
 * A counter whose bits all moved may not have gone round yet.
 */
export function coverable(iface: DesignInterface, constants: readonly bigint[] = []): readonly Watched[] {
  let left = 512;
  const bits = iface.registers.filter((r) => {
    if (r.width > Math.min(64, left)) return false;
    left -= r.width;
    return true;
  });
  const ends = bits
    .filter((r) => r.width >= MIN_COUNTER_BITS && r.width <= MAX_COUNTER_BITS)
    .flatMap(({ path, width }) =>
      endsOf(width, constants).map((end) => ({
        path: `${path}==${width}'h${end.toString(16)}`,
        width: 1,
        register: width,
      })),
    );
  return [...bits.map((r) => ({ ...r, register: r.width })), ...ends.slice(0, left)];
}

function endsOf(width: number, constants: readonly bigint[]): bigint[] {
  const last = largestEnd(width, constants);
  // Whether the constant is its last value or the number of its values is not known.
  const ends = last > 0n ? [last, last - 1n] : [];
  return [...new Set([(1n << BigInt(width)) - 1n, ...ends])];
}

/** The largest constant that is nearly as large as a register of that width can be; 0 = none. */
function largestEnd(width: number, constants: readonly bigint[]): bigint {
  const top = 1n << BigInt(width);
  return constants.reduce((m, c) => (c < top && 4n * c >= top && c <= MAX_CYCLES / 2.2 && c > m ? c : m), 0n);
}

/** Registers that have not moved all their bits or not been at their end; `moved` is in their order, most significant bit first. */
export function stillRegisters<R extends Watched>(registers: readonly R[], moved: string): R[] {
  let at = 0;
  return registers.filter((r) => {
    const bits = moved.slice(at, at + r.width);
    at += r.width;
    return r.register > 1 && /[^1]/.test(bits);
  });
}

/**
 * How long a run has to be for the registers that stayed still; 0 = none of them asks for one. A constant of nearly
 * the register's size says where it turns round; without one it runs through its values, if they are not too many:
 * twice, so that what it does after a turn is seen too, where that is cheap.
 */
export function runLength(
  still: readonly { readonly register: number }[],
  constants: readonly bigint[],
): number {
  let length = 0;
  for (const { register: width } of still) {
    if (width < 3 || width > MAX_REGISTER_BITS) continue;
    const last = largestEnd(width, constants);
    const turns = width <= MAX_TWICE_BITS ? 2.2 : 1.2;
    const need =
      last > 0n
        ? Math.ceil(2.2 * Number(last)) + 64
        : Math.ceil(turns * 2 ** Math.min(width, MAX_COUNTER_BITS));
    length = Math.max(length, need);
  }
  return length === 0 ? 0 : Math.max(48, length);
}

/**
 * Length for counters that drive one another (a clock's hours wait for its minutes): only where small registers are
 * still after the ordinary runs, and together hold enough bits to be such a chain.
 */
export function chainLength(all: readonly Watched[], still: readonly Watched[]): number {
  const registers = all.filter((r) => r.width === r.register);
  const bits = registers.reduce((n, r) => n + (r.width <= 8 ? r.width : 0), 0);
  return still.some((r) => r.width === r.register && r.width <= 8) && bits >= 12 ? MAX_CYCLES / 2.2 : 0;
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
      if (vary && cycles <= MAX_HELD) {
        if (resets.size > 0) runs.push({ value: base(true) | value, cycles: 2, vary: false });
        runs.push({ value: withControls(combo, value), cycles, vary: false });
      }
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
