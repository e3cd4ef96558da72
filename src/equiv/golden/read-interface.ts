/**
 * A golden's interface by rule, from Yosys's netlist: clocks are the inputs that reach CLK pins, asynchronous resets those
 * at ARST pins, synchronous ones at SRST pins or named like one. Pure: JSON of the netlist in; processes are elsewhere.
 */

import { moduleOf, type YosysBit, type YosysCell, type YosysModule } from "../../sim/yosys.js";
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

/** What Yosys does to a design before its interface is read. */
export const PASSES: readonly string[] = [
  "proc",
  "flatten",
  "opt_expr",
  "opt_clean",
  "opt_dff -simple-dffe",
  "opt_clean",
];

/** An input found behind a control pin. */
interface Source {
  readonly name: string;
  readonly inverted: boolean;
  /** Through nothing but inverters. */
  readonly direct: boolean;
}

/** Inverters looked through, and nets of a gated clock's cone. */
const MAX_HOPS = 8;
const MAX_CONE = 4096;

/** @throws SyntaxError where the text was cut off */
export function readInterface(json: string, top: string): InterfaceResult {
  const m = moduleOf(json, top);
  if (m === null) return { ok: false, reason: `module ${top} is not in the netlist` };
  const inputs: Port[] = [];
  const outputs: Port[] = [];
  for (const [name, p] of Object.entries(m.ports)) {
    if (p.direction === "inout") return { ok: false, reason: `port ${name} is inout` };
    (p.direction === "input" ? inputs : outputs).push({ name, width: p.bits.length });
  }
  const cells = Object.values(m.cells);
  const sourcesOf = tracer(m, cells);
  const registers = cells.filter((c) => isState(c.type));
  const clocks = clocksOf(registers, sourcesOf);
  const resets = resetsOf(registers, sourcesOf, inputs, new Set(clocks.edges.keys()));
  const enables = new Set(
    registers.flatMap((c) =>
      ["EN", "WR_EN"].flatMap((pin) => {
        const bit = c.connections[pin]?.[0];
        return bit === undefined ? [] : sourcesOf(bit).map((s) => s.name);
      }),
    ),
  );
  const stateBits = new Set<YosysBit>(registers.flatMap((c) => c.connections.Q ?? []));
  const iface: DesignInterface = {
    inputs,
    outputs,
    clocks: inputs
      .filter((i) => clocks.edges.has(i.name))
      .map((i): ClockPort => {
        const e = clocks.edges.get(i.name)!;
        return { name: i.name, edge: e.pos && e.neg ? "both" : e.pos ? "pos" : "neg" };
      }),
    resets: inputs.filter((i) => resets.has(i.name)).map((i) => resets.get(i.name)!),
    enables: inputs
      .filter((i) => enables.has(i.name) && !resets.has(i.name) && !clocks.edges.has(i.name))
      .map((i) => i.name),
    registers: namedRegisters(m, stateBits),
    stateBits: stateBits.size,
    memoryWords: Math.max(0, ...Object.values(m.memories ?? {}).map((mem) => mem.size)),
    stateful: registers.length > 0,
    derivedClock: clocks.derived,
    loopLine: loopLine(cells, isState),
    source: "yosys",
  };
  return { ok: true, iface };
}

