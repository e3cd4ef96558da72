/**
 * Yosys's word-level JSON by net: bitwise cells become one gate a bit, other operators stay whole, storage elements
 * become one a bit. Pure: JSON in, netlist or the reason why not out.
 */

import { moduleOf, type YosysBit, type YosysCell, type YosysModule } from "../../sim/yosys.js";

export type Net = number | "0" | "1" | "x";

export interface Gate {
  readonly type: "and" | "or" | "xor" | "mux" | "not";
  /** A, B, S; as many as the type has. Mux: `s ? b : a`. */
  readonly pins: readonly Net[];
}

/** An operator whose output bits depend on all bits of its operands; words are least significant bit first. */
export interface Word {
  readonly type: WordType;
  readonly a: readonly Net[];
  readonly b: readonly Net[];
  /** Output nets. */
  readonly y: readonly Net[];
  readonly aSigned: boolean;
  readonly bSigned: boolean;
}

const WORD_TYPES = [
  ...(["add", "sub", "mul", "div", "mod", "pow", "neg"] as const),
  ...(["lt", "le", "gt", "ge", "eq", "ne", "eqx", "nex"] as const),
  ...(["shl", "shr", "sshl", "sshr", "shift", "shiftx"] as const),
  ...(["reduce_and", "reduce_or", "reduce_bool", "reduce_xor", "reduce_xnor"] as const),
  ...(["logic_not", "logic_and", "logic_or"] as const),
] as const;
export type WordType = (typeof WORD_TYPES)[number];
const isWordType = (type: string): type is WordType => (WORD_TYPES as readonly string[]).includes(type);

/** One bit of storage: a flip-flop, a latch or a set/reset element. Levels and edges are the active ones. */
export interface StateBit {
  readonly kind: "ff" | "latch";
  readonly d: Net | null;
  /** Clock of a flip-flop with its edge, or enable of a latch with its level; null for pure set/reset elements. */
  readonly control: { readonly net: Net; readonly level: 0 | 1 } | null;
  /** Asynchronous loads, the strongest first. */
  readonly loads: readonly { readonly net: Net; readonly level: 0 | 1; readonly value: Net }[];
  readonly init: 0 | 1 | null;
}

export interface NetPort {
  readonly name: string;
  /** Least significant first. */
  readonly bits: readonly Net[];
}

export interface Netlist {
  readonly inputs: readonly NetPort[];
  readonly outputs: readonly NetPort[];
  readonly gates: ReadonlyMap<number, Gate>;
  readonly words: ReadonlyMap<number, Word>;
  readonly states: ReadonlyMap<number, StateBit>;
  /** Names of bits, `name[bit]`, by net; a net has as many as the text gave it. */
  readonly names: ReadonlyMap<number, readonly string[]>;
}

/** The design holds something that is not modelled; the message says what and, if known, on which line. */
export class NotModelled extends Error {}

/** What a net depends on within one moment, storage aside. */
export function pinsOf(netlist: Netlist, net: number): readonly Net[] {
  const gate = netlist.gates.get(net);
  if (gate !== undefined) return gate.pins;
  const word = netlist.words.get(net);
  return word === undefined ? [] : [...word.a, ...word.b];
}

const asNet = (b: YosysBit | undefined): Net => (typeof b === "number" || b === "0" || b === "1" ? b : "x");

/**
 * The netlist of one module, as the passes of lower.ts leave it.
 * @throws NotModelled
 */
