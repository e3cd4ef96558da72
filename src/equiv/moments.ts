/** Where a moment lies in the life of a design: its cycle, the phase of its clocks, and the input values. */

import type { DesignInterface } from "../verilog/interface.js";
import type { Field, Run } from "./stimulus/stimulus.js";
import type { Comparison, Recorded } from "./testbench/compare-bench.js";

export interface Moment {
  /** Moments since power-up; the moment is at time 100 (index + 1). */
  readonly index: number;
  /** Outputs are compared at this moment. */
  readonly compared: boolean;
  /** Active edges since power-up of each clock, in the interface's order. */
  readonly cycles: readonly number[];
  /** What the step did: which clocks rose or fell, else which inputs changed. */
  readonly rose: readonly string[];
  readonly fell: readonly string[];
  readonly changed: readonly string[];
  /** A long run and the cycle in it, from 1. */
  readonly longRun: { readonly run: number; readonly cycle: number } | null;
  /** Port -> binary, as wide as the port; an output bit that is not compared is `-`. */
  readonly inputs: Readonly<Record<string, string>>;
  readonly expected: Readonly<Record<string, string>>;
  readonly got: Readonly<Record<string, string>>;
  /** Outputs that differ in a compared bit. */
  readonly wrong: readonly string[];
}

export interface Script {
  readonly iface: Pick<DesignInterface, "inputs" | "outputs" | "clocks">;
  readonly fields: readonly Field[];
  /** Inputs of every step, and the runs. */
  readonly steps: readonly bigint[];
  readonly runs: readonly Run[];
  /** Output bits that are open, by step and then by run. */
  readonly open: (place: number) => bigint;
}

/** The recorded moments with everything that people want to know about them. */
export function momentsOf(comparison: Comparison, script: Script): Moment[] {
  const clocks = script.iface.clocks.map((c) => ({
    ...c,
    offset: BigInt(script.fields.find((f) => f.name === c.name)!.offset),
  }));
  const level = (row: bigint, offset: bigint): number => Number((row >> offset) & 1n);
  const count = (edges: number[], from: bigint | null, to: bigint): void => {
    if (from === null) return;
    clocks.forEach((c, k) => {
      const [a, b] = [level(from, c.offset), level(to, c.offset)];
      if (a !== b && (c.edge === "both" || (c.edge === "pos") === (b === 1))) edges[k]!++;
    });
  };
  // Edges before each recorded moment: counted over the steps, then run by run.
  const edges = clocks.map(() => 0);
  let counted = -1;
  let last: bigint | null = null;
  let run = 0;
  const numSteps = script.steps.length;
  const advance = (place: number): void => {
    while (counted + 1 < Math.min(place, numSteps)) {
      counted++;
      count(edges, last, script.steps[counted]!);
      last = script.steps[counted]!;
    }
    for (; run < place - numSteps; run++) {
      const { value, cycles } = script.runs[run]!;
      count(edges, last, value);
      clocks.forEach((c, k) => {
        edges[k]! += cycles * (c.edge === "both" ? 2 : 1);
      });
      last = value;
    }
  };
  const out: Moment[] = [];
  let before: bigint | null = null;
  let cycles: number[] = [];
  for (const m of comparison.moments) {
    const row = BigInt(`0b${m.inputs}`);
    const inRun = m.place >= numSteps;
    if (before === null) {
      advance(m.place);
      cycles = [...edges];
      // The first recorded moment of a run in full swing: cycles before it are known, its own phase is not.
      if (inRun && m.runCycle > 0) {
        count(cycles, last, script.runs[m.place - numSteps]!.value);
        cycles = cycles.map((e, k) => e + (m.runCycle - 1) * (clocks[k]!.edge === "both" ? 2 : 1));
      } else count(cycles, last, row);
      before = m.place > 0 && m.place < numSteps ? (script.steps[m.place - 1] ?? null) : null;
    } else {
      cycles = [...cycles];
      count(cycles, before, row);
    }
    out.push(described(m, script, row, before, cycles, inRun, numSteps, comparison));
    before = row;
  }
  return out;
}

