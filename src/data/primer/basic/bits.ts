/** Parity, population count, masks, concatenation, rotation, shifts and extension. */

import { circuit, family } from "../family.js";
import { IO1, input, inputSigned, names, output } from "../verilog.js";

const parity = family({
  name: "parity",
  theme: "bits",
  difficulty: 0.2,
  slipRate: 0.55,
  grid: {
    kind: ["even", "odd"],
    place: ["alone", "top", "bottom"],
    w: [3, 4, 5, 6, 7, 8, 9],
    io: [...IO1, "d.p"],
  },
  build: ({ kind, place, w, io }) => {
    const [a, y] = names(io);
    const where = place === "alone" ? "" : place === "top" ? ` put above ${a}` : ` put below ${a}`;
    return circuit<{ odd: boolean }>({
      ports: [input(a, w), output(y, place === "alone" ? 1 : w + 1)],
      say: [
        `${y} is the ${kind} parity bit of ${a}${where}.`,
        `Parity bit making the number of ones ${kind}, for ${a}${where}.`,
        `Generate ${kind} parity of ${a}${where}.`,
      ],
      plan: { odd: kind === "odd" },
      write: (d) => {
        const bit = `${d.odd ? "~" : ""}^${a}`;
        return {
          think: `${d.odd ? "odd" : "even"} is ${bit}`,
          code: `assign ${y}=${place === "alone" ? bit : place === "top" ? `{${bit},${a}}` : `{${a},${bit}}`};`,
        };
      },
      slips: [["other_parity", 1, { odd: kind !== "odd" }]],
    });
  },
});

const popcount = family({
  name: "popcount",
  theme: "bits",
  difficulty: 0.4,
  slipRate: 0.4,
  grid: { of: ["ones", "zeros"], w: [3, 4, 5, 6, 7], io: [...IO1, "a.n", "d.cnt", "x.n", "in.cnt"] },
  build: ({ of, w, io }) => {
    const [a, y] = names(io);
    return circuit<{ of: string; bits: number }>({
      ports: [input(a, w), output(y, 3)],
      say: [
        `${y} is the number of ${of} in ${a}.`,
        `Count the ${of} of ${a}.`,
        `How many bits of ${a} are ${of}?`,
      ],
      plan: { of, bits: w },
      write: (d) => {
        const terms = Array.from({ length: d.bits }, (_, i) => `${d.of === "ones" ? "" : "!"}${a}[${i}]`);
        return { think: `${d.of}, bits 0 to ${d.bits - 1}`, code: `assign ${y}=${terms.join("+")};` };
      },
      slips: [
        ["ones_for_zeros", 0.7, { of: of === "ones" ? "zeros" : "ones" }],
        ["missing_bit", 0.3, { bits: w - 1 }],
      ],
    });
  },
});

const MASKS = {
  set: ["|", ""],
  clear: ["&", "~"],
  toggle: ["^", ""],
  keep: ["&", ""],
} as const;

const mask = family({
  name: "mask",
  theme: "bits",
  difficulty: 0.25,
  slipRate: 0.6,
  grid: { act: ["set", "clear", "toggle", "keep"], k: [2, 3, 5, 6, 9, 10, 12, 14], w: [4, 5, 6, 8], io: IO1 },
  build: ({ act, k, w, io }) => {
    const [a, y] = names(io);
    const [symbol, invert] = MASKS[act];
    const confused = { set: "^", clear: "&", toggle: "|", keep: "&" }[act];
    return circuit<{ symbol: string; invert: string }>({
      ports: [input(a, w), output(y, w)],
      say: [
        `${y} is ${a} with the bits of mask ${k} ${act === "set" ? "set" : act === "clear" ? "cleared" : act === "toggle" ? "toggled" : "kept and all others cleared"}.`,
        `${act} the bits of ${a} that are 1 in mask ${k}${act === "keep" ? ", zero the rest" : ""}.`,
        `Mask ${k}: ${act} those bits of ${a}${act === "keep" ? " only" : ""}.`,
      ],
      plan: { symbol, invert },
      write: (d) => ({
        think: `${act} by ${d.symbol}${d.invert}${k}`,
        code: `assign ${y}=${a}${d.symbol}${d.invert}${k};`,
      }),
      slips: [["wrong_operator", 1, { symbol: confused, invert: act === "keep" ? "~" : "" }]],
    });
  },
});