export function readNetlist(json: string, top: string): Netlist {
  const module = moduleOf(json, top);
  if (module === null) throw new NotModelled(`module ${top} is not in the netlist`);
  const drive = singleDrivers();
  const inputs: NetPort[] = [];
  const outputs: NetPort[] = [];
  for (const [name, p] of Object.entries(module.ports)) {
    if (p.direction === "inout") throw new NotModelled(`port ${name} is inout`);
    if (p.direction === "input") for (const b of p.bits) drive(b);
    (p.direction === "input" ? inputs : outputs).push({ name, bits: p.bits.map(asNet) });
  }
  const init = powerUpValues(module.netnames);
  const gates = new GateMap();
  const words = new Map<number, Word>();
  const states = new Map<number, StateBit>();
  for (const json of Object.values(module.cells)) {
    const cell = cellOf(json);
    const { type, pin, flag, place } = cell;
    if (!json.type.startsWith("$")) throw new NotModelled(`an instance of ${json.type}${place}`);
    if (/^(assert|assume|cover|live|fair|print|check|scopeinfo|meminit)/.test(type)) continue;
    const driven = (name: string): number[] => json.connections[name]!.map((b) => drive(b, place));
    if (type in BITWISE || /^(mux|pmux|bmux)$/.test(type)) addGates(gates, cell, driven("Y"));
    else if (isWordType(type)) {
      const [a, b, y] = [pin("A"), pin("B"), pin("Y")];
      const word: Word = { type, a, b, y, aSigned: flag("A_SIGNED"), bSigned: flag("B_SIGNED") };
      for (const net of driven("Y")) words.set(net, word);
    } else {
      const read = stateBitsOf(type, pin, flag, json.parameters);
      if (read === null) throw new NotModelled(`$${type} is not modelled${place}`);
      driven("Q").forEach((q, k) => {
        states.set(q, { ...read(k), init: init.get(q) ?? null });
      });
    }
  }
  return { inputs, outputs, gates, words, states, names: namesOf(module.netnames, states) };
}

/** Takes note of a driven bit and returns its net; every net has one driver. */
function singleDrivers(): (bit: YosysBit, place?: string) => number {
  const driven = new Set<number>();
  return (bit, place = "") => {
    if (typeof bit !== "number") throw new NotModelled(`a constant is driven${place}`);
    if (driven.has(bit)) throw new NotModelled(`a net has several drivers${place}`);
    driven.add(bit);
    return bit;
  };
}

interface Cell {
  /** Without its `$`. */
  readonly type: string;
  readonly pin: (name: string) => Net[];
  readonly flag: (name: string) => boolean;
  /** ", line N", or nothing. */
  readonly place: string;
}

const cellOf = ({ type, connections, parameters, attributes }: YosysCell): Cell => ({
  type: type.slice(1),
  pin: (name) => (connections[name] ?? []).map(asNet),
  flag: (name) => String(parameters[name] ?? "0").endsWith("1"),
  place: where(attributes?.src),
});

/** Gates by their output net; nets that no text named are numbered -1, -2, … */
class GateMap extends Map<number, Gate> {
  private made = -1;

  add(y: number, type: Gate["type"], pins: readonly Net[]): void {
    this.set(y, { type, pins });
  }

  extra(type: Gate["type"], pins: readonly Net[]): number {
    this.add(this.made, type, pins);
    return this.made--;
  }
}

/** A bitwise operator or a multiplexer, one gate (or tree of gates) for each bit of its output. */
function addGates(gates: GateMap, { type, pin, flag }: Cell, outputs: readonly number[]): void {
  const n = outputs.length;
  const a = extend(pin("A"), n, flag("A_SIGNED"));
  const b = pin("B");
  const s = pin("S");
  outputs.forEach((y, k) => {
    if (type === "mux") gates.add(y, "mux", [a[k]!, b[k]!, s[0]!]);
    else if (type === "pmux") {
      // Selects in a chain: the last one decides first.
      let at: Net = a[k]!;
      s.forEach((sel, j) => {
        const pins: Net[] = [at, b[j * n + k]!, sel];
        at = j === s.length - 1 ? y : gates.extra("mux", pins);
        if (j === s.length - 1) gates.add(y, "mux", pins);
      });
    } else if (type === "bmux") {
      let level = Array.from({ length: 2 ** s.length }, (_, j) => pin("A")[j * n + k]!);
      s.forEach((sel, j) => {
        level = Array.from({ length: level.length / 2 }, (_, i): Net => {
          const pins: Net[] = [level[2 * i]!, level[2 * i + 1]!, sel];
          if (j < s.length - 1) return gates.extra("mux", pins);
          gates.add(y, "mux", pins);
          return y;
        });
      });
      if (s.length === 0) gates.add(y, "or", [level[0]!, "0"]);
    } else {
      const [gate, inverted] = BITWISE[type]!;
      const other = (): Net => extend(b, n, flag("B_SIGNED"))[k]!;
      if (gate === null) gates.add(y, "or", [a[k]!, "0"]);
      else {
        const pins = gate === "not" ? [a[k]!] : [a[k]!, other()];
        if (inverted) gates.add(y, "not", [gates.extra(gate, pins)]);
        else gates.add(y, gate, pins);
      }
    }
  });
}