function described(
  m: Recorded,
  script: Script,
  row: bigint,
  before: bigint | null,
  cycles: readonly number[],
  inRun: boolean,
  numSteps: number,
  comparison: Comparison,
): Moment {
  const clockNames = new Set(script.iface.clocks.map((c) => c.name));
  const rose: string[] = [];
  const fell: string[] = [];
  const changed: string[] = [];
  const values = new Map<string, string>();
  for (const f of script.fields) {
    const slice = (v: bigint): bigint => (v >> BigInt(f.offset)) & ((1n << BigInt(f.width)) - 1n);
    values.set(f.name, slice(row).toString(2).padStart(f.width, "0"));
    if (before === null || slice(before) === slice(row)) continue;
    if (!clockNames.has(f.name)) changed.push(f.name);
    else if (slice(row) === 1n) rose.push(f.name);
    else fell.push(f.name);
  }
  const open = script.open(m.place);
  const expected: Record<string, string> = {};
  const got: Record<string, string> = {};
  const wrong: string[] = [];
  let offset = 0;
  const width = m.golden.length;
  for (const o of script.iface.outputs) {
    const cut = (bits: string): string => bits.slice(width - offset - o.width, width - offset);
    const [golden, candidate] = [cut(m.golden), cut(m.candidate)];
    let want = "";
    let differs = false;
    for (let b = 0; b < o.width; b++) {
      const free =
        !m.compared || !/[01]/.test(golden[b]!) || ((open >> BigInt(offset + o.width - 1 - b)) & 1n) === 1n;
      want += free && m.compared ? "-" : golden[b];
      if (!free && golden[b] !== candidate[b]) differs = true;
    }
    expected[o.name] = want;
    got[o.name] = candidate;
    if (differs && (comparison.differsAt === null || m.index >= comparison.differsAt)) wrong.push(o.name);
    offset += o.width;
  }
  return {
    index: m.index,
    compared: m.compared,
    cycles,
    rose,
    fell,
    changed,
    longRun: inRun ? { run: m.place - numSteps + 1, cycle: m.runCycle } : null,
    inputs: Object.fromEntries(script.iface.inputs.map((p) => [p.name, values.get(p.name)!])),
    expected,
    got,
    wrong,
  };
}

/** "cycle 37, after the rising edge of clk"; vectors for designs without a clock. */
export function whereOf(m: Moment, clocks: readonly { readonly name: string }[]): string {
  const parts: string[] = [];
  if (clocks.length === 0) parts.push(`vector ${m.index + 1}`);
  else if (clocks.length === 1) parts.push(`cycle ${m.cycles[0]}`);
  else parts.push(`cycle ${clocks.map((c, k) => `${m.cycles[k]} of ${c.name}`).join(", ")}`);
  const phase = phaseOf(m, clocks);
  if (phase !== "") parts.push(phase);
  if (m.longRun !== null) parts.push(`cycle ${m.longRun.cycle} of long run ${m.longRun.run}`);
  return parts.join(", ");
}

function phaseOf(m: Moment, clocks: readonly { readonly name: string }[]): string {
  const names = (list: readonly string[]): string =>
    list.length <= 3 ? list.join(", ") : `${list.slice(0, 3).join(", ")} and ${list.length - 3} more`;
  if (m.rose.length > 0) return `after the rising edge of ${names(m.rose)}`;
  if (m.fell.length > 0) return `after the falling edge of ${names(m.fell)}`;
  if (clocks.length === 0) return "";
  const levels = clocks.map((c) => `${c.name}=${m.inputs[c.name]}`).join(" ");
  return m.changed.length > 0 ? `after ${names(m.changed)} changed (${levels})` : levels;
}
