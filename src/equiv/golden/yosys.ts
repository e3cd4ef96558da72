/**
 * Interface by rule, from Yosys's netlist after `hierarchy; proc; flatten; opt_expr; opt_clean; opt_dff -simple-dffe`:
 * clocks are the inputs that reach CLK pins, asynchronous resets those at ARST pins, synchronous ones at SRST pins or
 * named like one. Pure: text of the script in, JSON of the netlist in; processes are elsewhere.
 */

import {
  activeLevelByName,
  type ClockPort,
  type DesignInterface,
  type InterfaceResult,
  looksLikeClock,
  looksLikeReset,
  type Port,
  type Register,
  type ResetPort,
} from "../../verilog/interface.js";
import { loopLine } from "./loops.js";

type Bit = number | string;

interface Netlist {
  readonly modules: Readonly<
    Record<
      string,
      {
        readonly ports: Readonly<Record<string, { direction: string; bits: Bit[] }>>;
        readonly cells: Readonly<
          Record<
            string,
            {
              type: string;
              parameters: Record<string, string | number>;
              attributes?: Record<string, string | number>;
              connections: Record<string, Bit[]>;
              port_directions?: Record<string, string>;
            }
          >
        >;
        readonly netnames: Readonly<Record<string, { hide_name: number; bits: Bit[] }>>;
        readonly memories?: Readonly<Record<string, { size: number; width: number }>>;
      }
    >
  >;
}

/** Commands for several designs in one process; each is reset away before the next. */
export function yosysScript(jobs: readonly { source: string; top: string; out: string }[]): string {
  return jobs
    .map(
      (j) =>
        `read_verilog -sv ${j.source}\nhierarchy -top ${j.top}\nproc\nflatten\nopt_expr\nopt_clean\n` +
        `opt_dff -simple-dffe\nopt_clean\nwrite_json ${j.out}\ndesign -reset\n`,
    )
    .join("");
}

const isOne = (v: string | number | undefined): boolean => v !== undefined && String(v).endsWith("1");

