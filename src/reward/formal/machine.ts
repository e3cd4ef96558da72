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

import type { DesignInterface } from "../interface.js";
import { Aig, FALSE, type Lit, not, TRUE } from "./aig.js";
import { loaded, settle } from "./instance.js";
import { type Net, type Netlist, NotModelled, pinsOf, type Store } from "./netlist.js";
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

  const trigger = (s: Store, netlist: Netlist): Lit => {
    const c = clockOf(netlist, s.control!.net, s.control!.level);
    if (c.kind === "constant") return FALSE;
    if (c.kind === "derived") throw new NotModelled("a clock made by logic");
    if (plan.kind === "cycles") return tick;
    const flip = flips.find((f) => f.clock === c.port)!.lit;
    const level = levels.get(c.port)!;
    return aig.and(flip, c.edge === 1 ? not(level) : level);
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
    const cells = new Map([...netlist.stores].map(([q, s]) => [q, hold(s, dual.has(q), wakes(q))] as const));
    const stored = new Map([...cells].map(([q, c]) => [q, c.value] as const));
    const read = settle({ aig, netlist, known, stored, unknown });
    for (const [q, s] of netlist.stores) {
      const cell = cells.get(q)!;
      if (s.kind === "latch") cell.set(read(q));
      else {
        const base = muxValue(aig, binary(trigger(s, netlist)), cell.value, read(s.d!));
        cell.set(loaded(aig, s, base, read));
      }
    }
    return read;
  };

  /** A storage element; one that nothing sets at power-up is open (`dual`) or any value at the first step. */
  const hold = (s: Store, dual: boolean, wakes: Lit | null): { value: Value; set: (next: Value) => void } => {
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
  for (const [q, s] of candidate.stores) {
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

interface Schedule {
  readonly kind: Machine["kind"];
  readonly clocks: readonly string[];
  readonly stateful: boolean;
  /** Something acts without an edge: an edge may be left out. */
  readonly pulses: boolean;
  readonly holds: boolean;
  readonly restricted: string | null;
}

function schedule(golden: Netlist, candidate: Netlist, iface: DesignInterface): Schedule {
  const edges = new Set<string>();
  const clocks = new Set<string>();
  let stateful = false;
  let latches = false;
  let loads = false;
  for (const netlist of [golden, candidate]) {
    for (const s of netlist.stores.values()) {
      stateful = true;
      loads ||= s.loads.length > 0;
      if (s.kind === "latch") {
        latches = true;
        continue;
      }
      const c = clockOf(netlist, s.control!.net, s.control!.level);
      if (c.kind === "derived") throw new NotModelled("a clock made by logic");
      if (c.kind === "constant") continue;
      clocks.add(c.port);
      edges.add(`${c.edge}${c.port}`);
    }
  }
  if (!stateful) {
    return { kind: "evaluation", clocks: [], stateful, pulses: false, holds: false, restricted: null };
  }
  const foreign = [...clocks].find((c) => !iface.clocks.some((k) => k.name === c));
  const asData = [...clocks].some((c) => readsPort(golden, c) || readsPort(candidate, c));
  const events = edges.size > 1 || asData || foreign !== undefined;
  return {
    kind: events ? "events" : "cycles",
    clocks: [...clocks].sort(),
    stateful,
    pulses: latches || loads,
    holds: events && (latches || asData),
    restricted: foreign ?? null,
  };
}

type Clock =
  | { readonly kind: "port"; readonly port: string; readonly edge: 0 | 1 }
  | { readonly kind: "constant" }
  | { readonly kind: "derived" };

/** Behind a clock pin: a one-bit input, through inverters. */
function clockOf(netlist: Netlist, net: Net, level: 0 | 1): Clock {
  let at = net;
  let edge = level;
  for (let hops = 0; hops < 64; hops++) {
    if (typeof at !== "number") return { kind: "constant" };
    const here = at;
    const port = netlist.inputs.find((p) => p.bits.length === 1 && p.bits[0] === here);
    if (port !== undefined) return { kind: "port", port: port.name, edge };
    const g = netlist.gates.get(here);
    if (g?.type !== "not") break;
    at = g.pins[0]!;
    edge = edge === 1 ? 0 : 1;
  }
  return { kind: "derived" };
}

/** Whether outputs or stored values depend on that input other than through clock pins. */
function readsPort(netlist: Netlist, name: string): boolean {
  const bit = netlist.inputs.find((p) => p.name === name)?.bits[0];
  if (bit === undefined) return false;
  const seen = new Set<unknown>();
  const stack: Net[] = netlist.outputs.flatMap((p) => [...p.bits]);
  for (const s of netlist.stores.values()) {
    if (s.d !== null) stack.push(s.d);
    for (const l of s.loads) stack.push(l.net, l.value);
    if (s.kind === "latch" && s.control !== null) stack.push(s.control.net);
  }
  while (stack.length > 0) {
    const n = stack.pop()!;
    if (n === bit) return true;
    if (typeof n !== "number" || seen.has(n)) continue;
    seen.add(n);
    const word = netlist.words.get(n);
    if (word !== undefined && seen.has(word)) continue;
    seen.add(word);
    stack.push(...pinsOf(netlist, n));
  }
  return false;
}

/** Nets that may be open: X, what nothing drives, (if `wake`) what nothing sets at power-up, and all behind them. */
function openNets(netlist: Netlist, wake: boolean): { nets: Set<number>; unset: boolean } {
  const readers = new Map<number, number[]>();
  const nets = new Set<number>();
  const stack: number[] = [];
  const mark = (n: number): void => {
    if (nets.has(n)) return;
    nets.add(n);
    stack.push(n);
  };
  const reads = (y: number, from: Net): void => {
    if (from === "x") mark(y);
    if (typeof from !== "number") return;
    const list = readers.get(from);
    if (list === undefined) readers.set(from, [y]);
    else list.push(y);
  };
  let unset = false;
  const driven = new Set<number>(
    netlist.inputs.flatMap((p) => p.bits.filter((b): b is number => typeof b === "number")),
  );
  for (const [y, g] of netlist.gates) {
    driven.add(y);
    for (const p of g.pins) reads(y, p);
  }
  for (const w of new Set(netlist.words.values())) {
    const exact = w.type === "eqx" || w.type === "nex";
    const [first, ...others] = w.y.filter((y): y is number => typeof y === "number");
    if (first === undefined) continue;
    for (const p of [...w.a, ...w.b]) if (!exact || p !== "x") reads(first, p);
    // An index past the end, a division by zero.
    if (/^(div|mod|shiftx)$/.test(w.type)) mark(first);
    driven.add(first);
    for (const y of others) {
      driven.add(y);
      reads(y, first);
    }
  }
  for (const [q, s] of netlist.stores) {
    driven.add(q);
    if (s.d !== null) reads(q, s.d);
    if (s.kind === "latch" && s.control !== null) reads(q, s.control.net);
    for (const l of s.loads) {
      reads(q, l.net);
      reads(q, l.value);
    }
    unset ||= s.init === null;
    if (wake && s.init === null) mark(q);
  }
  for (const [n, ys] of readers) if (!driven.has(n)) for (const y of ys) mark(y);
  while (stack.length > 0) for (const y of readers.get(stack.pop()!) ?? []) mark(y);
  return { nets, unset };
}
