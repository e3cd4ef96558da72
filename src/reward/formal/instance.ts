/**
 * One design unrolled into the graph for one moment: inputs and stored values in, every settled net out. A value is a
 * pair of literals, "can be 1" and "can be 0": a defined bit has exactly one of them, an open one both.
 */

import { type Aig, FALSE, type Lit, not, TRUE } from "./aig.js";
import { type GateNetlist, type Net, NotModelled, type Store } from "./netlist.js";

export interface Value {
  readonly one: Lit;
  readonly zero: Lit;
}

export const binary = (lit: Lit): Value => ({ one: lit, zero: not(lit) });
export const OPEN: Value = { one: TRUE, zero: TRUE };
const ZERO = binary(FALSE);
const ONE = binary(TRUE);

export const isBinary = (v: Value): boolean => v.zero === not(v.one);

export function muxValue(aig: Aig, s: Value, a: Value, b: Value): Value {
  if (isBinary(s) && isBinary(a) && isBinary(b)) return binary(aig.mux(s.one, a.one, b.one));
  return {
    one: aig.or(aig.and(s.zero, a.one), aig.and(s.one, b.one)),
    zero: aig.or(aig.and(s.zero, a.zero), aig.and(s.one, b.zero)),
  };
}

const invert = (v: Value): Value => ({ one: v.zero, zero: v.one });

function andValue(aig: Aig, a: Value, b: Value): Value {
  if (isBinary(a) && isBinary(b)) return binary(aig.and(a.one, b.one));
  return { one: aig.and(a.one, b.one), zero: aig.or(a.zero, b.zero) };
}

function xorValue(aig: Aig, a: Value, b: Value): Value {
  if (isBinary(a) && isBinary(b)) return binary(aig.xor(a.one, b.one));
  return {
    one: aig.or(aig.and(a.one, b.zero), aig.and(a.zero, b.one)),
    zero: aig.or(aig.and(a.one, b.one), aig.and(a.zero, b.zero)),
  };
}

export interface Surroundings {
  readonly aig: Aig;
  readonly netlist: GateNetlist;
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
    const g = netlist.gates.get(net);
    if (g !== undefined) return g.type === "not" ? [g.a] : g.type === "mux" ? [g.a, g.b, g.s] : [g.a, g.b];
    const s = netlist.stores.get(net);
    if (s === undefined) return [];
    const loads = s.loads.flatMap((l) => [l.net, l.value]);
    return s.kind === "latch" && s.control !== null ? [...loads, s.control.net, s.d!] : loads;
  };

  const make = (net: number): Value => {
    const v = (n: Net): Value => constant(n)!;
    const g = netlist.gates.get(net);
    if (g !== undefined) {
      switch (g.type) {
        case "not":
          return invert(v(g.a));
        case "and":
          return andValue(aig, v(g.a), v(g.b));
        case "or":
          return invert(andValue(aig, invert(v(g.a)), invert(v(g.b))));
        case "xor":
          return xorValue(aig, v(g.a), v(g.b));
        case "mux":
          return muxValue(aig, v(g.s), v(g.a), v(g.b));
        default:
          return g.type satisfies never;
      }
    }
    const s = netlist.stores.get(net);
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
        values.set(net, make(net));
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

function transparent(aig: Aig, s: Store, held: Value, v: Read): Value {
  return muxValue(aig, active(v(s.control!.net), s.control!.level), held, v(s.d!));
}

/** The asynchronous loads over a base value, the weakest applied first. */
export function loaded(aig: Aig, s: Store, base: Value, v: Read): Value {
  return s.loads.reduceRight((q, l) => muxValue(aig, active(v(l.net), l.level), q, v(l.value)), base);
}
