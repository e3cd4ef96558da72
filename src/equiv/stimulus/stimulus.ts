/**
 * Input sequences that tell designs apart. Combinational designs with few inputs are enumerated; others are driven in
 * episodes of 8 to 64 cycles in which every input has a mode of its own (uniform, held, sparse flips, counting,
 * corners, constants of the golden and their neighbours, those constants in their source order, equal to another
 * input, biased bits). Resets come with and without a clock edge, at the start of episodes and in the middle; data
 * changes in both clock phases. After the episodes come acts, played once in full. A step is one assignment of all
 * inputs, clocks included, so several clocks need nothing special: one signal that is a clock never changes in the same
 * step as anything else.
 */

import type { Rng } from "../../core/rng.js";
import type { DesignInterface } from "../../verilog/interface.js";
import type { Mined } from "../../verilog/numbers.js";
import { makeActs } from "./acts.js";
import { Driver } from "./driver.js";
import type { Field, Step } from "./rows.js";

export { type Field, randomBits, type Step } from "./rows.js";

/** A long run: `cycles` full cycles of every clock, the controls held, the data held or pseudo-random. */
export interface Run {
  readonly value: bigint;
  readonly cycles: number;
  readonly vary: boolean;
}

export interface Stimulus {
  /** Width of the input vector, at least 1. */
  readonly bits: number;
  /** Clocks and controls lie below the data, so that runs can vary all data at once. */
  readonly fields: readonly Field[];
  readonly steps: readonly Step[];
  /** Steps before those that are played once in full; absent = all. */
  readonly drawn?: number;
  /** Index of the first step that is compared: resets have been applied by then. */
  readonly start: number;
  readonly runs: readonly Run[];
  readonly exhaustive: boolean;
}

export interface StimulusOptions {
  /** Vectors (cycles of a clocked design) to make. */
  readonly vectors: number;
  /** Combinational designs with at most this many input bits are enumerated. */
  readonly exhaustiveBits: number;
}

export const DEFAULT_STIMULUS: StimulusOptions = { vectors: 1000, exhaustiveBits: 10 };

export function layoutOf(iface: DesignInterface): { fields: Field[]; bits: number } {
  const rank = (name: string, width: number): number =>
    iface.clocks.some((c) => c.name === name)
      ? 0
      : iface.resets.some((r) => r.name === name)
        ? 1
        : width === 1
          ? 2
          : 3;
  const sorted = iface.inputs
    .map((p, i) => ({ ...p, i, rank: rank(p.name, p.width) }))
    .sort((a, b) => a.rank - b.rank || a.i - b.i);
  let offset = 0;
  const fields = sorted.map((p) => {
    const f = { name: p.name, offset, width: p.width };
    offset += p.width;
    return f;
  });
  return { fields, bits: Math.max(1, offset) };
}

export function makeStimulus(
  iface: DesignInterface,
  constants: readonly Mined[],
  rng: Rng,
  options: StimulusOptions = DEFAULT_STIMULUS,
): Stimulus {
  const { fields, bits } = layoutOf(iface);
  const inputBits = fields.reduce((n, f) => n + f.width, 0);
  if (!iface.stateful && inputBits <= options.exhaustiveBits) {
    return { bits, fields, steps: enumerated(inputBits, rng), start: 0, runs: [], exhaustive: true };
  }
  const driver = new Driver(iface, fields, constants, rng);
  const enough = vectorsFor(iface, inputBits) * Math.max(1, options.vectors / DEFAULT_STIMULUS.vectors);
  const vectors = Math.min(options.vectors, Math.ceil(enough));
  const { acts, instead } = makeActs(iface, driver.data, constants, rng.fork("acts"), vectors);
  const drawn = Math.max(1, vectors - instead);
  if (iface.clocks.length > 0) driver.clocked(drawn, acts);
  else driver.clockless(drawn, acts);
  const { steps, start, drawn: before } = driver;
  return { bits, fields, steps, start, drawn: before, runs: [], exhaustive: false };
}

/** Episodes that go on where a stimulus ends, each to be kept or left out. */
export function moreEpisodes(
  iface: DesignInterface,
  constants: readonly Mined[],
  rng: Rng,
  after: Stimulus,
  vectors: number,
): Step[][] {
  const last = after.steps.at(-1);
  if (after.exhaustive || last === undefined) return [];
  const driver = new Driver(iface, after.fields, constants, rng);
  driver.resume(last.value);
  const episodes: Step[][] = [];
  for (let left = vectors; left > 0; ) {
    const from = driver.steps.length;
    left -= iface.clocks.length > 0 ? driver.episode(left) : driver.clocklessEpisode(left);
    episodes.push(driver.steps.slice(from));
  }
  return episodes;
}

/**
 * Of the usual number: few inputs and little state need few vectors; where the state is not known, as many as allowed.
 * Who asks for more than usual gets more of these too.
 */
function vectorsFor(iface: DesignInterface, inputBits: number): number {
  if (!iface.stateful || iface.source === "header" || iface.memoryWords > 0) return Number.POSITIVE_INFINITY;
  return 384 + 32 * (inputBits + iface.stateBits);
}

/** Every value once in random order, and again until there are 32 steps: a latch shows when the order varies. */
function enumerated(bits: number, rng: Rng): Step[] {
  const all = Array.from({ length: 2 ** bits }, (_, i) => BigInt(i));
  const steps: Step[] = [];
  do {
    for (const value of rng.shuffle(all)) steps.push({ value, quiet: false });
  } while (steps.length < Math.min(32, all.length * 4));
  return steps;
}

/** Text of a `$readmemh` file: one word per step, the quiet mark above the inputs. */
export function stepWords(s: Stimulus): string {
  const mark = 1n << BigInt(s.bits);
  return s.steps.map((x) => (x.quiet ? x.value | mark : x.value).toString(16)).join("\n");
}

/** Runs as words {vary, cycles[23:0], inputs}. */
export function runWords(s: Stimulus): string {
  const b = BigInt(s.bits);
  return s.runs
    .map((r) => (r.value | (BigInt(r.cycles) << b) | (r.vary ? 1n << (b + 24n) : 0n)).toString(16))
    .join("\n");
}