const concat = family({
  name: "concat",
  theme: "wiring",
  difficulty: 0.2,
  slipRate: 0.65,
  grid: {
    order: ["012", "021", "102", "120", "201", "210"],
    w: [1, 2, 3, 4, 5, 6],
    io: ["a.b.c.y", "m.n.p.z", "x.w.v.out", "d.e.f.y"],
  },
  build: ({ order, w, io }) => {
    const inputs = names(io).slice(0, 3);
    const y = names(io)[3];
    const parts = order.split("").map((i) => inputs[Number(i)]!);
    const [p, q, r] = parts;
    return circuit<{ parts: string[] }>({
      ports: [...inputs.map((name) => input(name, w)), output(y, 3 * w)],
      say: [
        `${y} is ${p}, ${q}, ${r} joined, ${p} in the top bits.`,
        `Concatenate from the top: ${p}, ${q}, then ${r}.`,
        `Pack ${r} lowest, ${q} in the middle, ${p} highest.`,
      ],
      plan: { parts },
      write: (d) => ({
        think: `top ${d.parts[0]}, bottom ${d.parts[2]}`,
        code: `assign ${y}={${d.parts.join(",")}};`,
      }),
      slips: [["reversed", 1, { parts: [...parts].reverse() }]],
    });
  },
});

const rotate = family({
  name: "rotate",
  theme: "wiring",
  difficulty: 0.35,
  slipRate: 0.55,
  grid: { way: ["left", "right"], k: [1, 2, 3, 4, 5], w: [4, 5, 6, 7, 8, 9], io: IO1 },
  keep: ({ k, w }) => k < w && 2 * k !== w,
  build: ({ way, k, w, io }) => {
    const [a, y] = names(io);
    return circuit<{ way: string }>({
      ports: [input(a, w), output(y, w)],
      say: [
        `${y} is ${a} rotated ${way} by ${k}.`,
        `Rotate ${a} ${way} ${k} places.`,
        `Circular shift of ${a} to the ${way} by ${k}.`,
      ],
      plan: { way },
      write: (d) => ({
        think: `${d.way} by ${k}`,
        code: `assign ${y}=${d.way === "left" ? `({${a},${a}}<<${k})>>${w}` : `{${a},${a}}>>${k}`};`,
      }),
      slips: [["direction", 1, { way: way === "left" ? "right" : "left" }]],
    });
  },
});

const SHIFTS = { left: "<<", "logical right": ">>", "arithmetic right": ">>>" } as const;

const shiftConst = family({
  name: "shift_const",
  theme: "wiring",
  difficulty: 0.2,
  slipRate: 0.5,
  grid: { kind: ["left", "logical right", "arithmetic right"], k: [1, 2, 3], w: [4, 5, 6, 7, 8, 9], io: IO1 },
  build: ({ kind, k, w, io }) => {
    const [a, y] = names(io);
    const confused = { left: ">>", "logical right": "<<", "arithmetic right": ">>" }[kind];
    return circuit<{ symbol: string }>({
      ports: [kind === "arithmetic right" ? inputSigned(a, w) : input(a, w), output(y, w)],
      say: [
        `${y} is ${a} after a ${kind} shift by ${k}.`,
        `Shift ${a}: ${kind}, ${k} places.`,
        `${kind} shift of ${a} by ${k} bits.`,
      ],
      plan: { symbol: SHIFTS[kind] },
      write: (d) => ({ think: `${d.symbol} by ${k}`, code: `assign ${y}=${a}${d.symbol}${k};` }),
      slips: [["wrong_shift", 1, { symbol: confused }]],
    });
  },
});

const extend = family({
  name: "extend",
  theme: "wiring",
  difficulty: 0.25,
  slipRate: 0.45,
  grid: { kind: ["sign", "zero"], w: [3, 4, 5, 6, 8], by: [1, 2, 3, 4], io: IO1 },
  build: ({ kind, w, by, io }) => {
    const [a, y] = names(io);
    return circuit<{ kind: string }>({
      ports: [input(a, w), output(y, w + by)],
      say: [
        `${y} is ${a} ${kind}-extended by ${by} bits.`,
        `${kind}-extend ${a} by ${by}.`,
        `Widen ${a} by ${by} bits, ${kind === "sign" ? "two's complement" : "unsigned"}.`,
      ],
      plan: { kind },
      write: (d) => ({
        think: `fill with ${d.kind === "sign" ? `${a}[${w - 1}]` : "0"}`,
        code: `assign ${y}={{${by}{${d.kind === "sign" ? `${a}[${w - 1}]` : "1'b0"}}},${a}};`,
      }),
      slips: [["wrong_fill", 1, { kind: kind === "sign" ? "zero" : "sign" }]],
    });
  },
});

export const bits = [parity, popcount, mask, concat, rotate, shiftConst, extend];
