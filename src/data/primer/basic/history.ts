/** Circuits that look back: delay lines, pipelines, edge and sequence detectors. Rising clock edge unless the text says falling. */

import { circuit, family } from "../family.js";
import {
  clocked,
  input,
  names,
  output,
  outputReg,
  RESETS,
  type Reset,
  range,
  resetOf,
  resetSay,
  resetThink,
} from "../verilog.js";

const delay = family({
  name: "delay",
  theme: "pipelines",
  difficulty: 0.3,
  slipRate: 0.5,
  grid: { n: [2, 3], w: [1, 2, 3, 4, 5, 6, 7, 8], edge: ["posedge", "negedge"], io: ["d.q", "a.y", "x.z"] },
  build: ({ n, w, edge, io }) => {
    const [d0, q] = names(io);
    const on = edge === "posedge" ? "rising" : "falling";
    return circuit<{ n: number; edge: string }>({
      ports: [input("clk"), input(d0, w), outputReg(q, w)],
      say: [
        `${q} is ${d0} delayed by ${n} ${on} clock edges.`,
        `Delay line from ${d0} to ${q} with ${n} ${on}-edge registers.`,
        `Register ${d0} ${n} times on the ${on} edge to make ${q}.`,
      ],
      plan: { n, edge },
      write: (d) => {
        const stages = ["s", "t"].slice(0, d.n - 1);
        const chain = [d0, ...stages, q];
        const moves = chain.slice(1).map((name, i) => `${name}<=${chain[i]};`);
        return {
          think: `${d.edge}, ${d.n} registers ${chain.slice(1).join(" ")}`,
          code: `reg ${range(w)}${stages.join(",")};\nalways @(${d.edge} clk)begin\n${moves.join("\n")}\nend`,
        };
      },
      slips: [
        ["wrong_depth", 0.7, { n: n === 2 ? 3 : 2 }],
        ["wrong_edge", 0.3, { edge: edge === "posedge" ? "negedge" : "posedge" }],
      ],
    });
  },
});

const pipeline = family({
  name: "pipeline",
  theme: "pipelines",
  difficulty: 0.4,
  slipRate: 0.35,
  grid: { first: ["+", "-", "&", "|", "^"], k: [1, 3, 5, 6], w: [3, 4, 5, 6, 8], io: ["a.b.y", "m.n.z"] },
  build: ({ first, k, w, io }) => {
    const [a, b, y] = names(io);
    return circuit<{ first: string; staged: boolean }>({
      ports: [input("clk"), input(a, w), input(b, w), outputReg(y, w)],
      say: [
        `Pipeline: s registers ${a}${first}${b}, then ${y} registers s+${k}.`,
        `Two clocked stages: s gets ${a}${first}${b}, ${y} gets s plus ${k}.`,
        `Register ${a}${first}${b} as s, and register s+${k} as ${y} one clock later.`,
      ],
      plan: { first, staged: true },
      write: (d) => ({
        think: `${d.staged ? "two stages" : "one stage"}, ${a}${d.first}${b} then +${k}`,
        code: `reg ${range(w)}s;\nalways @(${d.staged ? "posedge clk" : "*"})\ns${d.staged ? "<" : ""}=${a}${d.first}${b};\nalways @(posedge clk)\n${y}<=s+${k};`,
      }),
      slips: [
        ["one_stage", 0.7, { staged: false }],
        ["operator", 0.3, { first: { "+": "-", "-": "+", "&": "|", "|": "&", "^": "|" }[first] }],
      ],
    });
  },
});

const edgeDetect = family({
  name: "edge_detect",
  theme: "edges",
  difficulty: 0.35,
  slipRate: 0.5,
  grid: {
    kind: ["rising", "falling", "both"],
    rst: ["sync_high", "async_low"],
    w: [1, 2, 3, 4, 6, 8],
    io: ["a.y", "d.z", "x.e", "in.out"],
  },
  build: ({ kind, rst, w, io }) => {
    const [a, y] = names(io);
    const r = resetOf(rst);
    const say = resetSay(r, 0);
    const what = kind === "both" ? "any edge" : `${kind} edges`;
    return circuit<Reset & { kind: string }>({
      ports: [input("clk"), input(r.rst), input(a, w), output(y, w)],
      say: [
        `p stores ${a} each clock; ${y} marks ${what} of ${a} against p; p ${say[0]}.`,
        `Detect ${what} of each bit of ${a} as ${y}, last sample p ${say[1]}.`,
        `${y} is 1 on ${what} from p, the clocked ${a}, to ${a}; ${say[2]}.`,
      ],
      plan: { ...r, kind },
      write: (d) => {
        const test = { rising: `${a}&~p`, falling: `~${a}&p`, both: `${a}^p` }[d.kind];
        return {
          think: `${d.kind} is ${test}, ${resetThink(d)}`,
          code: `reg ${range(w)}p;\n${clocked(d, "p<=0;", `p<=${a};`)}\nassign ${y}=${test};`,
        };
      },
      slips: [["wrong_edge", 1, { kind: kind === "rising" ? "falling" : "rising" }]],
    });
  },
});

const PATTERNS = [
  "100",
  "110",
  "001",
  "011",
  "1000",
  "1100",
  "1110",
  "0001",
  "0011",
  "0111",
  "1011",
  "1101",
  "0010",
  "0100",
] as const;

const sequence = family({
  name: "sequence",
  theme: "sequences",
  difficulty: 0.5,
  slipRate: 0.55,
  grid: { pattern: PATTERNS, rst: RESETS, io: ["d.y", "a.hit", "x.z"] },
  build: ({ pattern, rst, io }) => {
    const [d0, y] = names(io);
    const n = pattern.length;
    const r = resetOf(rst);
    const say = resetSay(r, 0);
    return circuit<Reset & { newest: string }>({
      ports: [input("clk"), input(r.rst), input(d0), output(y)],
      say: [
        `${y} is 1 while the last ${n} clocked ${d0} were ${pattern}, oldest first; history ${say[0]}.`,
        `Detect ${pattern} on ${d0}, oldest bit first, overlapping; register s ${say[1]}.`,
        `s keeps ${n} samples of ${d0}; ${y} if they are ${pattern} in time order; ${say[2]}.`,
      ],
      plan: { ...r, newest: "low" },
      write: (d) => ({
        think: `newest bit ${d.newest}, ${resetThink(d)}`,
        code: `reg ${range(n)}s;\n${clocked(d, "s<=0;", `s<=${d.newest === "low" ? `{s,${d0}}` : `{${d0},s}>>1`};`)}\nassign ${y}=s==${n}'b${pattern};`,
      }),
      slips: [["time_reversed", 1, { newest: "high" }]],
    });
  },
});

export const history = [delay, pipeline, edgeDetect, sequence];
