/** Shift registers, rings and linear-feedback shift registers. Rising clock edge. */

import { circuit, family } from "../family.js";
import {
  clocked,
  input,
  names,
  outputReg,
  RESETS,
  type Reset,
  resetOf,
  resetSay,
  resetThink,
} from "../verilog.js";

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

export const shifts = [shiftIn, shiftLoad, ring, lfsr, galois];