/** The inputs behind a control net: itself, through inverters, or through the cone of a gated clock. */
function tracer(m: YosysModule, cells: readonly YosysCell[]): (bit: YosysBit) => readonly Source[] {
  /** Net -> one-bit input port that drives it. */
  const inputOf = new Map<YosysBit, string>();
  for (const [name, p] of Object.entries(m.ports)) {
    if (p.direction === "input" && p.bits.length === 1) inputOf.set(p.bits[0]!, name);
  }
  const driver = new Map<YosysBit, YosysCell>();
  for (const c of cells) {
    for (const [pin, bits] of Object.entries(c.connections)) {
      const drives =
        c.port_directions === undefined ? /^(Y|Q|DATA)$/.test(pin) : c.port_directions[pin] === "output";
      if (drives) for (const b of bits) driver.set(b, c);
    }
  }

  const cone = (from: YosysBit): Source[] => {
    const found: Source[] = [];
    const seen = new Set<YosysBit>();
    const stack: YosysBit[] = [from];
    while (stack.length > 0 && seen.size < MAX_CONE) {
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

  return (bit) => {
    let inverted = false;
    let at = bit;
    for (let hop = 0; hop < MAX_HOPS; hop++) {
      const name = inputOf.get(at);
      if (name !== undefined) return [{ name, inverted, direct: true }];
      const d = driver.get(at);
      if (d === undefined || !/^\$(not|logic_not|_NOT_)$/.test(d.type)) break;
      inverted = !inverted;
      at = d.connections.A![0]!;
    }
    return cone(at);
  };
}

type SourcesOf = ReturnType<typeof tracer>;

const CLOCK_PINS = [
  ["CLK", "CLK_POLARITY"],
  ["WR_CLK", "WR_CLK_POLARITY"],
  ["RD_CLK", "RD_CLK_POLARITY"],
] as const;

/** Which edges of which inputs registers react to. `derived`: some clock is made by logic. */
function clocksOf(
  registers: readonly YosysCell[],
  sourcesOf: SourcesOf,
): { readonly edges: ReadonlyMap<string, { pos: boolean; neg: boolean }>; readonly derived: boolean } {
  const edges = new Map<string, { pos: boolean; neg: boolean }>();
  let derived = false;
  for (const c of registers) {
    for (const [pin, polarity] of CLOCK_PINS) {
      const bit = c.connections[pin]?.[0];
      if (bit === undefined || typeof bit === "string") continue;
      const enabled = c.parameters.CLK_ENABLE;
      if (enabled !== undefined && pin === "CLK" && !isOne(enabled)) continue;
      const all = sourcesOf(bit);
      derived ||= all.some((f) => !f.direct);
      // Of several inputs behind a gated clock only those named like one are clocks.
      const from = all.length > 1 ? all.filter((f) => looksLikeClock(f.name)) : all;
      for (const f of from) {
        const rising = isOne(c.parameters[polarity]) !== f.inverted;
        const seen = edges.get(f.name) ?? { pos: false, neg: false };
        if (!f.direct || rising) seen.pos = true;
        if (!f.direct || !rising) seen.neg = true;
        edges.set(f.name, seen);
      }
    }
  }
  return { edges, derived };
}

const RESET_PINS = [
  ["ARST", "async"],
  ["SRST", "sync"],
  ["ALOAD", "async"],
] as const;

/** Pins outrank names; an asynchronous use outranks a synchronous one; no reset is a clock. */
function resetsOf(
  registers: readonly YosysCell[],
  sourcesOf: SourcesOf,
  inputs: readonly Port[],
  clocks: ReadonlySet<string>,
): ReadonlyMap<string, ResetPort> {
  const resets = new Map<string, ResetPort>();
  const level = (c: YosysCell, pin: string, f: Source): 0 | 1 =>
    isOne(c.parameters[`${pin}_POLARITY`]) !== f.inverted ? 1 : 0;
  for (const c of registers) {
    for (const [pin, style] of RESET_PINS) {
      const bit = c.connections[pin]?.[0];
      if (bit === undefined) continue;
      for (const f of sourcesOf(bit)) {
        const named = looksLikeReset(f.name);
        if (!f.direct && !named) continue;
        const kind = pin === "ARST" ? "async" : named ? style : "soft";
        const before = resets.get(f.name);
        if (before !== undefined && (kind !== "async" || before.style === "async")) continue;
        const active = f.direct ? level(c, pin, f) : activeLevelByName(f.name);
        resets.set(f.name, { name: f.name, active, style: kind });
      }
    }
    for (const pin of ["SET", "CLR"]) {
      // $dffsr: set and clear pins, bit by bit.
      for (const bit of c.connections[pin] ?? []) {
        for (const f of sourcesOf(bit)) {
          if (f.direct && !resets.has(f.name))
            resets.set(f.name, { name: f.name, active: level(c, pin, f), style: "async" });
        }
      }
    }
  }
  // A reset folded into other logic (`reset || q == 10`) has no pin of its own: the name decides.
  if (registers.length > 0) {
    for (const i of inputs) {
      if (i.width === 1 && !clocks.has(i.name) && !resets.has(i.name) && looksLikeReset(i.name))
        resets.set(i.name, { name: i.name, active: activeLevelByName(i.name), style: "sync" });
    }
  }
  const hard = [...resets.values()].some((r) => r.style !== "soft");
  for (const c of clocks) resets.delete(c);
  for (const [name, r] of resets) if (r.style === "soft" && hard) resets.delete(name);
  return resets;
}

/** Names that the text gave to whole registers. */
const namedRegisters = (m: YosysModule, stateBits: ReadonlySet<YosysBit>): Register[] =>
  Object.entries(m.netnames)
    .filter(
      ([name, n]) =>
        n.hide_name === 0 && n.bits.every((b) => stateBits.has(b)) && /^[A-Za-z_][\w.]*$/.test(name),
    )
    .map(([path, n]) => ({ path, width: n.bits.length }));

const isOne = (v: string | number | undefined): boolean => v !== undefined && String(v).endsWith("1");

const isState = (type: string): boolean =>
  /^\$(?:a?l?dff(?:e|sr|sre)?|s?dff(?:e|ce)?|adffe?|aldffe?|dffsre?|dlatch(?:sr)?|adlatch|sr|ff|mem(?:_v2)?|memwr(?:_v2)?|memrd(?:_v2)?)$/.test(
    type,
  );
