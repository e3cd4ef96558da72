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
 */

import type { DesignInterface } from "../../verilog/interface.js";
import { Aig, FALSE, type Lit, not, TRUE } from "./aig.js";
import { loaded, settle } from "./instance.js";
import { type Net, type Netlist, NotModelled, type StateBit } from "./netlist.js";
import { openNets } from "./open-nets.js";
import { clockOf, schedule } from "./schedule.js";
import { binary, isBinary, muxValue, OPEN, type Value } from "./value.js";

export type Meaning =
  | { readonly kind: "port"; readonly name: string; readonly bit: number }
  | { readonly kind: "flip"; readonly clock: string }
  | { readonly kind: "tick" }
  | { readonly kind: "any" };

export interface Machine {
  readonly aig: Aig;
  readonly bad: Lit;
  readonly kind: "evaluation" | "cycles" | "events";
  /** What each input of the graph stands for, in order. */
  readonly meanings: readonly Meaning[];
  /** Effective values, literal by literal: what a counterexample is read from. */
  readonly ports: readonly { readonly name: string; readonly lits: readonly Lit[] }[];
  readonly tick: Lit;
  readonly clocks: readonly string[];
  readonly outputs: readonly {
    readonly name: string;
    readonly golden: readonly Value[];
    readonly candidate: readonly Lit[];
    readonly differs: readonly Lit[];
  }[];
  /** An input that the golden takes as data clocks something in the candidate: equality would be claimed for less. */
  readonly restricted: string | null;
  /** The golden holds values that nothing has set: `ternary` may then say more than `matched`. */
  readonly opens: boolean;
}

export interface MachineOptions {
  readonly golden: "matched" | "ternary";
  /** Gates at most. */
  readonly cap: number;
}

const RESET_TICKS = 3;

