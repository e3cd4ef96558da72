/** Two trained families composed in one module. Test split only; the teacher never shows one. */

import { circuit, family } from "../family.js";
import {
  clocked,
  IO2,
  input,
  names,
  output,
  outputReg,
  RESETS,
  range,
  resetOf,
  resetSay,
  resetThink,
} from "../verilog.js";

const countDecode = family({
  name: "counter_decoder",
  theme: "combinations",
  role: "combination",
  difficulty: 0.6,
  slipRate: 0,
  limit: 8,
  grid: { dir: ["up", "down"], rst: RESETS, n: [2, 3] },
  build: ({ dir, rst, n }) => {
    const r = resetOf(rst);
    const say = resetSay(r, 0);
    return circuit({
      ports: [input("clk"), input(r.rst), output("y", 2 ** n)],
      say: [
        `${n}-bit c counts ${dir}; ${say[0]}; output bit c of y is active, outputs active high.`,
        `Active-high decoder y of a ${n}-bit ${dir} counter c, ${say[1]}.`,
        `Count ${dir} in ${n}-bit c; ${say[2]}; one-hot decode c to y.`,
      ],
      plan: r,
      write: (d) => ({
        think: `${resetThink(d)}, c${dir === "up" ? "+" : "-"}1, 1<<c`,
        code: `reg ${range(n)}c;\n${clocked(d, "c<=0;", `c<=c${dir === "up" ? "+" : "-"}1;`)}\nassign y=1<<c;`,
      }),
      slips: [],
    });
  },
});

const muxAdd = family({
  name: "mux_add",
  theme: "combinations",
  role: "combination",
  difficulty: 0.4,
  slipRate: 0,
  limit: 8,
  grid: { op: ["+", "-"], k: [1, 3, 5, 6], w: [4, 6, 8], io: ["a.b.s.y", "m.n.sel.z"] },
  build: ({ op, k, w, io }) => {
    const [a, b, s, y] = names(io);
    const word = op === "+" ? "plus" : "minus";
    return circuit({
      ports: [input(a, w), input(b, w), input(s), output(y, w)],
      say: [
        `${y} is ${a} when ${s} is 1, else ${b}; in both cases ${word} ${k}.`,
        `Multiplexer: ${s}=1 selects ${a}, ${s}=0 selects ${b}; the choice ${word} ${k} is ${y}.`,
        `Select ${a} if ${s} is 1, ${b} if 0, then give it ${word} ${k}.`,
      ],
      plan: { op },
      write: (d) => ({
        think: `${s} high gives ${a}, then ${d.op}${k}`,
        code: `assign ${y}=(${s}?${a}:${b})${d.op}${k};`,
      }),
      slips: [],
    });
  },
});

const shiftParity = family({
  name: "shift_parity",
  theme: "combinations",
  role: "combination",
  difficulty: 0.6,
  slipRate: 0,
  limit: 8,
  grid: { way: ["left", "right"], kind: ["even", "odd"], rst: RESETS, w: [3, 4, 6] },
  build: ({ way, kind, rst, w }) => {
    const r = resetOf(rst);
    const say = resetSay(r, 0);
    const end = way === "left" ? "bottom" : "top";
    return circuit({
      ports: [input("clk"), input(r.rst), input("d"), outputReg("q", w), output("y")],
      say: [
        `q shifts ${way}, d enters at the ${end}; ${say[0]}; y is the ${kind} parity bit of q.`,
        `Shift register q moving ${way} with serial input d, ${say[1]}, and ${kind} parity y of q.`,
        `Shift d into the ${end} of q; ${say[2]}; generate ${kind} parity of q as y.`,
      ],
      plan: r,
      write: (d) => ({
        think: `${way}, ${resetThink(d)}, ${kind}`,
        code: `${clocked(d, "q<=0;", `q<=${way === "left" ? "{q,d}" : "{d,q}>>1"};`)}\nassign y=${kind === "odd" ? "~" : ""}^q;`,
      }),
      slips: [],
    });
  },
});

