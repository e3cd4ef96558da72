/** Registers and flip-flops, accumulators and trackers. Rising clock edge unless the text says falling. */

import { circuit, family } from "../family.js";
import {
  clocked,
  IO1,
  input,
  names,
  outputReg,
  RESETS,
  type Reset,
  resetOf,
  resetSay,
  resetThink,
} from "../verilog.js";

const register = family({
  name: "register",
  theme: "registers",
  difficulty: 0.3,
  slipRate: 0.5,
  grid: { rst: RESETS, k: [0, 1, 5, 9, 10, 12], w: [4, 5, 6, 8], io: ["en.d.q", "ce.a.y", "we.x.r"] },
  build: ({ rst, k, w, io }) => {
    const [en, d0, q] = names(io);
    const r = resetOf(rst);
    const say = resetSay(r, k);
    return circuit<Reset & { k: number; enabled: boolean }>({
      ports: [input("clk"), input(r.rst), input(en), input(d0, w), outputReg(q, w)],
      say: [
        `${q} takes ${d0} when ${en} is 1; ${say[0]}.`,
        `Register ${q} for ${d0} with enable ${en}, ${say[1]}.`,
        `Load ${d0} into ${q} if ${en}; ${say[2]}.`,
      ],
      plan: { ...r, k, enabled: true },
      write: (d) => ({
        think: `${resetThink(d)} to ${d.k}, ${d.enabled ? `if ${en}` : "always"}`,
        code: clocked(d, `${q}<=${d.k};`, `${d.enabled ? `if(${en})` : ""}${q}<=${d0};`),
      }),
      slips: [
        ["sync_async", 0.65, { sync: !r.sync }],
        ["no_enable", 0.35, { enabled: false }],
      ],
    });
  },
});

const flipflop = family({
  name: "flipflop",
  theme: "registers",
  difficulty: 0.1,
  slipRate: 0.45,
  grid: { edge: ["rising", "falling"], w: [1, 2, 3, 4, 5, 6, 7, 8], inv: [0, 1], io: ["d.q", "a.y", "x.r"] },
  build: ({ edge, w, inv, io }) => {
    const [d0, q] = names(io);
    const what = inv ? `not ${d0}` : d0;
    return circuit<{ edge: string }>({
      ports: [input("clk"), input(d0, w), outputReg(q, w)],
      say: [
        `${q} takes ${what} on each ${edge} clock edge.`,
        `Store ${what} in ${q} on the ${edge} edge of clk.`,
        `${edge}-edge flip-flop: ${q} gets ${what}.`,
      ],
      plan: { edge },
      write: (d) => {
        const verilog = d.edge === "rising" ? "posedge" : "negedge";
        return { think: `${verilog} clk`, code: `always @(${verilog} clk)\n${q}<=${inv ? "~" : ""}${d0};` };
      },
      slips: [["wrong_edge", 1, { edge: edge === "rising" ? "falling" : "rising" }]],
    });
  },
});

const toggle = family({
  name: "toggle",
  theme: "registers",
  difficulty: 0.25,
  slipRate: 0.35,
  grid: { rst: RESETS, w: [1, 2, 3, 4, 5, 6, 7, 8], io: ["t.q", "en.y", "a.r", "s.out"] },
  build: ({ rst, w, io }) => {
    const [t, q] = names(io);
    const r = resetOf(rst);
    const say = resetSay(r, 0);
    return circuit<Reset & { next: string }>({
      ports: [input("clk"), input(r.rst), input(t, w), outputReg(q, w)],
      say: [
        `${q} toggles bit by bit where ${t} is 1; ${say[0]}.`,
        `T flip-flops ${q} driven by ${t}, ${say[1]}.`,
        `Each 1 bit of ${t} flips its bit of ${q}; ${say[2]}.`,
      ],
      plan: { ...r, next: `${q}^${t}` },
      write: (d) => ({
        think: `next ${d.next}, ${resetThink(d)}`,
        code: clocked(d, `${q}<=0;`, `${q}<=${d.next};`),
      }),
      slips: [
        ["always_toggles", 0.7, { next: `~${q}` }],
        ["reset_polarity", 0.3, { low: !r.low }],
      ],
    });
  },
});