export function readNetlist(json: string, top: string): InterfaceResult {
  const netlist = JSON.parse(json) as Netlist;
  const m = netlist.modules[top];
  if (m === undefined) return { ok: false, reason: `module ${top} is not in the netlist` };
  const inputs: Port[] = [];
  const outputs: Port[] = [];
  /** Net bit -> one-bit input port that drives it. */
  const inputOf = new Map<Bit, string>();
  for (const [name, p] of Object.entries(m.ports)) {
    if (p.direction === "inout") return { ok: false, reason: `port ${name} is inout` };
    (p.direction === "input" ? inputs : outputs).push({ name, width: p.bits.length });
    if (p.direction === "input" && p.bits.length === 1) inputOf.set(p.bits[0]!, name);
  }
  const cells = Object.values(m.cells);
  const driver = new Map<Bit, (typeof cells)[number]>();
  for (const c of cells) {
    for (const [pin, bits] of Object.entries(c.connections)) {
      if (
        c.port_directions?.[pin] === "output" ||
        (c.port_directions === undefined && /^(Y|Q|DATA)$/.test(pin))
      ) {
        for (const b of bits) driver.set(b, c);
      }
    }
  }

  /** Inputs behind a control net: itself, through inverters, or through the cone of a gated clock. */
  const trace = (bit: Bit): { name: string; inverted: boolean; direct: boolean }[] => {
    let inverted = false;
    let at = bit;
    for (let hop = 0; hop < 8; hop++) {
      const name = inputOf.get(at);
      if (name !== undefined) return [{ name, inverted, direct: true }];
      const d = driver.get(at);
      if (d === undefined || !/^\$(not|logic_not|_NOT_)$/.test(d.type)) break;
      inverted = !inverted;
      at = d.connections.A![0]!;
    }
    const found: { name: string; inverted: boolean; direct: boolean }[] = [];
    const seen = new Set<Bit>();
    const stack: Bit[] = [at];
    while (stack.length > 0 && seen.size < 4096) {
      const b = stack.pop()!;
      if (seen.has(b) || typeof b === "string") continue;
      seen.add(b);
      const name = inputOf.get(b);
      if (name !== undefined) {
        found.push({ name, inverted: false, direct: false });
        continue;
      }
      const d = driver.get(b);
      // A divided clock leads to the register's own clock, which is found at that register.
      if (d === undefined || isState(d.type)) continue;
      for (const [pin, bits] of Object.entries(d.connections)) {
        if (pin !== "Y" && pin !== "Q") stack.push(...bits);
      }
    }
    return found;
  };

  const clocks = new Map<string, { pos: boolean; neg: boolean }>();
  const resets = new Map<string, ResetPort>();
  const enables = new Set<string>();
  const registers: Register[] = [];
  const regBits = new Map<Bit, true>();
  let stateful = false;
  let derivedClock = false;
  let memoryWords = 0;
  for (const mem of Object.values(m.memories ?? {})) memoryWords = Math.max(memoryWords, mem.size);
  for (const c of cells) {
    if (!isState(c.type)) continue;
    stateful = true;
    const p = c.parameters;
    for (const b of c.connections.Q ?? []) regBits.set(b, true);
    const clockPins: [string, string][] = [
      ["CLK", "CLK_POLARITY"],
      ["WR_CLK", "WR_CLK_POLARITY"],
      ["RD_CLK", "RD_CLK_POLARITY"],
    ];
    for (const [pin, polarity] of clockPins) {
      const bit = c.connections[pin]?.[0];
      if (bit === undefined || typeof bit === "string") continue;
      if (p.CLK_ENABLE !== undefined && pin === "CLK" && !isOne(p.CLK_ENABLE)) continue;
      let from = trace(bit);
      derivedClock ||= from.some((f) => !f.direct);
      if (from.length > 1) {
        const named = from.filter((f) => looksLikeClock(f.name));
        from = named.length > 0 ? named : [];
      }
      for (const f of from) {
        const rising = isOne(p[polarity]) !== f.inverted;
        const seen = clocks.get(f.name) ?? { pos: false, neg: false };
        if (!f.direct || rising) seen.pos = true;
        if (!f.direct || !rising) seen.neg = true;
        clocks.set(f.name, seen);
      }
    }
    for (const [pin, style] of [
      ["ARST", "async"],
      ["SRST", "sync"],
      ["ALOAD", "async"],
    ] as const) {
      const bit = c.connections[pin]?.[0];
      if (bit === undefined) continue;
      for (const f of trace(bit)) {
        if (!f.direct && !looksLikeReset(f.name)) continue;
        const level = isOne(p[`${pin}_POLARITY`]) !== f.inverted ? 1 : 0;
        const named = looksLikeReset(f.name);
        const kind = style === "async" && pin === "ARST" ? "async" : named ? style : "soft";
        const before = resets.get(f.name);
        // Pins outrank names; an asynchronous use outranks a synchronous one.
        if (before === undefined || (kind === "async" && before.style !== "async")) {
          resets.set(f.name, {
            name: f.name,
            active: f.direct ? (level as 0 | 1) : activeLevelByName(f.name),
            style: kind,
          });
        }
      }
    }
    for (const pin of ["EN", "WR_EN"]) {
      const bit = c.connections[pin]?.[0];
      if (bit !== undefined) for (const f of trace(bit)) enables.add(f.name);
    }
    for (const pin of ["SET", "CLR"]) {
      // $dffsr: set and clear pins, bit by bit.
      for (const bit of c.connections[pin] ?? []) {
        for (const f of trace(bit)) {
          if (f.direct && !resets.has(f.name)) {
            const level = isOne(p[`${pin}_POLARITY`]) !== f.inverted ? 1 : 0;
            resets.set(f.name, { name: f.name, active: level as 0 | 1, style: "async" });
          }
        }
      }
    }
  }
  // A reset folded into other logic (`reset || q == 10`) has no pin of its own: the name decides.
  if (stateful) {
    for (const i of inputs) {
      if (i.width === 1 && !clocks.has(i.name) && !resets.has(i.name) && looksLikeReset(i.name)) {
        resets.set(i.name, { name: i.name, active: activeLevelByName(i.name), style: "sync" });
      }
    }
  }
  const hard = [...resets.values()].some((r) => r.style !== "soft");
  for (const c of clocks.keys()) resets.delete(c);
  for (const [name, r] of resets) if (r.style === "soft" && hard) resets.delete(name);
  for (const [name, n] of Object.entries(m.netnames)) {
    if (n.hide_name === 0 && n.bits.every((b) => regBits.has(b)) && /^[A-Za-z_][\w.]*$/.test(name)) {
      registers.push({ path: name, width: n.bits.length });
    }
  }
  const iface: DesignInterface = {
    inputs,
    outputs,
    clocks: inputs
      .filter((i) => clocks.has(i.name))
      .map((i): ClockPort => {
        const e = clocks.get(i.name)!;
        return { name: i.name, edge: e.pos && e.neg ? "both" : e.pos ? "pos" : "neg" };
      }),
    resets: inputs.filter((i) => resets.has(i.name)).map((i) => resets.get(i.name)!),
    enables: inputs
      .filter((i) => enables.has(i.name) && !resets.has(i.name) && !clocks.has(i.name))
      .map((i) => i.name),
    registers,
    stateBits: regBits.size,
    memoryWords,
    stateful,
    derivedClock,
    loopLine: loopLine(cells, isState),
    source: "yosys",
  };
  return { ok: true, iface };
}

const isState = (type: string): boolean =>
  /^\$(?:a?l?dff(?:e|sr|sre)?|s?dff(?:e|ce)?|adffe?|aldffe?|dffsre?|dlatch(?:sr)?|adlatch|sr|ff|mem(?:_v2)?|memwr(?:_v2)?|memrd(?:_v2)?)$/.test(
    type,
  );
