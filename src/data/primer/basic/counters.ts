/** Counters: direction, enable, load, modulo, saturation. Rising clock edge; they wrap unless the text says otherwise. */

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

const QS = ["q", "cnt", "r"] as const;

const counter = family({
  name: "counter",
  theme: "counters",
  difficulty: 0.25,
  slipRate: 0.5,
  grid: { dir: ["up", "down"], rst: RESETS, w: [2, 3, 4, 5, 6, 7, 8], q: QS },
  build: ({ dir, rst, w, q }) => {
    const r = resetOf(rst);
    const say = resetSay(r, 0);
    return circuit<Reset & { op: string }>({
      ports: [input("clk"), input(r.rst), outputReg(q, w)],
      say: [
        `${q} counts ${dir}; ${say[0]}.`,
        `Free-running ${dir} counter ${q}, ${say[1]}.`,
        `Count ${dir} in ${q}; ${say[2]}.`,
      ],
      plan: { ...r, op: dir === "up" ? "+" : "-" },
      write: (d) => ({
        think: `${resetThink(d)}, ${q}${d.op}1`,
        code: clocked(d, `${q}<=0;`, `${q}<=${q}${d.op}1;`),
      }),
      slips: [
        ["reset_polarity", 0.75, { low: !r.low }],
        ["direction", 0.25, { op: dir === "up" ? "-" : "+" }],
      ],
    });
  },
});

const counterEnable = family({
  name: "counter_enable",
  theme: "counters",
  difficulty: 0.35,
  slipRate: 0.6,
  grid: { dir: ["up", "down"], rst: RESETS, w: [2, 3, 4, 5, 6, 8], io: ["en.q", "ce.cnt", "go.r"] },
  build: ({ dir, rst, w, io }) => {
    const [en, q] = names(io);
    const r = resetOf(rst);
    const say = resetSay(r, 0);
    return circuit<Reset & { op: string; enabled: boolean }>({
      ports: [input("clk"), input(r.rst), input(en), outputReg(q, w)],
      say: [
        `${q} counts ${dir} while ${en} is 1; ${say[0]}.`,
        `${dir} counter ${q} with enable ${en}, ${say[1]}.`,
        `Count ${dir} in ${q} when ${en}; ${say[2]}.`,
      ],
      plan: { ...r, op: dir === "up" ? "+" : "-", enabled: true },
      write: (d) => ({
        think: `${d.enabled ? `only if ${en}` : "always count"}, ${resetThink(d)}, ${q}${d.op}1`,
        code: clocked(d, `${q}<=0;`, `${d.enabled ? `if(${en})` : ""}${q}<=${q}${d.op}1;`),
      }),
      slips: [
        ["no_enable", 0.8, { enabled: false }],
        ["direction", 0.2, { op: dir === "up" ? "-" : "+" }],
      ],
    });
  },
});

const counterLoad = family({
  name: "counter_load",
  theme: "counters",
  difficulty: 0.45,
  slipRate: 0.45,
  grid: { dir: ["up", "down"], rst: RESETS, w: [2, 3, 4, 5, 6, 8], io: ["ld.d.q", "load.a.cnt", "set.x.r"] },
  build: ({ dir, rst, w, io }) => {
    const [ld, d0, q] = names(io);
    const r = resetOf(rst);
    const say = resetSay(r, 0);
    const op = dir === "up" ? "+" : "-";
    return circuit<Reset & { op: string; loadHigh: boolean }>({
      ports: [input("clk"), input(r.rst), input(ld), input(d0, w), outputReg(q, w)],
      say: [
        `${q} loads ${d0} when ${ld} is 1, else counts ${dir}; ${say[0]}.`,
        `Loadable ${dir} counter ${q} (${ld} high takes ${d0}), ${say[1]}.`,
        `Count ${dir} in ${q}; ${ld} high loads ${d0}; ${say[2]}.`,
      ],
      plan: { ...r, op, loadHigh: true },
      write: (d) => ({
        think: `${ld} ${d.loadHigh ? "high" : "low"} loads, ${resetThink(d)}, ${q}${d.op}1`,
        code: clocked(
          d,
          `${q}<=0;`,
          `if(${d.loadHigh ? "" : "!"}${ld})${q}<=${d0};\nelse ${q}<=${q}${d.op}1;`,
        ),
      }),
      slips: [
        ["load_polarity", 0.7, { loadHigh: false }],
        ["direction", 0.3, { op: dir === "up" ? "-" : "+" }],
      ],
    });
  },
});

