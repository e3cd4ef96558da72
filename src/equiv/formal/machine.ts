/**
 * Golden and candidate side by side as one machine with one output, `bad`: after the reset has been applied, some
 * output bit that the golden defines differs. All inputs are defined. The candidate's registers wake up with any
 * value, its X bits are any value; the golden's X bits are open, that is never compared. A register of the golden that
 * nothing sets at power-up is open (`ternary`), or (`matched`) it wakes up as the candidate's register of that name
 * does, or with any value. That is sound: what the golden defines is the same from every value it may wake up with, so
 * one such value for each of the candidate's is enough, and the machine stays free of open bits.
 *
 * A step is one of three things, by what the designs hold:
 * - nothing: one evaluation;
 * - `cycles`: one clock, one edge: new inputs, settle, compare, then the edge (or none, where asynchronous loads or
 *   latches could tell);
 * - `events`: several clocks, both edges, or a clock that is also data: new inputs, settle, compare, then at most one
 *   clock flips. Where a level could be caught between, inputs hold still in the step after.
 *
 * It is built in five phases: opening, clocks, inputs (here), states (states.ts), comparison (here).
 */

import type { DesignInterface } from "../../verilog/interface.js";
import { Aig, FALSE, type Lit, not, TRUE } from "./aig.js";
import { type Net, type Netlist, NotModelled } from "./netlist.js";
import { openNets } from "./open-nets.js";
import { schedule } from "./schedule.js";
import { placeDesign, wakeCandidate } from "./states.js";
import { binary, OPEN, type Value } from "./value.js";
import type { Clocks, Meaning, PortLits, Workbench } from "./workbench.js";

export interface Machine {
  readonly aig: Aig;
  readonly bad: Lit;
  readonly kind: "evaluation" | "cycles" | "events";
  /** What each input of the graph stands for, in order. */
  readonly meanings: readonly Meaning[];
  /** Effective values, literal by literal: what a counterexample is read from. */
  readonly ports: readonly PortLits[];
  readonly tick: Lit;
  readonly clocks: readonly string[];
  readonly outputs: readonly ComparedOutput[];
  /** An input that the golden takes as data clocks something in the candidate: equality would be claimed for less. */
  readonly restricted: string | null;
  /** The golden holds values that nothing has set: `ternary` may then say more than `matched`. */
  readonly opens: boolean;
}

export interface ComparedOutput {
  readonly name: string;
  readonly golden: readonly Value[];
  readonly candidate: readonly Lit[];
  readonly differs: readonly Lit[];
}

export interface MachineOptions {
  readonly golden: "matched" | "ternary";
  /** Gates at most. */
  readonly cap: number;
}

/** Ticks of each clock while resets are applied at power-up. */
const RESET_TICKS = 3;

/** @throws NotModelled; TooLarge when the graph outgrows its cap */
export function buildMachine(
  golden: Netlist,
  candidate: Netlist,
  iface: DesignInterface,
  options: MachineOptions,
): Machine {
  samePorts(golden, candidate);
  const aig = new Aig(options.cap);
  const meanings: Meaning[] = [];
  const plan = schedule(golden, candidate, iface);
  const bench: Workbench = {
    aig,
    plan,
    input: (meaning) => {
      meanings.push(meaning);
      return aig.input();
    },
  };
  const resets = plan.stateful ? iface.resets.filter((r) => !plan.clocks.includes(r.name)) : [];
  const opening = openingPhase(bench, resets.length > 0);
  const clocks = clockPhase(bench, opening);
  const ports = inputPhase(bench, opening, clocks, golden, resets);

  const dual = openNets(golden, options.golden === "ternary");
  const { awake, twinOf } = wakeCandidate(bench, golden, candidate);
  const around = { ...bench, first: opening.first, clocks, ports };
  const ofGolden = placeDesign(around, golden, { dual: dual.nets, unknown: () => OPEN, wakes: twinOf });
  const ofCandidate = placeDesign(around, candidate, {
    dual: new Set(),
    unknown: () => binary(bench.input({ kind: "any" })),
    wakes: awake,
  });

  const outputs = comparisonPhase(bench, opening, golden, ofGolden, candidate, ofCandidate);
  // Solvers write one line of inputs a frame: there has to be one.
  if (meanings.length === 0) bench.input({ kind: "any" });
  const bad = outputs.flatMap((o) => o.differs).reduce((any, d) => aig.or(any, d), FALSE as Lit);
  return {
    aig,
    bad,
    kind: plan.kind,
    meanings,
    ports,
    tick: clocks.tick,
    clocks: plan.clocks,
    outputs,
    restricted: plan.restricted,
    opens: dual.unset && options.golden === "matched",
  };
}

/** The steps before anything is compared. */
interface Opening {
  /** What happens in each of them: the clock that flips, or null for a step like any other. */
  readonly forced: readonly (string | null)[];
  /** True in the very first step. */
  readonly first: Lit;
  /** True once the opening is over. */
  readonly started: Lit;
  /** True in step k of the opening. */
  readonly during: (k: number) => Lit;
}

/**
 * Phase 1: resets on, every clock ticks three times, nothing is compared.
 * Invariant: `marks[k]` is 0 up to step k and 1 ever after, so exactly one `during(k)` holds in each step of the opening.
 */
