/** Shift registers, rings, linear-feedback registers and delay lines. Rising clock edge. */

import { circuit, family } from "./family.js";
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
} from "./verilog.js";

const shiftIn = family({
  name: "shift_in",
  theme: "shifts",
  difficulty: 0.35,
  slipRate: 0.6,
  grid: { way: ["left", "right"], rst: RESETS, w: [2, 3, 4, 5, 6, 7, 8], io: ["d.q", "si.r", "a.y"] },
  build: ({ way, rst, w, io }) => {
    const [d0, q] = names(io);
    const r = resetOf(rst);
    const say = resetSay(r, 0);
    const end = way === "left" ? "bottom" : "top";
    return circuit<Reset & { way: string }>({
      ports: [input("clk"), input(r.rst), input(d0), outputReg(q, w)],
      say: [
        `${q} shifts ${way}, ${d0} enters at the ${end}; ${say[0]}.`,
        `Shift register ${q} moving ${way} with serial input ${d0}, ${say[1]}.`,
        `Shift ${d0} into the ${end} of ${q}; ${say[2]}.`,
      ],
      plan: { ...r, way },
      write: (d) => ({
        think: `${d.way}, ${resetThink(d)}`,
        code: clocked(d, `${q}<=0;`, `${q}<=${d.way === "left" ? `{${q},${d0}}` : `{${d0},${q}}>>1`};`),
      }),
      slips: [["direction", 1, { way: way === "left" ? "right" : "left" }]],
    });
  },
});

const NEXT = {
  "shifts left": (q: string) => `${q}<<1`,
  "shifts right": (q: string) => `${q}>>1`,
  "rotates left": (q: string, w: number) => `{${q},${q}[${w - 1}]}`,
  "rotates right": (q: string) => `{${q}[0],${q}}>>1`,
} as const;

const shiftLoad = family({
  name: "shift_load",
  theme: "shifts",
  difficulty: 0.45,
  slipRate: 0.5,
  grid: {
    act: ["shifts left", "shifts right", "rotates left", "rotates right"],
    rst: ["sync_high", "async_low"],
    w: [3, 4, 5, 6, 7, 8],
    io: ["ld.d.q", "load.a.r", "set.x.y"],
  },
  build: ({ act, rst, w, io }) => {
    const [ld, d0, q] = names(io);
    const r = resetOf(rst);
    const say = resetSay(r, 0);
    const confused = {
      "shifts left": "rotates left",
      "shifts right": "rotates right",
      "rotates left": "shifts left",
      "rotates right": "shifts right",
    } as const;
    const opposite = {
      "shifts left": "shifts right",
      "shifts right": "shifts left",
      "rotates left": "rotates right",
      "rotates right": "rotates left",
    } as const;
    return circuit<Reset & { act: keyof typeof NEXT }>({
      ports: [input("clk"), input(r.rst), input(ld), input(d0, w), outputReg(q, w)],
      say: [
        `${q} loads ${d0} when ${ld} is 1, else ${act} by 1; ${say[0]}.`,
        `Register ${q} that ${act} by one each clock, ${ld} loads ${d0}, ${say[1]}.`,
        `If ${ld}, ${q} takes ${d0}; else it ${act} once; ${say[2]}.`,
      ],
      plan: { ...r, act },
      write: (d) => ({
        think: `${d.act}, ${resetThink(d)}`,
        code: clocked(d, `${q}<=0;`, `if(${ld})${q}<=${d0};\nelse ${q}<=${NEXT[d.act](q, w)};`),
      }),
      slips: [
        ["shift_for_rotate", 0.7, { act: confused[act] }],
        ["direction", 0.3, { act: opposite[act] }],
      ],
    });
  },
});

