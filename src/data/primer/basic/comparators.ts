/** Comparators, membership, minimum and maximum, saturation and clamping. */

import { circuit, family } from "../family.js";
import { IO1, IO2, input, inputSigned, names, output } from "../verilog.js";

const RELATIONS = ["<", "<=", ">", ">=", "==", "!="] as const;
const WORDS = {
  "<": "less than",
  "<=": "at most",
  ">": "greater than",
  ">=": "at least",
  "==": "equal to",
  "!=": "different from",
} as const;
/** The same relation with the other answer on equality (or the opposite one, for the two equalities). */
const STRICTNESS = { "<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==" } as const;
const MIRROR = { "<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": ">=", "!=": "<" } as const;

const compare2 = family({
  name: "compare2",
  theme: "compare",
  difficulty: 0.1,
  slipRate: 0.4,
  grid: { op: RELATIONS, w: [2, 3, 4, 5, 6, 7, 8], io: IO2 },
  build: ({ op, w, io }) => {
    const [a, b, y] = names(io);
    return circuit<{ op: keyof typeof WORDS }>({
      ports: [input(a, w), input(b, w), output(y)],
      say: [
        `${y} is 1 when unsigned ${a} is ${WORDS[op]} ${b}.`,
        `Unsigned comparator: is ${a} ${WORDS[op]} ${b}?`,
        `Raise ${y} if ${a} is ${WORDS[op]} ${b}, unsigned.`,
      ],
      plan: { op },
      write: (d) => ({ think: `${WORDS[d.op]} is ${d.op}`, code: `assign ${y}=${a}${d.op}${b};` }),
      slips: [
        ["strictness", 0.75, { op: STRICTNESS[op] }],
        ["direction", 0.25, { op: MIRROR[op] }],
      ],
    });
  },
});

const compareConst = family({
  name: "compare_const",
  theme: "compare",
  difficulty: 0.15,
  slipRate: 0.6,
  grid: { op: ["<", "<=", ">", ">="], k: [2, 3, 4, 5, 6, 9, 10, 11, 12, 13], w: [4, 5, 6, 7, 8], io: IO1 },
  build: ({ op, k, w, io }) => {
    const [a, y] = names(io);
    return circuit<{ op: keyof typeof WORDS }>({
      ports: [input(a, w), output(y)],
      say: [
        `${y} is 1 when unsigned ${a} is ${WORDS[op]} ${k}.`,
        `Detect ${a} ${WORDS[op]} ${k}, unsigned.`,
        `Raise ${y} while ${a} is ${WORDS[op]} ${k}.`,
      ],
      plan: { op },
      write: (d) => ({ think: `${WORDS[d.op]} is ${d.op}`, code: `assign ${y}=${a}${d.op}${k};` }),
      slips: [
        ["strictness", 0.8, { op: STRICTNESS[op] }],
        ["direction", 0.2, { op: MIRROR[op] }],
      ],
    });
  },
});

const members = family({
  name: "members",
  theme: "compare",
  difficulty: 0.3,
  slipRate: 0.55,
  grid: { i: [0, 1, 2, 3], j: [4, 5, 6, 7], k: [8, 9, 10, 12, 15], of: ["in", "out"], io: IO1 },
  build: ({ i, j, k, of, io }) => {
    const [a, y] = names(io);
    const value = of === "in" ? 1 : 0;
    return circuit<{ last: boolean; of: string }>({
      ports: [input(a, 4), output(y)],
      say: [
        `${y} is ${value} when ${a} is ${i}, ${j} or ${k}, else ${1 - value}.`,
        `Drive ${y} ${value ? "high" : "low"} exactly for ${a} equal to ${i}, ${j} or ${k}.`,
        `${a} values ${i}, ${j}, ${k} give ${value}; all others ${1 - value}.`,
      ],
      plan: { last: true, of },
      write: (d) => {
        const terms = [i, j, ...(d.last ? [k] : [])];
        const inside = d.of === "in";
        return {
          think: `${inside ? "1" : "0"} for ${terms.join(" ")}`,
          code: `assign ${y}=${terms.map((t) => `${a}${inside ? "==" : "!="}${t}`).join(inside ? "||" : "&&")};`,
        };
      },
      slips: [
        ["inverted", 0.7, { of: of === "in" ? "out" : "in" }],
        ["missing_value", 0.3, { last: false }],
      ],
    });
  },
});

