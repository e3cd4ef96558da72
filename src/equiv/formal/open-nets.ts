/** Which nets of a golden may ever be open: the others stay single literals. */

import type { Net, Netlist } from "./netlist.js";

/** Nets that may be open: X, what nothing drives, (if `wake`) what nothing sets at power-up, and all behind them. */
export function openNets(netlist: Netlist, wake: boolean): { nets: Set<number>; unset: boolean } {
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
  for (const [q, s] of netlist.states) {
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
