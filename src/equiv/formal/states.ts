/**
 * Phase 4 of the machine: what the designs hold from step to step. Each design is placed into the graph with its inputs
 * and stored values, and its storage gets the values of the next step.
 */

import { FALSE, type Lit, not } from "./aig.js";
import { loaded, settle } from "./instance.js";
import { type Net, type Netlist, NotModelled, type StateBit } from "./netlist.js";
import { clockOf } from "./schedule.js";
import { binary, isBinary, muxValue, type Value } from "./value.js";
import type { Clocks, PortLits, Workbench } from "./workbench.js";

/** Where designs are placed. */
export interface Surroundings extends Workbench {
  /** True in the very first step. */
  readonly first: Lit;
  readonly clocks: Clocks;
  readonly ports: readonly PortLits[];
}

/** What sets one design apart from the other. */
export interface Role {
  /** State bits that may be open, and so are pairs of literals. */
  readonly dual: ReadonlySet<number>;
  /** A bit that nothing defines. */
  readonly unknown: () => Value;
  /** What a state bit that nothing sets wakes up with; null = any value. */
  readonly wakes: (q: number) => Lit | null;
}

/**
 * Power-up values of the candidate's state bits, and for a bit of the golden those of the candidate's bit of that name.
 * Invariant: they are chosen once, in the first step, and both designs read the same choice.
 */
export function wakeCandidate(
  { input }: Workbench,
  golden: Netlist,
  candidate: Netlist,
): { readonly awake: (q: number) => Lit; readonly twinOf: (q: number) => Lit | null } {
  const awake = new Map<number, Lit>();
  const byName = new Map<string, Lit>();
  for (const [q, s] of candidate.states) {
    const lit = s.init === null ? input({ kind: "any" }) : s.init;
    awake.set(q, lit);
    for (const name of candidate.names.get(q) ?? []) byName.set(name, lit);
  }
  return {
    awake: (q) => awake.get(q)!,
    twinOf: (q) => {
      for (const name of golden.names.get(q) ?? []) {
        const lit = byName.get(name);
        if (lit !== undefined) return lit;
      }
      return null;
    },
  };
}

/**
 * Puts a design into the graph; the result reads its settled nets.
 * Invariant: in every step a state bit is what it was, unless its clock has its edge after the step, its latch is open, or
 * an asynchronous load holds it; a bit that is not `dual` is never open.
 */
export function placeDesign(around: Surroundings, netlist: Netlist, role: Role): (n: Net) => Value {
  const { aig, plan, ports } = around;
  const { unknown } = role;
  const portLits = new Map(ports.map((p) => [p.name, p.lits]));
  const known = new Map<number, Value>();
  for (const p of netlist.inputs) {
    const lits = portLits.get(p.name);
    p.bits.forEach((b, k) => {
      if (typeof b === "number") known.set(b, lits === undefined ? unknown() : binary(lits[k]!));
    });
  }
  const cells = new Map(
    [...netlist.states].map(([q, s]) => [q, hold(around, s, role.dual.has(q), role.wakes(q))] as const),
  );
  const stored = new Map([...cells].map(([q, c]) => [q, c.value] as const));
  const read = settle({ aig, netlist, known, stored, unknown });
  const sampled = plan.asData ? atTheEdge(around, netlist, known, read, unknown) : read;
  for (const [q, s] of netlist.states) {
    const cell = cells.get(q)!;
    if (s.kind === "latch") cell.set(read(q));
    else {
      const base = muxValue(aig, binary(trigger(around, s, netlist)), cell.value, sampled(s.d!));
      cell.set(loaded(aig, s, base, read));
    }
  }
  return read;
}

/** A state bit; one that nothing sets at power-up is open (`dual`) or any value at the first step. */
function hold(
  { aig, first, input }: Surroundings,
  s: StateBit,
  dual: boolean,
  wakes: Lit | null,
): { readonly value: Value; readonly set: (next: Value) => void } {
  if (!dual) {
    const l = aig.latch();
    // Latches of the graph start at 0: one that starts at 1 is kept inverted.
    const flip = s.init === 1 ? 1 : 0;
    const lit = s.init === null ? aig.mux(first, l.lit, wakes ?? input({ kind: "any" })) : l.lit ^ flip;
    return {
      value: binary(lit),
      set: (next) => {
        if (!isBinary(next)) throw new Error("a register that was taken to be defined may be open");
        l.set(next.one ^ flip);
      },
    };
  }
  const one = aig.latch();
  const zero = aig.latch();
  const [f, g] = [s.init === 0 ? 0 : 1, s.init === 1 ? 0 : 1];
  return {
    value: { one: one.lit ^ f, zero: zero.lit ^ g },
    set: (next) => {
      one.set(next.one ^ f);
      zero.set(next.zero ^ g);
    },
  };
}

/** Whether a flip-flop's clock has its active edge after this step. */
function trigger({ aig, plan, clocks }: Surroundings, s: StateBit, netlist: Netlist): Lit {
  const c = clockOf(netlist, s.control!.net, s.control!.level);
  if (c.kind === "constant") return FALSE;
  if (c.kind === "derived") throw new NotModelled("a clock made by logic");
  if (plan.kind === "cycles") return clocks.tick;
  const flip = clocks.flips.find((f) => f.clock === c.port)!.lit;
  const level = clocks.levels.get(c.port)!;
  return aig.and(flip, c.edge === 1 ? not(level) : level);
}

/** What registers sample where logic reads a clock: its new level, everything else as it was. */
function atTheEdge(
  { aig, clocks }: Surroundings,
  netlist: Netlist,
  known: ReadonlyMap<number, Value>,
  read: (n: Net) => Value,
  unknown: () => Value,
): (n: Net) => Value {
  const then = new Map(known);
  for (const f of clocks.flips) {
    const bit = netlist.inputs.find((p) => p.name === f.clock)?.bits[0];
    if (typeof bit === "number") then.set(bit, binary(aig.xor(clocks.levels.get(f.clock)!, f.lit)));
  }
  for (const q of netlist.states.keys()) then.set(q, read(q));
  return settle({ aig, netlist, known: then, stored: new Map(), unknown });
}
