/** Small arithmetic-logic units and lookup tables. */

import { circuit, family } from "../family.js";
import { IO2, input, names, output, outputReg } from "../verilog.js";

const alu2 = family({
  name: "alu2",
  theme: "alu",
  difficulty: 0.3,
  slipRate: 0.45,
  grid: {
    first: ["+", "-", "&", "|", "^"],
    second: ["+", "-", "&", "|", "^"],
    w: [3, 4, 5, 6, 7, 8],
    io: ["a.b.s.y", "m.n.op.z", "x.w.s.out"],
  },
  keep: ({ first, second }) => first !== second,
  build: ({ first, second, w, io }) => {
    const [a, b, s, y] = names(io);
    return circuit<{ zero: string; one: string }>({
      ports: [input(a, w), input(b, w), input(s), output(y, w)],
      say: [
        `${y} is ${a}${first}${b} when ${s} is 0, ${a}${second}${b} when ${s} is 1.`,
        `ALU: ${s}=0 gives ${a}${first}${b}, ${s}=1 gives ${a}${second}${b}.`,
        `If ${s} is 1 compute ${a}${second}${b}, else ${a}${first}${b}.`,
      ],
      plan: { zero: first, one: second },
      write: (d) => ({
        think: `${s} high does ${d.one}, low ${d.zero}`,
        code: `assign ${y}=${s}?${a}${d.one}${b}:${a}${d.zero}${b};`,
      }),
      slips: [["swapped", 1, { zero: second, one: first }]],
    });
  },
});

const ALU4 = ["+-&|", "&|^+", "-+^&", "|&+-", "^+-&", "+&|^", "-^+|", "&+|-"] as const;

const alu4 = family({
  name: "alu4",
  theme: "alu",
  difficulty: 0.5,
  slipRate: 0.75,
  grid: { ops: ALU4, w: [3, 4, 5, 6, 7, 8], io: IO2 },
  build: ({ ops, w, io }) => {
    const [a, b, y] = names(io);
    const list = ops.split("");
    return circuit<{ ops: string[] }>({
      ports: [input("op", 2), input(a, w), input(b, w), output(y, w)],
      say: [
        `ALU on ${a}, ${b}: op 0 to 3 is ${list.join(" ")} in turn.`,
        `${y} is ${a} and ${b} combined by op: 0 ${list[0]}, 1 ${list[1]}, 2 ${list[2]}, 3 ${list[3]}.`,
        `Four-function unit, op selects ${list.join(" ")} from 0 up.`,
      ],
      plan: { ops: list },
      write: (d) => {
        const [o0, o1, o2, o3] = d.ops.map((op) => `${a}${op}${b}`);
        return {
          think: `0 ${d.ops[0]}, 1 ${d.ops[1]}, 2 ${d.ops[2]}, 3 ${d.ops[3]}`,
          code: `assign ${y}=op==0?${o0}:op==1?${o1}:op==2?${o2}:${o3};`,
        };
      },
      slips: [
        ["first_two_swapped", 0.75, { ops: [list[1]!, list[0]!, list[2]!, list[3]!] }],
        ["last_two_swapped", 0.25, { ops: [list[0]!, list[1]!, list[3]!, list[2]!] }],
      ],
    });
  },
});

const lookup = family({
  name: "lookup",
  theme: "tables",
  difficulty: 0.4,
  slipRate: 0.7,
  limit: 156,
  grid: {
    v0: [0, 3, 7, 12],
    v1: [1, 5, 8, 14],
    v2: [2, 6, 9, 13],
    v3: [0, 4, 10, 15],
    io: ["a.y", "s.z", "x.out"],
  },
  build: ({ v0, v1, v2, v3, io }) => {
    const [a, y] = names(io);
    return circuit<{ table: number[] }>({
      ports: [input(a, 2), outputReg(y, 4)],
      say: [
        `Table from ${a} to ${y}: 0 ${v0}, 1 ${v1}, 2 ${v2}, 3 ${v3}.`,
        `${a} 0 gives ${v0}, 1 gives ${v1}, 2 gives ${v2}, 3 gives ${v3}.`,
        `Lookup ${y} for ${a}=0,1,2,3: ${v0}, ${v1}, ${v2}, ${v3}.`,
      ],
      plan: { table: [v0, v1, v2, v3] },
      write: (d) => {
        const [t0, t1, t2, t3] = d.table;
        return {
          think: `entries ${d.table.join(" ")}`,
          code: `always @(*)\ncase(${a})\n0:${y}=${t0};\n1:${y}=${t1};\n2:${y}=${t2};\ndefault:${y}=${t3};\nendcase`,
        };
      },
      slips: [
        ["first_two_swapped", 0.75, { table: [v1, v0, v2, v3] }],
        ["last_two_swapped", 0.25, { table: [v0, v1, v3, v2] }],
      ],
    });
  },
});

export const alus = [alu2, alu4, lookup];