function openingPhase({ aig, plan }: Workbench, withReset: boolean): Opening {
  const forced: readonly (string | null)[] = !withReset
    ? []
    : plan.kind === "events" && plan.clocks.length > 0
      ? Array.from({ length: RESET_TICKS }, () => [...plan.clocks, ...plan.clocks]).flat()
      : Array.from({ length: plan.clocks.length > 0 ? RESET_TICKS : 1 }, () => null);
  const marks: Lit[] = [];
  for (let k = 0; k < Math.max(plan.stateful ? 1 : 0, forced.length); k++) {
    const l = aig.latch();
    l.set(k === 0 ? TRUE : marks[k - 1]!);
    marks.push(l.lit);
  }
  return {
    forced,
    first: marks.length === 0 ? TRUE : not(marks[0]!),
    started: forced.length === 0 ? TRUE : marks[forced.length - 1]!,
    during: (k) => aig.and(k === 0 ? TRUE : marks[k - 1]!, not(marks[k]!)),
  };
}

/**
 * Phase 2: at most one clock flips a step; while the opening lasts it is the opening's own.
 * Invariant: no two of `flips` hold at once, and a clock's level changes exactly after the steps in which its flip holds.
 */
function clockPhase({ aig, plan, input }: Workbench, { forced, started, during }: Opening): Clocks {
  const levels = new Map<string, Lit>();
  const flips: { clock: string; lit: Lit }[] = [];
  if (plan.kind === "events") {
    let none: Lit = TRUE;
    for (const clock of plan.clocks) {
      let wish: Lit = aig.and(started, input({ kind: "flip", clock }));
      forced.forEach((c, k) => {
        if (c === clock) wish = aig.or(wish, during(k));
      });
      const lit = aig.and(none, wish);
      none = aig.and(none, not(wish));
      flips.push({ clock, lit });
      const level = aig.latch();
      level.set(aig.xor(level.lit, lit));
      levels.set(clock, level.lit);
    }
    return { tick: TRUE, flips, levels };
  }
  const stands = plan.kind === "cycles" && plan.clocks.length === 0;
  const chosen = plan.kind === "cycles" && plan.pulses;
  const tick = stands ? FALSE : chosen ? aig.or(not(started), input({ kind: "tick" })) : TRUE;
  return { tick, flips, levels };
}

/**
 * Phase 3: inputs are free, but for clocks, for resets during the opening, and (where the plan says so) in the step after
 * a flip, in which they hold still.
 * Invariant: both designs read these very literals, so an input can never differ between them.
 */
function inputPhase(
  { aig, plan, input }: Workbench,
  { started }: Opening,
  { flips, levels }: Clocks,
  golden: Netlist,
  resets: DesignInterface["resets"],
): PortLits[] {
  let held: Lit = FALSE;
  if (plan.holds) {
    const after = aig.latch();
    after.set(flips.reduce((any, f) => aig.or(any, f.lit), FALSE as Lit));
    held = after.lit;
  }
  const active = new Map(resets.map((r) => [r.name, r.active]));
  return golden.inputs.map((p) => ({
    name: p.name,
    lits: p.bits.map((_, bit): Lit => {
      const level = levels.get(p.name);
      if (level !== undefined) return level;
      if (plan.kind === "cycles" && plan.clocks.includes(p.name)) return FALSE;
      let lit = input({ kind: "port", name: p.name, bit });
      if (plan.holds) {
        const before = aig.latch();
        lit = aig.mux(held, lit, before.lit);
        before.set(lit);
      }
      const on = active.get(p.name);
      if (on !== undefined) lit = aig.mux(started, on === 1 ? TRUE : FALSE, lit);
      return lit;
    }),
  }));
}

/**
 * Phase 5: an output bit differs when the golden defines it (it cannot be both values) and the candidate has the other.
 * Invariant: nothing differs before the opening is over, and an open bit never does.
 */
function comparisonPhase(
  { aig }: Workbench,
  { started }: Opening,
  golden: Netlist,
  ofGolden: (n: Net) => Value,
  candidate: Netlist,
  ofCandidate: (n: Net) => Value,
): ComparedOutput[] {
  const theirs = new Map(candidate.outputs.map((p) => [p.name, p.bits]));
  return golden.outputs.map((p) => {
    const expected = p.bits.map(ofGolden);
    const got = theirs.get(p.name)!.map((b) => ofCandidate(b).one);
    const differs = expected.map((v, k) => aig.and(started, aig.mux(got[k]!, not(v.zero), not(v.one))));
    return { name: p.name, golden: expected, candidate: got, differs };
  });
}

function samePorts(golden: Netlist, candidate: Netlist): void {
  for (const side of ["inputs", "outputs"] as const) {
    const theirs = new Map(candidate[side].map((p) => [p.name, p.bits.length]));
    for (const p of golden[side]) {
      const width = theirs.get(p.name);
      if (width !== p.bits.length) {
        throw new NotModelled(
          `the candidate's ${side.slice(0, -1)} ${p.name} is ${width === undefined ? "missing" : `${width} bits wide`}, the golden's is ${p.bits.length} bits wide`,
        );
      }
    }
  }
}