const ring = family({
  name: "ring",
  theme: "counters",
  difficulty: 0.4,
  slipRate: 0.55,
  grid: {
    kind: ["ring", "Johnson"],
    way: ["left", "right"],
    rst: RESETS,
    w: [3, 4, 5, 6],
    q: ["q", "r", "y"],
  },
  build: ({ kind, way, rst, w, q }) => {
    const r = resetOf(rst);
    const start = kind === "ring" ? 1 : 0;
    const say = resetSay(r, start);
    return circuit<Reset & { way: string }>({
      ports: [input("clk"), input(r.rst), outputReg(q, w)],
      say: [
        `${kind} counter ${q} rotating ${way}${kind === "ring" ? "" : ", inverting the bit that wraps"}; ${say[0]}.`,
        `${q} is a ${kind} counter that moves ${way}, ${say[1]}.`,
        `${kind} counter in ${q} to the ${way}; ${say[2]}.`,
      ],
      plan: { ...r, way },
      write: (d) => {
        const invert = kind === "ring" ? "" : "~";
        const next = d.way === "left" ? `{${q},${invert}${q}[${w - 1}]}` : `{${invert}${q}[0],${q}}>>1`;
        return {
          think: `${d.way}${invert && ", inverted"}, ${resetThink(d)} to ${start}`,
          code: clocked(d, `${q}<=${start};`, `${q}<=${next};`),
        };
      },
      slips: [["direction", 1, { way: way === "left" ? "right" : "left" }]],
    });
  },
});

const TAPS = ["2.1", "3.2", "2.0", "3.1", "1.0", "3.0"] as const;

const lfsr = family({
  name: "lfsr",
  theme: "lfsr",
  difficulty: 0.45,
  slipRate: 0.6,
  grid: { taps: TAPS, rst: RESETS, w: [4, 5, 6, 7, 8], q: ["q", "r"] },
  build: ({ taps, rst, w, q }) => {
    const [hi, lo] = names(taps);
    const r = resetOf(rst);
    const say = resetSay(r, 1);
    return circuit<Reset & { start: number; op: string }>({
      ports: [input("clk"), input(r.rst), outputReg(q, w)],
      say: [
        `${q} shifts left, ${q}[${hi}] xor ${q}[${lo}] enters at the bottom; ${say[0]}.`,
        `LFSR ${q} shifting left with taps ${hi} and ${lo}, ${say[1]}.`,
        `Left-shifting LFSR ${q}, feedback from bits ${hi} and ${lo} by xor; ${say[2]}.`,
      ],
      plan: { ...r, start: 1, op: "^" },
      write: (d) => ({
        think: `starts at ${d.start}, ${resetThink(d)}, taps ${hi}${d.op}${lo}`,
        code: clocked(d, `${q}<=${d.start};`, `${q}<={${q},${q}[${hi}]${d.op}${q}[${lo}]};`),
      }),
      slips: [
        ["stuck_at_zero", 0.75, { start: 0 }],
        ["wrong_feedback", 0.25, { op: "~^" }],
      ],
    });
  },
});

const galois = family({
  name: "lfsr_galois",
  theme: "lfsr",
  difficulty: 0.45,
  slipRate: 0.4,
  grid: { way: ["right", "left"], k: [3, 5, 6, 9, 11, 12], rst: RESETS, w: [4, 5, 6] },
  build: ({ way, k, rst, w }) => {
    const q = "q";
    const r = resetOf(rst);
    const say = resetSay(r, 1);
    const bit = way === "right" ? 0 : w - 1;
    return circuit<Reset & { way: string }>({
      ports: [input("clk"), input(r.rst), outputReg(q, w)],
      say: [
        `${q} shifts ${way} by 1, and xors ${k} in if ${q}[${bit}] was 1; ${say[0]}.`,
        `Galois LFSR ${q} shifting ${way}, mask ${k} applied when the old ${q}[${bit}] is 1, ${say[1]}.`,
        `Shift ${q} ${way}; if its old bit ${bit} is 1 xor with ${k}; ${say[2]}.`,
      ],
      plan: { ...r, way },
      write: (d) => {
        const shift = `${q}${d.way === "right" ? ">>" : "<<"}1`;
        return {
          think: `${d.way}, ${resetThink(d)}, ^${k} if ${q}[${bit}]`,
          code: clocked(d, `${q}<=1;`, `${q}<=${q}[${bit}]?(${shift})^${k}:${shift};`),
        };
      },
      slips: [["direction", 1, { way: way === "right" ? "left" : "right" }]],
    });
  },
});

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

export const shifts = [shiftIn, shiftLoad, ring, lfsr, galois, delay, pipeline, edgeDetect, sequence];
