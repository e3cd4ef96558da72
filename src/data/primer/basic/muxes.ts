/** Multiplexers, decoders and priority encoders. */

import { circuit, family } from "../family.js";
import { input, names, output } from "../verilog.js";

const mux2 = family({
  name: "mux2",
  theme: "muxes",
  difficulty: 0.1,
  slipRate: 0.35,
  grid: {
    first: [0, 1],
    w: [1, 2, 3, 4, 5, 6, 7, 8],
    io: ["a.b.s.y", "m.n.sel.z", "x.w.s.out", "c.d.sel.y"],
  },
  build: ({ first, w, io }) => {
    const [a, b, s, y] = names(io);
    return circuit<{ first: number }>({
      ports: [input(a, w), input(b, w), input(s), output(y, w)],
      say: [
        `${y} is ${a} when ${s} is ${first}, else ${b}.`,
        `Multiplexer: ${s}=${first} selects ${a}, ${s}=${1 - first} selects ${b}.`,
        `Select ${b} if ${s} is ${1 - first}, ${a} if ${s} is ${first}.`,
      ],
      plan: { first },
      write: (d) => {
        const [one, zero] = d.first === 1 ? [a, b] : [b, a];
        return { think: `${s} high gives ${one}`, code: `assign ${y}=${s}?${one}:${zero};` };
      },
      slips: [["swapped", 1, { first: 1 - first }]],
    });
  },
});

const mux4 = family({
  name: "mux4",
  theme: "muxes",
  difficulty: 0.35,
  slipRate: 0.5,
  grid: {
    order: ["up", "down"],
    w: [1, 2, 3, 4, 5, 6, 7, 8],
    io: ["a.b.c.d.s.y", "m.n.p.t.sel.z", "a.b.c.d.sel.out"],
  },
  build: ({ order, w, io }) => {
    const [a, b, c, d, s, y] = names(io);
    const inputs = [a, b, c, d];
    return circuit<{ order: string }>({
      ports: [...inputs.map((name) => input(name, w)), input(s, 2), output(y, w)],
      say: [
        `${s} 0 to 3 selects ${(order === "up" ? inputs : [...inputs].reverse()).join(", ")} in turn.`,
        `Four-way mux: ${s}=0 gives ${order === "up" ? a : d}, ${s}=3 gives ${order === "up" ? d : a}, in order.`,
        `Mux with ${order === "up" ? a : d} at ${s}=0 through ${order === "up" ? d : a} at ${s}=3.`,
      ],
      plan: { order },
      write: (plan) => {
        const [i0, i1, i2, i3] = plan.order === "up" ? inputs : [...inputs].reverse();
        return {
          think: `0 is ${i0}, 1 is ${i1}, 2 is ${i2}, 3 is ${i3}`,
          code: `assign ${y}=${s}==0?${i0}:${s}==1?${i1}:${s}==2?${i2}:${i3};`,
        };
      },
      slips: [["reversed", 1, { order: order === "up" ? "down" : "up" }]],
    });
  },
});

const decoder = family({
  name: "decoder",
  theme: "encoders",
  difficulty: 0.3,
  slipRate: 0.5,
  grid: {
    n: [1, 2, 3, 4],
    en: ["none", "high", "low"],
    out: ["high", "low"],
    io: ["a.y.en", "s.z.ce", "x.out.en", "sel.y.oe"],
  },
  build: ({ n, en, out, io }) => {
    const [a, y, e] = names(io);
    const enable = en === "none" ? "" : `, enabled when ${e} is ${en === "high" ? 1 : 0}`;
    return circuit<{ out: string; en: string }>({
      ports: [input(a, n), ...(en === "none" ? [] : [input(e)]), output(y, 2 ** n)],
      say: [
        `Decoder: output bit ${a} of ${y} is active, outputs active ${out}${enable}.`,
        `One-hot decode ${a} to active-${out} ${y}${enable}.`,
        `Active-${out} decoder from ${a} to ${y}${enable}.`,
      ],
      plan: { out, en },
      write: (d) => {
        const hot = `1<<${a}`;
        const inner = d.en === "none" ? hot : d.en === "high" ? `${e}?${hot}:0` : `${e}?0:${hot}`;
        const enables = d.en === "none" ? "" : `, ${e} ${d.en}`;
        return {
          think: `outputs ${d.out}${enables}, ${hot}`,
          code: `assign ${y}=${d.out === "low" ? `~(${inner})` : inner};`,
        };
      },
      slips: [
        ["output_polarity", 0.7, { out: out === "high" ? "low" : "high" }],
        ["enable_polarity", 0.3, { en: en === "none" ? en : en === "high" ? "low" : "high" }],
      ],
    });
  },
});

const priority = family({
  name: "priority_encoder",
  theme: "encoders",
  difficulty: 0.45,
  slipRate: 0.65,
  grid: {
    w: [3, 4, 5],
    wins: ["highest", "lowest"],
    none: [0, 5, 6, 7],
    io: ["a.y", "req.idx", "x.out", "d.z"],
  },
  build: ({ w, wins, none, io }) => {
    const [a, y] = names(io);
    return circuit<{ wins: string; none: number }>({
      ports: [input(a, w), output(y, 3)],
      say: [
        `${y} is the index of the ${wins} 1 bit of ${a}, ${none} when ${a} is 0.`,
        `Priority encoder of ${a}: ${wins} bit wins, ${none} if none is set.`,
        `Find the ${wins} set bit of ${a}; give ${none} when there is none.`,
      ],
      plan: { wins, none },
      write: (d) => {
        const indices = Array.from({ length: w }, (_, i) => (d.wins === "highest" ? w - 1 - i : i));
        return {
          think: `${d.wins} first, from ${a}[${indices[0]}], else ${d.none}`,
          code: `assign ${y}=${indices.map((i) => `${a}[${i}]?${i}:`).join("")}${d.none};`,
        };
      },
      slips: [
        ["wrong_end", 0.8, { wins: wins === "highest" ? "lowest" : "highest" }],
        ["none_value", 0.2, { none: none === 0 ? 7 : 0 }],
      ],
    });
  },
});

export const muxes = [mux2, mux4, decoder, priority];
