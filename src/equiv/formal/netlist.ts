/**
 * Yosys's word-level JSON by net: bitwise cells become one gate a bit, other operators stay whole, storage elements
 * become one a bit. Pure: JSON in, netlist or the reason why not out.
 */

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

const WORDS =
  "add sub mul div mod pow neg lt le gt ge eq ne eqx nex shl shr sshl sshr shift shiftx " +
  "reduce_and reduce_or reduce_bool reduce_xor reduce_xnor logic_not logic_and logic_or";
export type WordType =
  | "add"
  | "sub"
  | "mul"
  | "div"
  | "mod"
  | "pow"
  | "neg"
  | "lt"
  | "le"
  | "gt"
  | "ge"
  | "eq"
  | "ne"
  | "eqx"
  | "nex"
  | "shl"
  | "shr"
  | "sshl"
  | "sshr"
  | "shift"
  | "shiftx"
  | "reduce_and"
  | "reduce_or"
  | "reduce_bool"
  | "reduce_xor"
  | "reduce_xnor"
  | "logic_not"
  | "logic_and"
  | "logic_or";
const WORD_TYPES: ReadonlySet<string> = new Set(WORDS.split(" "));

/** One bit of storage. Levels and edges are the active ones. */
export interface Store {
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
  readonly stores: ReadonlyMap<number, Store>;
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

type Bits = readonly (number | string)[];

interface JsonCell {
  readonly type: string;
  readonly attributes: { readonly src?: string };
  readonly parameters: Readonly<Record<string, string | number>>;
  readonly connections: Readonly<Record<string, Bits>>;
}

interface Json {
  readonly modules: Readonly<
    Record<
      string,
      {
        readonly ports: Readonly<Record<string, { direction: string; bits: Bits }>>;
        readonly cells: Readonly<Record<string, JsonCell>>;
        readonly netnames: Readonly<Record<string, { bits: Bits; attributes: { init?: string } }>>;
      }
    >
  >;
}

const asNet = (b: number | string | undefined): Net =>
  typeof b === "number" || b === "0" || b === "1" ? b : "x";

export function readNetlist(json: string, top: string): Netlist {
  const module = (JSON.parse(json) as Json).modules[top];
  if (module === undefined) throw new NotModelled(`module ${top} is not in the netlist`);
  const driven = new Set<number>();
  const drive = (bit: number | string | undefined, src?: string): number => {
    if (typeof bit !== "number") throw new NotModelled(`a constant is driven${where(src)}`);
    if (driven.has(bit)) throw new NotModelled(`a net has several drivers${where(src)}`);
    driven.add(bit);
    return bit;
  };
  const inputs: NetPort[] = [];
  const outputs: NetPort[] = [];
  for (const [name, p] of Object.entries(module.ports)) {
    if (p.direction === "inout") throw new NotModelled(`port ${name} is inout`);
    if (p.direction === "input") for (const b of p.bits) drive(b);
    (p.direction === "input" ? inputs : outputs).push({ name, bits: p.bits.map(asNet) });
  }
  const init = powerUpValues(module.netnames);
  const gates = new Map<number, Gate>();
  const words = new Map<number, Word>();
  const stores = new Map<number, Store>();
  let made = -1;
  for (const cell of Object.values(module.cells)) {
    const src = cell.attributes.src;
    const pin = (name: string): Net[] => (cell.connections[name] ?? []).map(asNet);
    const flag = (name: string): boolean => String(cell.parameters[name] ?? "0").endsWith("1");
    const type = cell.type.slice(1);
    if (!cell.type.startsWith("$")) throw new NotModelled(`an instance of ${cell.type}${where(src)}`);
    if (/^(assert|assume|cover|live|fair|print|check|scopeinfo|meminit)/.test(type)) continue;
    const gate = (y: number, t: Gate["type"], pins: readonly Net[]): void => {
      gates.set(y, { type: t, pins });
    };
    const extra = (t: Gate["type"], pins: readonly Net[]): number => {
      gate(made, t, pins);
      return made--;
    };
    if (type in BITWISE || /^(mux|pmux|bmux)$/.test(type)) {
      const y = cell.connections.Y!.map((b) => drive(b, src));
      const a = extend(pin("A"), y.length, flag("A_SIGNED"));
      const b = pin("B");
      const s = pin("S");
      y.forEach((net, k) => {
        if (type === "mux") gate(net, "mux", [a[k]!, b[k]!, s[0]!]);
        else if (type === "pmux") {
          let at: Net = a[k]!;
          s.forEach((sel, j) => {
            const pins: Net[] = [at, b[j * y.length + k]!, sel];
            at = j === s.length - 1 ? net : extra("mux", pins);
            if (j === s.length - 1) gate(net, "mux", pins);
          });
        } else if (type === "bmux") {
          let level = Array.from({ length: 2 ** s.length }, (_, j) => pin("A")[j * y.length + k]!);
          s.forEach((sel, j) => {
            const half = Array.from({ length: level.length / 2 }, (_, i): Net => {
              const pins: Net[] = [level[2 * i]!, level[2 * i + 1]!, sel];
              if (j < s.length - 1) return extra("mux", pins);
              gate(net, "mux", pins);
              return net;
            });
            level = half;
          });
          if (s.length === 0) gate(net, "or", [level[0]!, "0"]);
        } else {
          const [t, inverted] = BITWISE[type]!;
          const pins =
            t === "not" || t === null ? [a[k]!] : [a[k]!, extend(b, y.length, flag("B_SIGNED"))[k]!];
          if (t === null) gate(net, "or", [a[k]!, "0"]);
          else if (inverted) gate(net, "not", [extra(t, pins)]);
          else gate(net, t, pins);
        }
      });
      continue;
    }
    if (WORD_TYPES.has(type)) {
      const word: Word = {
        type: type as WordType,
        a: pin("A"),
        b: pin("B"),
        y: pin("Y"),
        aSigned: flag("A_SIGNED"),
        bSigned: flag("B_SIGNED"),
      };
      for (const b of cell.connections.Y!) words.set(drive(b, src), word);
      continue;
    }
    const read = storesOf(type, pin, flag, cell.parameters);
    if (read === null) throw new NotModelled(`$${type} is not modelled${where(src)}`);
    cell.connections.Q!.forEach((b, k) => {
      const q = drive(b, src);
      stores.set(q, { ...read(k), init: init.get(q) ?? null });
    });
  }
  return { inputs, outputs, gates, words, stores, names: namesOf(module.netnames, stores) };
}

function namesOf(
  all: Json["modules"][string]["netnames"],
  stores: ReadonlyMap<number, Store>,
): Map<number, string[]> {
  const names = new Map<number, string[]>();
  for (const [name, n] of Object.entries(all)) {
    n.bits.forEach((b, k) => {
      if (typeof b !== "number" || !stores.has(b)) return;
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

const where = (src: string | undefined): string => {
  const line = /\.sv:(\d+)/.exec(src ?? "")?.[1];
  return line === undefined ? "" : `, line ${line}`;
};

function powerUpValues(names: Json["modules"][string]["netnames"]): Map<number, 0 | 1> {
  const init = new Map<number, 0 | 1>();
  for (const n of Object.values(names)) {
    const text = n.attributes.init;
    if (text === undefined) continue;
    n.bits.forEach((b, k) => {
      const v = text[text.length - 1 - k];
      if (typeof b === "number" && (v === "0" || v === "1")) init.set(b, v === "1" ? 1 : 0);
    });
  }
  return init;
}

/** Bit `k` of a storage cell, or null where the type is none. */
function storesOf(
  type: string,
  pin: (name: string) => Net[],
  flag: (name: string) => boolean,
  parameters: JsonCell["parameters"],
): ((k: number) => Omit<Store, "init">) | null {
  const level = (name: string): 0 | 1 => (flag(`${name}_POLARITY`) ? 1 : 0);
  const clock = () => ({ net: pin("CLK")[0]!, level: level("CLK") });
  const enable = () => ({ net: pin("EN")[0]!, level: level("EN") });
  const d = pin("D");
  const reset = (k: number): Store["loads"] => {
    const value = String(parameters.ARST_VALUE ?? "");
    const bit = value[value.length - 1 - k];
    return [{ net: pin("ARST")[0]!, level: level("ARST"), value: asNet(bit) }];
  };
  const setClear = (k: number): Store["loads"] => [
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
