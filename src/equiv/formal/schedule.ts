/** What a step of the machine is, from what clocks the two designs' registers and what else reads those clocks. */

import type { DesignInterface } from "../../verilog/interface.js";
import { type Net, type Netlist, NotModelled, pinsOf } from "./netlist.js";

export interface Schedule {
  readonly kind: "evaluation" | "cycles" | "events";
  readonly clocks: readonly string[];
  readonly stateful: boolean;
  /** Something acts without an edge: an edge may be left out. */
  readonly pulses: boolean;
  readonly holds: boolean;
  /** Logic reads a clock's level. */
  readonly asData: boolean;
  readonly restricted: string | null;
}

export function schedule(golden: Netlist, candidate: Netlist, iface: DesignInterface): Schedule {
  const edges = new Set<string>();
  const clocks = new Set<string>();
  let stateful = false;
  let latches = false;
  let loads = false;
  for (const netlist of [golden, candidate]) {
    for (const s of netlist.states.values()) {
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
    return {
      kind: "evaluation",
      clocks: [],
      stateful,
      pulses: false,
      holds: false,
      asData: false,
      restricted: null,
    };
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
    asData,
    restricted: foreign ?? null,
  };
}

type Clock =
  | { readonly kind: "port"; readonly port: string; readonly edge: 0 | 1 }
  | { readonly kind: "constant" }
  | { readonly kind: "derived" };

/** Behind a clock pin: a one-bit input, through inverters. */
export function clockOf(netlist: Netlist, net: Net, level: 0 | 1): Clock {
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
  for (const s of netlist.states.values()) {
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
