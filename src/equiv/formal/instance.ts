/** One design unrolled into the graph for one moment: inputs and stored values in, every settled net out. */

import type { Aig } from "./aig.js";
import { type Net, type Netlist, NotModelled, pinsOf, type StateBit } from "./netlist.js";
import { andValue, invert, muxValue, ONE, OPEN, type Value, xorValue, ZERO } from "./value.js";
import { evaluateWord } from "./words.js";

export interface Surroundings {
  readonly aig: Aig;
  readonly netlist: Netlist;
  /** Values of input nets and of what the storage elements hold. */
  readonly known: ReadonlyMap<number, Value>;
  readonly stored: ReadonlyMap<number, Value>;
  /** A bit that nothing defines. */
  readonly unknown: () => Value;
}

export function settle(around: Surroundings): (net: Net) => Value {
  const { aig, netlist, known, stored } = around;
  const values = new Map<number, Value>(known);
  const open = new Set<number>();

  const constant = (net: Net): Value | undefined =>
    net === "0" ? ZERO : net === "1" ? ONE : net === "x" ? around.unknown() : values.get(net);

  const needs = (net: number): readonly Net[] => {
    const s = netlist.states.get(net);
    if (s === undefined) return pinsOf(netlist, net);
    const loads = s.loads.flatMap((l) => [l.net, l.value]);
    return s.kind === "latch" && s.control !== null ? [...loads, s.control.net, s.d!] : loads;
  };

  const v = (n: Net): Value => constant(n)!;

  /** Sets the net, and with it the others of its word. */
  const make = (net: number): void => {
    const word = netlist.words.get(net);
    if (word !== undefined) {
      // Comparing with `===` sees X itself; anything else sees a bit that could be either.
      const exact = word.type === "eqx" || word.type === "nex";
      const read = (n: Net): Value => (exact && n === "x" ? OPEN : v(n));
      const out = evaluateWord(aig, word, { a: word.a.map(read), b: word.b.map(read) }, around.unknown);
      word.y.forEach((y, k) => {
        if (typeof y === "number") values.set(y, out[k]!);
      });
      return;
    }
    values.set(net, single(net));
  };

  const single = (net: number): Value => {
    const g = netlist.gates.get(net);
    if (g !== undefined) {
      const [a, b, s] = g.pins;
      switch (g.type) {
        case "not":
          return invert(v(a!));
        case "and":
          return andValue(aig, v(a!), v(b!));
        case "or":
          return invert(andValue(aig, invert(v(a!)), invert(v(b!))));
        case "xor":
          return xorValue(aig, v(a!), v(b!));
        case "mux":
          return muxValue(aig, v(s!), v(a!), v(b!));
        default:
          return g.type satisfies never;
      }
    }
    const s = netlist.states.get(net);
    if (s === undefined) return around.unknown(); // nothing drives it
    const held = stored.get(net)!;
    const base = s.kind === "latch" && s.control !== null ? transparent(aig, s, held, v) : held;
    return loaded(aig, s, base, v);
  };

  return (root) => {
    const found = constant(root);
    if (found !== undefined) return found;
    const stack: number[] = [root as number];
    while (stack.length > 0) {
      const net = stack.at(-1)!;
      if (values.has(net)) {
        stack.pop();
        continue;
      }
      const missing = needs(net).filter((n): n is number => typeof n === "number" && !values.has(n));
      if (missing.length === 0) {
        make(net);
        open.delete(net);
        stack.pop();
        continue;
      }
      if (open.has(net)) throw new NotModelled("a combinational loop");
      open.add(net);
      for (const m of missing) {
        if (open.has(m)) throw new NotModelled("a combinational loop");
        stack.push(m);
      }
    }
    return values.get(root as number)!;
  };
}

type Read = (net: Net) => Value;

const active = (v: Value, level: 0 | 1): Value => (level === 1 ? v : invert(v));

function transparent(aig: Aig, s: StateBit, held: Value, v: Read): Value {
  return muxValue(aig, active(v(s.control!.net), s.control!.level), held, v(s.d!));
}

/** The asynchronous loads over a base value, the weakest applied first. */
export function loaded(aig: Aig, s: StateBit, base: Value, v: Read): Value {
  return s.loads.reduceRight((q, l) => muxValue(aig, active(v(l.net), l.level), q, v(l.value)), base);
}