const setClear = family({
  name: "set_clear",
  theme: "registers",
  difficulty: 0.4,
  slipRate: 0.8,
  grid: {
    wins: ["set", "clear"],
    rst: RESETS,
    w: [1, 2, 4],
    io: ["s.c.q", "on.off.y", "set.clr.r", "up.dn.f"],
  },
  build: ({ wins, rst, w, io }) => {
    const [s, c, q] = names(io);
    const r = resetOf(rst);
    const say = resetSay(r, 0);
    const winner = wins === "set" ? s : c;
    const each = w === 1 ? "" : " bit by bit";
    return circuit<Reset & { wins: string }>({
      ports: [input("clk"), input(r.rst), input(s, w), input(c, w), outputReg(q, w)],
      say: [
        `Clocked: ${s} sets ${q}, ${c} clears it${each}, ${winner} wins; ${say[0]}.`,
        `Flag ${q}: set by ${s}, cleared by ${c}${each}, ${winner} has priority, ${say[1]}.`,
        `${q} is set by ${s} and cleared by ${c}${each}, ${winner} winning; ${say[2]}.`,
      ],
      plan: { ...r, wins },
      write: (d) => ({
        think: `${d.wins === "set" ? s : c} wins, ${resetThink(d)}`,
        code: clocked(d, `${q}<=0;`, `${q}<=${d.wins === "set" ? `${q}&~${c}|${s}` : `(${q}|${s})&~${c}`};`),
      }),
      slips: [["wrong_priority", 1, { wins: wins === "set" ? "clear" : "set" }]],
    });
  },
});

const accumulate = family({
  name: "accumulate",
  theme: "datapath",
  difficulty: 0.35,
  slipRate: 0.3,
  grid: { op: ["+", "-", "^", "|"], rst: RESETS, w: [3, 4, 5, 6, 8], io: ["en.d.q", "ce.a.acc"] },
  build: ({ op, rst, w, io }) => {
    const [en, d0, q] = names(io);
    const r = resetOf(rst);
    const say = resetSay(r, 0);
    return circuit<Reset & { keep: boolean; enabled: boolean }>({
      ports: [input("clk"), input(r.rst), input(en), input(d0, w), outputReg(q, w)],
      say: [
        `${q} becomes ${q}${op}${d0} when ${en} is 1; ${say[0]}.`,
        `Accumulator ${q}${op}${d0} with enable ${en}, ${say[1]}.`,
        `If ${en}, accumulate ${d0} into ${q} by ${op}; ${say[2]}.`,
      ],
      plan: { ...r, keep: true, enabled: true },
      write: (d) => ({
        think: `${d.enabled ? `if ${en}` : "always"} ${d.keep ? `${q}${op}${d0}` : d0}, ${resetThink(d)}`,
        code: clocked(
          d,
          `${q}<=0;`,
          `${d.enabled ? `if(${en})` : ""}${q}<=${d.keep ? `${q}${op}` : ""}${d0};`,
        ),
      }),
      slips: [
        ["no_enable", 0.7, { enabled: false }],
        ["no_accumulation", 0.3, { keep: false }],
      ],
    });
  },
});

const tracker = family({
  name: "tracker",
  theme: "datapath",
  difficulty: 0.4,
  slipRate: 0.6,
  grid: {
    kind: ["largest", "smallest"],
    rst: RESETS,
    w: [3, 4, 5, 6, 7, 8],
    io: [...IO1.slice(0, 2), "d.q"],
  },
  build: ({ kind, rst, w, io }) => {
    const [d0, q] = names(io);
    const r = resetOf(rst);
    const start = kind === "largest" ? 0 : 2 ** w - 1;
    const say = resetSay(r, start);
    return circuit<Reset & { op: string }>({
      ports: [input("clk"), input(r.rst), input(d0, w), outputReg(q, w)],
      say: [
        `${q} holds the ${kind} unsigned ${d0} so far; ${say[0]}.`,
        `Track the ${kind} ${d0} seen in ${q}, unsigned, ${say[1]}.`,
        `Keep the ${kind} unsigned ${d0} in ${q}; ${say[2]}.`,
      ],
      plan: { ...r, op: kind === "largest" ? ">" : "<" },
      write: (d) => ({
        think: `take ${d0} if ${d0}${d.op}${q}, ${resetThink(d)}`,
        code: clocked(d, `${q}<=${start};`, `if(${d0}${d.op}${q})${q}<=${d0};`),
      }),
      slips: [
        ["sync_async", 0.6, { sync: !r.sync }],
        ["direction", 0.4, { op: kind === "largest" ? "<" : ">" }],
      ],
    });
  },
});

export const registers = [register, flipflop, toggle, setClear, accumulate, tracker];