const edgeCount = family({
  name: "edge_counter",
  theme: "combinations",
  role: "combination",
  difficulty: 0.7,
  slipRate: 0,
  limit: 8,
  grid: { kind: ["rising", "falling"], rst: RESETS, w: [3, 4, 6, 8], q: ["q", "cnt"] },
  build: ({ kind, rst, w, q }) => {
    const r = resetOf(rst);
    const say = resetSay(r, 0);
    return circuit({
      ports: [input("clk"), input(r.rst), input("a"), outputReg(q, w)],
      say: [
        `p stores a each clock; ${q} counts up on ${kind} edges of a against p; both ${say[0]}.`,
        `Up counter ${q} of ${kind} edges of a, last sample p; both ${say[1]}.`,
        `Count up in ${q} when ${kind} edges go from p, the clocked a, to a; ${say[2]}, p too.`,
      ],
      plan: r,
      write: (d) => ({
        think: `${kind}, ${resetThink(d)}, ${q}+1`,
        code: `reg p;\n${clocked(d, `{p,${q}}<=0;`, `begin\np<=a;\nif(${kind === "rising" ? "a&~p" : "~a&p"})${q}<=${q}+1;\nend`)}`,
      }),
      slips: [],
    });
  },
});

const minCompare = family({
  name: "minmax_compare",
  theme: "combinations",
  role: "combination",
  difficulty: 0.5,
  slipRate: 0,
  limit: 8,
  grid: { kind: ["larger", "smaller"], k: [3, 5, 6, 9], w: [4, 6, 8], io: IO2 },
  build: ({ kind, k, w, io }) => {
    const [a, b, y] = names(io);
    const op = kind === "larger" ? ">" : "<";
    return circuit({
      ports: [input(a, w), input(b, w), output(y)],
      say: [
        `${y} is 1 when the ${kind} of unsigned ${a} and ${b} is at least ${k}.`,
        `Detect ${kind === "larger" ? "maximum" : "minimum"} of unsigned ${a} and ${b} at least ${k}.`,
        `Raise ${y} while the unsigned ${kind === "larger" ? "max" : "min"} of ${a}, ${b} is at least ${k}.`,
      ],
      plan: { op },
      write: (d) => ({
        think: `keep ${a} if ${a}${d.op}${b}, at least is >=`,
        code: `assign ${y}=(${a}${d.op}${b}?${a}:${b})>=${k};`,
      }),
      slips: [],
    });
  },
});

const countCompare = family({
  name: "counter_compare",
  theme: "combinations",
  role: "combination",
  difficulty: 0.6,
  slipRate: 0,
  limit: 8,
  grid: { dir: ["up", "down"], rst: RESETS, k: [5, 9, 11], io: ["en.q.y", "ce.cnt.z"] },
  build: ({ dir, rst, k, io }) => {
    const [en, q, y] = names(io);
    const r = resetOf(rst);
    const say = resetSay(r, 0);
    const op = dir === "up" ? "+" : "-";
    return circuit({
      ports: [input("clk"), input(r.rst), input(en), outputReg(q, 4), output(y)],
      say: [
        `${q} counts ${dir} while ${en} is 1; ${say[0]}; ${y} is 1 when ${q} is less than ${k}.`,
        `${dir} counter ${q} with enable ${en}, ${say[1]}; detect ${q} less than ${k} as ${y}.`,
        `Count ${dir} in ${q} when ${en}; ${say[2]}; raise ${y} while ${q} is less than ${k}.`,
      ],
      plan: r,
      write: (d) => ({
        think: `only if ${en}, ${resetThink(d)}, ${q}${op}1, less than is <`,
        code: `${clocked(d, `${q}<=0;`, `if(${en})${q}<=${q}${op}1;`)}\nassign ${y}=${q}<${k};`,
      }),
      slips: [],
    });
  },
});

export const combined = [countDecode, muxAdd, shiftParity, edgeCount, minCompare, countCompare];