function namesOf(all: YosysModule["netnames"], states: ReadonlyMap<number, StateBit>): Map<number, string[]> {
  const names = new Map<number, string[]>();
  for (const [name, n] of Object.entries(all)) {
    n.bits.forEach((b, k) => {
      if (typeof b !== "number" || !states.has(b)) return;
      const known = names.get(b);
      if (known === undefined) names.set(b, [`${name}[${k}]`]);
      else known.push(`${name}[${k}]`);
    });
  }
  return names;
}

const BITWISE: Readonly<Record<string, readonly [Gate["type"] | null, boolean]>> = {
  not: ["not", false],
  pos: [null, false],
  and: ["and", false],
  or: ["or", false],
  xor: ["xor", false],
  xnor: ["xor", true],
};

/** To `width` bits, by sign or by zeros. */
export function extend<T>(bits: readonly T[], width: number, signed: boolean, zero: T = "0" as T): T[] {
  const fill = signed && bits.length > 0 ? bits.at(-1)! : zero;
  return Array.from({ length: width }, (_, k) => bits[k] ?? fill);
}

const where = (src: string | number | undefined): string => {
  const line = /\.sv:(\d+)/.exec(String(src ?? ""))?.[1];
  return line === undefined ? "" : `, line ${line}`;
};

function powerUpValues(names: YosysModule["netnames"]): Map<number, 0 | 1> {
  const init = new Map<number, 0 | 1>();
  for (const n of Object.values(names)) {
    const text = n.attributes?.init;
    if (text === undefined) continue;
    n.bits.forEach((b, k) => {
      const v = text[text.length - 1 - k];
      if (typeof b === "number" && (v === "0" || v === "1")) init.set(b, v === "1" ? 1 : 0);
    });
  }
  return init;
}

/** Bit `k` of a storage cell, or null where the type is none. */
function stateBitsOf(
  type: string,
  pin: (name: string) => Net[],
  flag: (name: string) => boolean,
  parameters: YosysCell["parameters"],
): ((k: number) => Omit<StateBit, "init">) | null {
  const level = (name: string): 0 | 1 => (flag(`${name}_POLARITY`) ? 1 : 0);
  const clock = () => ({ net: pin("CLK")[0]!, level: level("CLK") });
  const enable = () => ({ net: pin("EN")[0]!, level: level("EN") });
  const d = pin("D");
  const reset = (k: number): StateBit["loads"] => {
    const value = String(parameters.ARST_VALUE ?? "");
    const bit = value[value.length - 1 - k];
    return [{ net: pin("ARST")[0]!, level: level("ARST"), value: asNet(bit) }];
  };
  const setClear = (k: number): StateBit["loads"] => [
    { net: pin("CLR")[k]!, level: level("CLR"), value: "0" },
    { net: pin("SET")[k]!, level: level("SET"), value: "1" },
  ];
  switch (type) {
    case "dff":
      return (k) => ({ kind: "ff", d: d[k]!, control: clock(), loads: [] });
    case "adff":
      return (k) => ({ kind: "ff", d: d[k]!, control: clock(), loads: reset(k) });
    case "aldff":
      return (k) => ({
        kind: "ff",
        d: d[k]!,
        control: clock(),
        loads: [{ net: pin("ALOAD")[0]!, level: level("ALOAD"), value: pin("AD")[k]! }],
      });
    case "dffsr":
      return (k) => ({ kind: "ff", d: d[k]!, control: clock(), loads: setClear(k) });
    case "dlatch":
      return (k) => ({ kind: "latch", d: d[k]!, control: enable(), loads: [] });
    case "adlatch":
      return (k) => ({ kind: "latch", d: d[k]!, control: enable(), loads: reset(k) });
    case "dlatchsr":
      return (k) => ({ kind: "latch", d: d[k]!, control: enable(), loads: setClear(k) });
    case "sr":
      return (k) => ({ kind: "latch", d: null, control: null, loads: setClear(k) });
    default:
      return null;
  }
}
