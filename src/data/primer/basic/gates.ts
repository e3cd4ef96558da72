/** Gates: bitwise operators, reductions, gating by an enable. */

import { circuit, family } from "../family.js";
import { IO1, IO2, input, names, output } from "../verilog.js";

/** Operator and whether its result is inverted. */
const OPS = {
  and: ["&", false],
  or: ["|", false],
  xor: ["^", false],
  nand: ["&", true],
  nor: ["|", true],
  xnor: ["^", true],
} as const;
const OP_NAMES = ["and", "or", "xor", "nand", "nor", "xnor"] as const;
/** The operator that a careless author confuses with this one. */
const CONFUSED = { "&": "|", "|": "&", "^": "|" } as const;

const gate2 = family({
  name: "gate2",
  theme: "gates",
  difficulty: 0.05,
  slipRate: 0.15,
  grid: { op: OP_NAMES, w: [1, 2, 3, 4, 5, 6, 7, 8], io: IO2 },
  build: ({ op, w, io }) => {
    const [a, b, y] = names(io);
    const [symbol, inverted] = OPS[op];
    return circuit<{ symbol: string; inverted: boolean }>({
      ports: [input(a, w), input(b, w), output(y, w)],
      say: [
        `${y} is the bitwise ${op} of ${a} and ${b}.`,
        `Bitwise ${op} gate: inputs ${a}, ${b}, output ${y}.`,
        `Drive ${y} with ${a} ${op} ${b}, bit by bit.`,
      ],
      plan: { symbol, inverted },
      write: (d) => ({
        think: `${d.inverted ? "inverted" : "plain"} ${d.symbol}`,
        code: `assign ${y}=${d.inverted ? `~(${a}${d.symbol}${b})` : `${a}${d.symbol}${b}`};`,
      }),
      slips: [
        ["inversion", 0.7, { inverted: !inverted }],
        ["operator", 0.3, { symbol: CONFUSED[symbol] }],
      ],
    });
  },
});

const gateNot = family({
  name: "gate_not",
  theme: "gates",
  difficulty: 0.1,
  slipRate: 0.55,
  grid: { op: ["and", "or", "nand", "nor"], not: [0, 1], w: [1, 2, 3, 4, 5, 6, 8], io: IO2 },
  build: ({ op, not, w, io }) => {
    const [a, b, y] = names(io);
    const [symbol, inverted] = OPS[op];
    const side = [a, b][not]!;
    const other = [b, a][not]!;
    return circuit<{ side: string; inverted: boolean }>({
      ports: [input(a, w), input(b, w), output(y, w)],
      say: [
        `Bitwise ${op} of ${a} and ${b} with ${side} inverted first.`,
        `${y} is the bitwise ${op} of not ${side} with ${other}.`,
        `Invert ${side}, then ${op} it with ${other} bitwise.`,
      ],
      plan: { side, inverted },
      write: (d) => {
        const term = `${d.side === a ? `~${a}` : a}${symbol}${d.side === b ? `~${b}` : b}`;
        return {
          think: `invert ${d.side}, ${d.inverted ? "inverted" : "plain"} ${symbol}`,
          code: `assign ${y}=${d.inverted ? `~(${term})` : term};`,
        };
      },
      slips: [
        ["wrong_input", 0.75, { side: other }],
        ["inversion", 0.25, { inverted: !inverted }],
      ],
    });
  },
});

/** Parity is a family of its own. */
const REDUCE_SAY = {
  and: "all bits of # are 1",
  or: "any bit of # is 1",
  nand: "any bit of # is 0",
  nor: "all bits of # are 0",
} as const;

const reduce = family({
  name: "reduce",
  theme: "gates",
  difficulty: 0.15,
  slipRate: 0.3,
  grid: { op: ["and", "or", "nand", "nor"], w: [2, 3, 4, 5, 6, 7, 8, 9, 10], io: IO1 },
  build: ({ op, w, io }) => {
    const [a, y] = names(io);
    const [symbol, inverted] = OPS[op];
    const when = REDUCE_SAY[op].replace("#", a);
    return circuit<{ symbol: string; inverted: boolean }>({
      ports: [input(a, w), output(y)],
      say: [`${y} is 1 when ${when}.`, `Reduction ${op} of ${a}.`, `Set ${y} if and only if ${when}.`],
      plan: { symbol, inverted },
      write: (d) => ({
        think: `${d.inverted ? "inverted" : "plain"} reduction ${d.symbol}`,
        code: `assign ${y}=${d.inverted ? "~" : ""}${d.symbol}${a};`,
      }),
      slips: [
        ["inversion", 0.7, { inverted: !inverted }],
        ["operator", 0.3, { symbol: CONFUSED[symbol] }],
      ],
    });
  },
});

const gated = family({
  name: "gated",
  theme: "gates",
  difficulty: 0.15,
  slipRate: 0.45,
  grid: { on: [1, 0], idle: ["0", "~0"], w: [2, 3, 4, 5, 6, 7, 8], io: ["a.en.y", "d.ce.z", "x.oe.out"] },
  build: ({ on, idle, w, io }) => {
    const [a, en, y] = names(io);
    const rest = idle === "0" ? "all zeros" : "all ones";
    return circuit<{ on: number; idle: string }>({
      ports: [input(a, w), input(en), output(y, w)],
      say: [
        `${y} is ${a} when ${en} is ${on}, else ${rest}.`,
        `Pass ${a} to ${y} while ${en} is ${on}; otherwise drive ${rest}.`,
        `${y} is ${rest} unless ${en} is ${on}, then ${a}.`,
      ],
      plan: { on, idle },
      write: (d) => ({
        think: `${en} active ${d.on ? "high" : "low"}, idle ${d.idle}`,
        code: `assign ${y}=${en}?${d.on ? a : d.idle}:${d.on ? d.idle : a};`,
      }),
      slips: [
        ["polarity", 0.8, { on: 1 - on }],
        ["idle_value", 0.2, { idle: idle === "0" ? "~0" : "0" }],
      ],
    });
  },
});

export const gates = [gate2, gateNot, reduce, gated];
