/** Yosys's gate-level JSON as gates and storage elements by net. Pure: JSON in, netlist or the reason why not out. */

export type Net = number | "0" | "1" | "x";

export interface Gate {
  readonly type: "and" | "or" | "xor" | "mux" | "not";
  /** A, B, S; as many as the type has. */
  readonly a: Net;
  readonly b: Net;
  readonly s: Net;
}

/** One bit of storage; `null` where the element has no such pin. Levels and edges are the active ones. */
export interface Store {
  readonly kind: "ff" | "latch";
  readonly d: Net | null;
  /** Clock of a flip-flop with its edge, or enable of a latch with its level; null for pure set/reset elements. */
  readonly control: { readonly net: Net; readonly level: 0 | 1 } | null;
  /** Asynchronous loads, the strongest first. */
  readonly loads: readonly { readonly net: Net; readonly level: 0 | 1; readonly value: Net }[];
  readonly init: 0 | 1 | null;
}

export interface GatePort {
  readonly name: string;
  readonly bits: readonly Net[];
}

export interface GateNetlist {
  readonly inputs: readonly GatePort[];
  readonly outputs: readonly GatePort[];
  readonly gates: ReadonlyMap<number, Gate>;
  readonly stores: ReadonlyMap<number, Store>;
  /** Name of a net for people, where it has one. */
  readonly nets: number;
}

/** The design holds something that is not modelled; the message says what and, if known, on which line. */
export class NotModelled extends Error {}

interface Json {
  readonly modules: Readonly<
    Record<
      string,
      {
        readonly ports: Readonly<
          Record<string, { direction: string; bits: (number | string)[]; upto?: number }>
        >;
        readonly cells: Readonly<
          Record<
            string,
            {
              type: string;
              attributes: { src?: string };
              connections: Record<string, (number | string)[]>;
            }
          >
        >;
        readonly netnames: Readonly<
          Record<string, { bits: (number | string)[]; attributes: { init?: string } }>
        >;
      }
    >
  >;
}

const net = (b: number | string | undefined): Net =>
  typeof b === "number" ? b : b === "0" || b === "1" ? b : "x";

const level = (c: string | undefined): 0 | 1 => (c === "P" || c === "1" ? 1 : 0);

const GATES: Readonly<Record<string, { type: Gate["type"]; invert?: "out" | "b" }>> = {
  $_NOT_: { type: "not" },
  $_AND_: { type: "and" },
  $_OR_: { type: "or" },
  $_XOR_: { type: "xor" },
  $_MUX_: { type: "mux" },
};

export function readGates(json: string, top: string): GateNetlist {
  const module = (JSON.parse(json) as Json).modules[top];
  if (module === undefined) throw new NotModelled(`module ${top} is not in the netlist`);
  const inputs: GatePort[] = [];
  const outputs: GatePort[] = [];
  const driven = new Set<number>();
  const drive = (bit: number | string | undefined, src: string | undefined): number => {
    if (typeof bit !== "number") throw new NotModelled(`something drives a constant${where(src)}`);
    if (driven.has(bit)) throw new NotModelled(`a net has several drivers${where(src)}`);
    driven.add(bit);
    return bit;
  };
  for (const [name, p] of Object.entries(module.ports)) {
    if (p.direction === "inout") throw new NotModelled(`port ${name} is inout`);
    const port = { name, bits: p.bits.map(net) };
    if (p.direction === "input") {
      for (const b of p.bits) drive(b, undefined);
      inputs.push(port);
    } else outputs.push(port);
  }
  const init = new Map<number, 0 | 1>();
  for (const n of Object.values(module.netnames)) {
    const text = n.attributes.init;
    if (text === undefined) continue;
    n.bits.forEach((b, k) => {
      const v = text[text.length - 1 - k];
      if (typeof b === "number" && (v === "0" || v === "1")) init.set(b, v === "1" ? 1 : 0);
    });
  }
  const gates = new Map<number, Gate>();
  const stores = new Map<number, Store>();
  for (const cell of Object.values(module.cells)) {
    const pin = (name: string): Net => net(cell.connections[name]?.[0]);
    const src = cell.attributes.src;
    const gate = GATES[cell.type];
    if (gate !== undefined) {
      const y = drive(cell.connections.Y?.[0], src);
      gates.set(y, { type: gate.type, a: pin("A"), b: pin("B"), s: pin("S") });
      continue;
    }
    if (/^\$(assert|assume|cover|live|fair|print|check|scopeinfo|meminit)/.test(cell.type)) continue;
    const made = store(cell.type, pin);
    if (made === null)
      throw new NotModelled(`${cell.type.replace(/^\$_?|_$/g, "")} is not modelled${where(src)}`);
    const q = drive(cell.connections.Q?.[0], src);
    stores.set(q, { ...made, init: init.get(q) ?? null });
  }
  return { inputs, outputs, gates, stores, nets: driven.size };
}

const where = (src: string | undefined): string => {
  const line = /\.sv:(\d+)/.exec(src ?? "")?.[1];
  return line === undefined ? "" : `, line ${line}`;
};

type Made = Omit<Store, "init"> | null;

/** By the names of Yosys's fine-grained storage cells; letters are polarities. */
function store(type: string, pin: (name: string) => Net): Made {
  const name = /^\$_(DFF|ALDFF|DFFSR|DLATCH|DLATCHSR|SR|FF)_(?:([NP01]+)_)?$/.exec(type);
  if (name === null) return null;
  const [, kind, p = ""] = name;
  const d = pin("D");
  switch (kind) {
    case "DFF": {
      const control = { net: pin("C"), level: level(p[0]) };
      const loads = p.length === 3 ? [{ net: pin("R"), level: level(p[1]), value: p[2] as Net }] : [];
      return { kind: "ff", d, control, loads };
    }
    case "ALDFF":
      return {
        kind: "ff",
        d,
        control: { net: pin("C"), level: level(p[0]) },
        loads: [{ net: pin("L"), level: level(p[1]), value: pin("AD") }],
      };
    case "DFFSR":
      return {
        kind: "ff",
        d,
        control: { net: pin("C"), level: level(p[0]) },
        loads: [
          { net: pin("R"), level: level(p[2]), value: "0" },
          { net: pin("S"), level: level(p[1]), value: "1" },
        ],
      };
    case "DLATCH": {
      const loads = p.length === 3 ? [{ net: pin("R"), level: level(p[1]), value: p[2] as Net }] : [];
      return { kind: "latch", d, control: { net: pin("E"), level: level(p[0]) }, loads };
    }
    case "DLATCHSR":
      return {
        kind: "latch",
        d,
        control: { net: pin("E"), level: level(p[0]) },
        loads: [
          { net: pin("R"), level: level(p[2]), value: "0" },
          { net: pin("S"), level: level(p[1]), value: "1" },
        ],
      };
    case "SR":
      return {
        kind: "latch",
        d: null,
        control: null,
        loads: [
          { net: pin("R"), level: level(p[1]), value: "0" },
          { net: pin("S"), level: level(p[0]), value: "1" },
        ],
      };
    default:
      return null;
  }
}
