/** Adders, subtractors, averages and differences, unsigned and modulo the output width unless said otherwise. */

import { circuit, family } from "../family.js";
import { IO1, IO2, input, names, output } from "../verilog.js";

const addConst = family({
  name: "add_const",
  theme: "arithmetic",
  difficulty: 0.1,
  slipRate: 0.25,
  grid: { op: ["+", "-"], k: [1, 2, 3, 5, 6, 7, 9, 10, 11, 13], w: [4, 5, 6, 7, 8], io: IO1 },
  keep: ({ k, w }) => k !== 2 ** (w - 1),
  build: ({ op, k, w, io }) => {
    const [a, y] = names(io);
    const plus = op === "+";
    return circuit<{ op: string }>({
      ports: [input(a, w), output(y, w)],
      say: [
        `${y} is ${a} ${plus ? "plus" : "minus"} ${k}.`,
        plus ? `Add ${k} to ${a}.` : `Subtract ${k} from ${a}.`,
        `${plus ? "Increase" : "Decrease"} ${a} by ${k}, wrapping around.`,
      ],
      plan: { op },
      write: (d) => ({
        think: `${d.op === "+" ? "add" : "subtract"} ${k}`,
        code: `assign ${y}=${a}${d.op}${k};`,
      }),
      slips: [["operator", 1, { op: plus ? "-" : "+" }]],
    });
  },
});

const addCarry = family({
  name: "add_carry",
  theme: "arithmetic",
  difficulty: 0.3,
  slipRate: 0.6,
  grid: {
    op: ["+", "-"],
    w: [1, 2, 3, 4, 5, 6, 7, 8],
    io: ["a.b.ci.y.co", "m.n.cin.z.cout", "x.w.ci.out.co", "a.b.cin.s.cout", "m.n.ci.s.co"],
  },
  build: ({ op, w, io }) => {
    const [a, b, ci, y, co] = names(io);
    const plus = op === "+";
    const [into, out] = plus ? ["carry in", "carry out"] : ["borrow in", "borrow out"];
    return circuit<{ op: string; chained: boolean }>({
      ports: [input(a, w), input(b, w), input(ci), output(y, w), output(co)],
      say: [
        `${y} is ${a} ${plus ? "plus" : "minus"} ${b} with ${into} ${ci} and ${out} ${co}.`,
        `${plus ? "Adder" : "Subtractor"} ${a}${op}${b} with ${into} ${ci}, ${out} ${co}.`,
        `${plus ? "Add" : "Subtract"}: {${co},${y}} from ${a}, ${b} and ${into} ${ci}.`,
      ],
      plan: { op, chained: true },
      write: (d) => ({
        think: `${d.chained ? `uses ${ci}` : `skips ${ci}`}, ${d.op === "+" ? "add" : "subtract"}`,
        code: `assign {${co},${y}}=${a}${d.op}${b}${d.chained ? `${d.op}${ci}` : ""};`,
      }),
      slips: [
        ["no_carry_in", 0.8, { chained: false }],
        ["operator", 0.2, { op: plus ? "-" : "+" }],
      ],
    });
  },
});

const subtract = family({
  name: "subtract",
  theme: "arithmetic",
  difficulty: 0.15,
  slipRate: 0.75,
  grid: { from: [0, 1], w: [2, 3, 4, 5, 6, 7, 8, 9], io: ["a.b.y", "m.n.z", "x.w.out", "c.d.y", "p.t.z"] },
  build: ({ from, w, io }) => {
    const [a, b, y] = names(io);
    const left = [a, b][from]!;
    const right = [b, a][from]!;
    return circuit<{ left: string; right: string }>({
      ports: [input(a, w), input(b, w), output(y, w)],
      say: [
        `Subtract ${right} from ${left}.`,
        `${y} is what is left of ${left} after taking ${right} away, modulo its width.`,
        `${y} is the difference ${left} minus ${right}.`,
      ],
      plan: { left, right },
      write: (d) => ({
        think: `${d.left} first, less ${d.right}`,
        code: `assign ${y}=${d.left}-${d.right};`,
      }),
      slips: [["operand_order", 1, { left: right, right: left }]],
    });
  },
});

const average = family({
  name: "average",
  theme: "arithmetic",
  difficulty: 0.4,
  slipRate: 0.7,
  grid: { round: ["down", "up"], w: [2, 3, 4, 5, 6, 7, 8, 9, 10], io: IO2 },
  build: ({ round, w, io }) => {
    const [a, b, y] = names(io);
    return circuit<{ wide: boolean; round: string }>({
      ports: [input(a, w), input(b, w), output(y, w)],
      say: [
        `${y} is the average of ${a} and ${b}, rounded ${round}.`,
        `Mean of unsigned ${a} and ${b}, rounding ${round}.`,
        `Half of ${a} plus ${b}, rounded ${round}, without overflow.`,
      ],
      plan: { wide: true, round },
      write: (d) => ({
        think: `${d.wide ? "keep carry" : "same width"}, round ${d.round}`,
        code: `assign ${y}=(${d.wide ? `{1'b0,${a}}` : a}+${b}${d.round === "up" ? "+1'b1" : ""})>>1;`,
      }),
      slips: [
        ["lost_carry", 0.8, { wide: false }],
        ["rounding", 0.2, { round: round === "up" ? "down" : "up" }],
      ],
    });
  },
});

const difference = family({
  name: "difference",
  theme: "arithmetic",
  difficulty: 0.3,
  slipRate: 0.5,
  grid: {
    kind: ["absolute", "floor"],
    w: [2, 3, 4, 5, 6, 7, 8, 9],
    io: ["a.b.y", "m.n.z", "x.w.out", "c.d.y", "p.t.z"],
  },
  build: ({ kind, w, io }) => {
    const [a, b, y] = names(io);
    return circuit<{ kind: string }>({
      ports: [input(a, w), input(b, w), output(y, w)],
      say:
        kind === "absolute"
          ? [
              `${y} is the absolute difference of unsigned ${a} and ${b}.`,
              `Distance between unsigned ${a} and ${b}.`,
              `Larger minus smaller of unsigned ${a} and ${b}.`,
            ]
          : [
              `${y} is ${a} minus ${b}, or 0 when ${b} is larger.`,
              `Unsigned ${a} minus ${b}, floored at 0.`,
              `Saturating ${a} minus ${b}: never below 0.`,
            ],
      plan: { kind },
      write: (d) => ({
        think:
          d.kind === "plain"
            ? `just ${a}-${b}`
            : `test ${a}>${b}, else ${d.kind === "floor" ? "0" : `${b}-${a}`}`,
        code:
          d.kind === "plain"
            ? `assign ${y}=${a}-${b};`
            : `assign ${y}=${a}>${b}?${a}-${b}:${d.kind === "floor" ? "0" : `${b}-${a}`};`,
      }),
      slips: [
        ["no_test", 0.8, { kind: "plain" }],
        ["wrong_branch", 0.2, { kind: kind === "floor" ? "absolute" : "floor" }],
      ],
    });
  },
});

export const arithmetic = [addConst, addCarry, subtract, average, difference];