const minmax = family({
  name: "minmax",
  theme: "signed",
  difficulty: 0.25,
  slipRate: 0.5,
  grid: { kind: ["larger", "smaller"], signed: [0, 1], w: [3, 4, 5, 6, 7, 8, 9], io: [...IO2, "c.d.y"] },
  build: ({ kind, signed, w, io }) => {
    const [a, b, y] = names(io);
    const declare = signed ? inputSigned : input;
    const sign = signed ? "signed" : "unsigned";
    return circuit<{ op: string }>({
      ports: [declare(a, w), declare(b, w), output(y, w)],
      say: [
        `${y} is the ${kind} of ${sign} ${a} and ${b}.`,
        `${kind === "larger" ? "Maximum" : "Minimum"} of ${sign} ${a} and ${b}.`,
        `Output the ${sign} ${kind === "larger" ? "max" : "min"} of ${a}, ${b}.`,
      ],
      plan: { op: kind === "larger" ? ">" : "<" },
      write: (d) => ({
        think: `keep ${a} if ${a}${d.op}${b}`,
        code: `assign ${y}=${a}${d.op}${b}?${a}:${b};`,
      }),
      slips: [["direction", 1, { op: kind === "larger" ? "<" : ">" }]],
    });
  },
});

const absolute = family({
  name: "absolute",
  theme: "signed",
  difficulty: 0.2,
  slipRate: 0.2,
  grid: {
    kind: ["absolute value", "negated absolute value"],
    w: [3, 4, 5, 6, 7, 8, 9, 10],
    io: [...IO1, "d.y"],
  },
  build: ({ kind, w, io }) => {
    const [a, y] = names(io);
    return circuit<{ op: string }>({
      ports: [inputSigned(a, w), output(y, w)],
      say: [
        `${y} is the ${kind} of signed ${a}.`,
        `Compute the ${kind} of ${a}, two's complement.`,
        `Take signed ${a} to its ${kind}.`,
      ],
      plan: { op: kind.startsWith("neg") ? ">" : "<" },
      write: (d) => ({ think: `negate if ${a}${d.op}0`, code: `assign ${y}=${a}${d.op}0?-${a}:${a};` }),
      slips: [["sign_test", 1, { op: kind.startsWith("neg") ? "<" : ">" }]],
    });
  },
});

const saturate = family({
  name: "saturating_add",
  theme: "saturation",
  difficulty: 0.4,
  slipRate: 0.5,
  grid: { w: [4, 5, 6, 7, 8], k: [9, 10, 11, 12, 13, 14, 15], io: [...IO2, "c.d.y"] },
  build: ({ w, k, io }) => {
    const [a, b, y] = names(io);
    return circuit<{ over: string }>({
      ports: [input(a, w), input(b, w), output(y, w)],
      say: [
        `${y} is ${a} plus ${b}, saturating at ${k}.`,
        `Add unsigned ${a} and ${b}; sums above ${k} give ${k}.`,
        `Saturating adder of ${a} and ${b} with limit ${k}.`,
      ],
      plan: { over: String(k) },
      write: (d) => ({
        think: d.over === "sum" ? `no limit, ${a}+${b}` : `above ${k} gives ${d.over}`,
        code: d.over === "sum" ? `assign ${y}=${a}+${b};` : `assign ${y}=${a}+${b}>${k}?${d.over}:${a}+${b};`,
      }),
      slips: [
        ["no_limit", 0.75, { over: "sum" }],
        ["wraps_to_zero", 0.25, { over: "0" }],
      ],
    });
  },
});

const clamp = family({
  name: "clamp",
  theme: "saturation",
  difficulty: 0.35,
  slipRate: 0.65,
  grid: { w: [4, 5, 6, 8], lo: [1, 2, 3, 4, 5], hi: [8, 9, 11, 12, 14], io: IO1 },
  build: ({ w, lo, hi, io }) => {
    const [a, y] = names(io);
    return circuit<{ low: boolean; high: boolean }>({
      ports: [input(a, w), output(y, w)],
      say: [
        `${y} is unsigned ${a} clamped to ${lo} through ${hi}.`,
        `Limit unsigned ${a} to at least ${lo} and at most ${hi}.`,
        `Clamp ${a}: below ${lo} gives ${lo}, above ${hi} gives ${hi}.`,
      ],
      plan: { low: true, high: true },
      write: (d) => ({
        think: [d.low ? `below ${lo} give ${lo}` : "", d.high ? `above ${hi} give ${hi}` : ""]
          .filter(Boolean)
          .join(", "),
        code: `assign ${y}=${d.low ? `${a}<${lo}?${lo}:` : ""}${d.high ? `${a}>${hi}?${hi}:` : ""}${a};`,
      }),
      slips: [
        ["no_lower_limit", 0.8, { low: false }],
        ["no_upper_limit", 0.2, { high: false }],
      ],
    });
  },
});

export const compare = [compare2, compareConst, members, minmax, absolute, saturate, clamp];