const counterMod = family({
  name: "counter_modulo",
  theme: "counters",
  difficulty: 0.4,
  slipRate: 0.7,
  grid: { rst: RESETS, w: [4, 5, 6], k: [5, 6, 9, 10, 11, 12, 13], q: QS },
  build: ({ rst, w, k, q }) => {
    const r = resetOf(rst);
    const say = resetSay(r, 0);
    return circuit<Reset & { test: string }>({
      ports: [input("clk"), input(r.rst), outputReg(q, w)],
      say: [
        `${q} counts 0 up to ${k}, then 0 again; ${say[0]}.`,
        `Up counter ${q} whose last value is ${k}, ${say[1]}.`,
        `${q} counts up and wraps to 0 after ${k}; ${say[2]}.`,
      ],
      plan: { ...r, test: "==" },
      write: (d) => ({
        think: `wrap if ${q}${d.test}${k}, ${resetThink(d)}`,
        code: clocked(d, `${q}<=0;`, `${q}<=${q}${d.test}${k}?0:${q}+1;`),
      }),
      slips: [
        ["one_late", 0.8, { test: ">" }],
        ["reset_polarity", 0.2, { low: !r.low }],
      ],
    });
  },
});

const counterSaturating = family({
  name: "counter_saturating",
  theme: "saturation",
  difficulty: 0.4,
  slipRate: 0.3,
  grid: {
    rst: ["sync_high", "sync_low", "async_high"],
    w: [4, 5, 6],
    k: [5, 6, 9, 10, 11, 12],
    io: ["en.q", "hit.cnt"],
  },
  build: ({ rst, w, k, io }) => {
    const [en, q] = names(io);
    const r = resetOf(rst);
    const say = resetSay(r, 0);
    return circuit<Reset & { test: string }>({
      ports: [input("clk"), input(r.rst), input(en), outputReg(q, w)],
      say: [
        `${q} counts up when ${en} is 1 and stops at ${k}; ${say[0]}.`,
        `Saturating up counter ${q}, enable ${en}, maximum ${k}, ${say[1]}.`,
        `Count ${en} cycles in ${q}, never beyond ${k}; ${say[2]}.`,
      ],
      plan: { ...r, test: "<" },
      write: (d) => ({
        think: `while ${q}${d.test}${k}, ${resetThink(d)}`,
        code: clocked(d, `${q}<=0;`, `if(${en}&&${q}${d.test}${k})${q}<=${q}+1;`),
      }),
      slips: [
        ["one_too_far", 0.8, { test: "<=" }],
        ["reset_polarity", 0.2, { low: !r.low }],
      ],
    });
  },
});

const updown = family({
  name: "counter_updown",
  theme: "counters",
  difficulty: 0.35,
  slipRate: 0.4,
  grid: { rst: RESETS, high: ["up", "down"], w: [2, 3, 4, 5, 6, 7, 8], io: ["dir.q", "s.cnt", "m.r"] },
  build: ({ rst, high, w, io }) => {
    const [dir, q] = names(io);
    const r = resetOf(rst);
    const say = resetSay(r, 0);
    const low = high === "up" ? "down" : "up";
    return circuit<Reset & { up: boolean }>({
      ports: [input("clk"), input(r.rst), input(dir), outputReg(q, w)],
      say: [
        `${q} counts ${high} when ${dir} is 1, ${low} when 0; ${say[0]}.`,
        `Two-way counter ${q}: ${dir}=1 counts ${high}, ${dir}=0 ${low}, ${say[1]}.`,
        `Count in ${q}, ${dir} high ${high} and low ${low}; ${say[2]}.`,
      ],
      plan: { ...r, up: high === "up" },
      write: (d) => ({
        think: `${dir} high ${d.up ? "+" : "-"}1, ${resetThink(d)}`,
        code: clocked(d, `${q}<=0;`, `${q}<=${dir}?${q}${d.up ? "+" : "-"}1:${q}${d.up ? "-" : "+"}1;`),
      }),
      slips: [["swapped", 1, { up: high !== "up" }]],
    });
  },
});

const step = family({
  name: "counter_step",
  theme: "counters",
  difficulty: 0.3,
  slipRate: 0.25,
  grid: { dir: ["up", "down"], rst: RESETS, w: [4, 5, 6, 8], k: [2, 3, 5, 6, 7], q: ["q", "cnt"] },
  build: ({ dir, rst, w, k, q }) => {
    const r = resetOf(rst);
    const say = resetSay(r, 0);
    return circuit<Reset & { k: number }>({
      ports: [input("clk"), input(r.rst), outputReg(q, w)],
      say: [
        `${q} counts ${dir} by ${k}; ${say[0]}.`,
        `${dir} counter ${q} in steps of ${k}, ${say[1]}.`,
        `Each clock ${q} goes ${dir} by ${k}; ${say[2]}.`,
      ],
      plan: { ...r, k },
      write: (d) => {
        const change = `${dir === "up" ? "+" : "-"}${d.k}`;
        return {
          think: `step ${d.k}, ${resetThink(d)}, ${q}${change}`,
          code: clocked(d, `${q}<=0;`, `${q}<=${q}${change};`),
        };
      },
      slips: [["step_of_one", 1, { k: 1 }]],
    });
  },
});

export const counters = [counter, counterEnable, counterLoad, counterMod, counterSaturating, updown, step];