export function buildMachine(
  golden: Netlist,
  candidate: Netlist,
  iface: DesignInterface,
  options: MachineOptions,
): Machine {
  samePorts(golden, candidate);
  const aig = new Aig(options.cap);
  const meanings: Meaning[] = [];
  const input = (meaning: Meaning): Lit => {
    meanings.push(meaning);
    return aig.input();
  };
  const plan = schedule(golden, candidate, iface);
  const resets = plan.stateful ? iface.resets.filter((r) => !plan.clocks.includes(r.name)) : [];

  // The opening: resets on, every clock ticks three times, nothing is compared.
  const forced: (string | null)[] =
    resets.length === 0
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
  const first = marks.length === 0 ? TRUE : not(marks[0]!);
  const started = forced.length === 0 ? TRUE : marks[forced.length - 1]!;
  const during = (k: number): Lit => aig.and(k === 0 ? TRUE : marks[k - 1]!, not(marks[k]!));

  // Clocks that flip: at most one a step, the schedule's own while the opening lasts.
  const levels = new Map<string, Lit>();
  const flips: { clock: string; lit: Lit }[] = [];
  let tick: Lit = TRUE;
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
  } else if (plan.kind === "cycles" && plan.clocks.length === 0) tick = FALSE;
  else if (plan.kind === "cycles" && plan.pulses) {
    tick = aig.or(not(started), input({ kind: "tick" }));
  }

  // Inputs: free, forced by the opening, or held after a flip.
  let held: Lit = FALSE;
  if (plan.holds) {
    const after = aig.latch();
    after.set(flips.reduce((any, f) => aig.or(any, f.lit), FALSE as Lit));
    held = after.lit;
  }
  const active = new Map(resets.map((r) => [r.name, r.active]));
  const ports = golden.inputs.map((p) => ({
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
  const portLits = new Map(ports.map((p) => [p.name, p.lits]));

  const trigger = (s: StateBit, netlist: Netlist): Lit => {
    const c = clockOf(netlist, s.control!.net, s.control!.level);
    if (c.kind === "constant") return FALSE;
    if (c.kind === "derived") throw new NotModelled("a clock made by logic");
    if (plan.kind === "cycles") return tick;
    const flip = flips.find((f) => f.clock === c.port)!.lit;
    const level = levels.get(c.port)!;
    return aig.and(flip, c.edge === 1 ? not(level) : level);
  };

  /** What registers sample where logic reads a clock: its new level, everything else as it was. */
  const atTheEdge = (
    netlist: Netlist,
    known: ReadonlyMap<number, Value>,
    read: (n: Net) => Value,
    unknown: () => Value,
  ): ((n: Net) => Value) => {
    const then = new Map(known);
    for (const f of flips) {
      const bit = netlist.inputs.find((p) => p.name === f.clock)?.bits[0];
      if (typeof bit === "number") then.set(bit, binary(aig.xor(levels.get(f.clock)!, f.lit)));
    }
    for (const q of netlist.states.keys()) then.set(q, read(q));
    return settle({ aig, netlist, known: then, stored: new Map(), unknown });
  };

  const place = (
    netlist: Netlist,
    dual: ReadonlySet<number>,
    unknown: () => Value,
    wakes: (q: number) => Lit | null,
  ): ((n: Net) => Value) => {
    const known = new Map<number, Value>();
    for (const p of netlist.inputs) {
      const lits = portLits.get(p.name);
      p.bits.forEach((b, k) => {
        if (typeof b === "number") known.set(b, lits === undefined ? unknown() : binary(lits[k]!));
      });
    }
    const cells = new Map([...netlist.states].map(([q, s]) => [q, hold(s, dual.has(q), wakes(q))] as const));
    const stored = new Map([...cells].map(([q, c]) => [q, c.value] as const));
    const read = settle({ aig, netlist, known, stored, unknown });
    const sampled = plan.asData ? atTheEdge(netlist, known, read, unknown) : read;
    for (const [q, s] of netlist.states) {
      const cell = cells.get(q)!;
      if (s.kind === "latch") cell.set(read(q));
      else {
        const base = muxValue(aig, binary(trigger(s, netlist)), cell.value, sampled(s.d!));
        cell.set(loaded(aig, s, base, read));
      }
    }
    return read;
  };

  /** A storage element; one that nothing sets at power-up is open (`dual`) or any value at the first step. */
  const hold = (
    s: StateBit,
    dual: boolean,
    wakes: Lit | null,
  ): { value: Value; set: (next: Value) => void } => {
    if (!dual) {
      const l = aig.latch();
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
  };

  const dual = openNets(golden, options.golden === "ternary");
  const awake = new Map<number, Lit>();
  const byName = new Map<string, Lit>();
  for (const [q, s] of candidate.states) {
    const lit = s.init === null ? input({ kind: "any" }) : s.init;
    awake.set(q, lit);
    for (const name of candidate.names.get(q) ?? []) byName.set(name, lit);
  }
  const twin = (q: number): Lit | null => {
    for (const name of golden.names.get(q) ?? []) {
      const lit = byName.get(name);
      if (lit !== undefined) return lit;
    }
    return null;
  };
  const ofGolden = place(golden, dual.nets, () => OPEN, twin);
  const ofCandidate = place(
    candidate,
    new Set(),
    () => binary(input({ kind: "any" })),
    (q) => awake.get(q)!,
  );
  const wanted = new Map(candidate.outputs.map((p) => [p.name, p.bits]));
  const outputs = golden.outputs.map((p) => {
    const g = p.bits.map(ofGolden);
    const c = wanted.get(p.name)!.map((b) => ofCandidate(b).one);
    return {
      name: p.name,
      golden: g,
      candidate: c,
      differs: g.map((v, k) => aig.and(started, aig.mux(c[k]!, not(v.zero), not(v.one)))),
    };
  });
  // Solvers write one line of inputs a frame: there has to be one.
  if (meanings.length === 0) input({ kind: "any" });
  const bad = outputs.flatMap((o) => o.differs).reduce((any, d) => aig.or(any, d), FALSE as Lit);
  return {
    aig,
    bad,
    kind: plan.kind,
    meanings,
    ports,
    tick,
    clocks: plan.clocks,
    outputs,
    restricted: plan.restricted,
    opens: dual.unset && options.golden === "matched",
  };
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
