/** Designs of two modules: the top instantiates a cell that the answer defines too. */

import { family } from "../family.js";
import { bitsFor, block, CLK, inp, out, resetRule, resetStep, rstOf, task } from "../task.js";
import { clocked, names, RESETS, type Reset, range, resetOf } from "../verilog.js";

const ripple = family({
  name: "ripple_cells",
  theme: "hierarchy",
  difficulty: 0.6,
  slipRate: 0.5,
  grid: {
    w: [2, 3, 4, 5, 6, 8],
    op: ["add", "subtract", "either"],
    flag: ["carry", "overflow"],
    cell: ["fa", "full_adder"],
    io: ["a.b.s.co", "x.y.sum.cy"],
  },
  build: ({ w, op, flag, cell, io }) => {
    const [a, b, s, co] = names(io);
    const does = {
      add: `${a}+${b}`,
      subtract: `${a}-${b}`,
      either: `${a}+${b} if sub is 0, ${a}-${b} if sub is 1`,
    }[op];
    const overflow = flag === "overflow";
    return task<{ carry: "majority" | "generate"; first: string }>({
      signals: [
        inp(a, w, "operand"),
        inp(b, w, "operand"),
        ...(op === "either" ? [inp("sub", 1, "subtract")] : []),
        out(s, w, "result"),
        out(co, 1, overflow ? "signed overflow" : "carry out of the top cell"),
      ],
      title: [
        `Ripple-carry ${op === "add" ? "adder" : op === "subtract" ? "subtractor" : "adder and subtractor"} of ${w} bit built from a module ${cell}`,
        `Chain ${w} instances of a one-bit full adder ${cell}`,
        `${w}-bit ripple unit in two modules, top_module and ${cell}`,
      ],
      rules: [
        `define a module ${cell}(input a,input b,input ci,output s,output co), a one-bit full adder, and instantiate it ${w} times in top_module`,
        `${s} is ${does}, modulo ${2 ** w}${op === "add" ? "" : `; subtraction adds the complement of ${b} with a carry in of 1`}`,
        overflow
          ? `${co} is 1 when the two's complement result does not fit: the carries into and out of the top cell differ`
          : `${co} is the carry out of the top cell`,
      ],
      plan: { carry: "majority", first: op === "add" ? "1'b0" : op === "subtract" ? "1'b1" : "sub" },
      write: (d) => ({
        steps: [
          `Carries c[0] to c[${w}]: ${w + 1} wires; c[0] is ${d.first}.`,
          op === "add"
            ? `Cell i adds ${a}[i], ${b}[i], c[i].`
            : `Cell i adds ${a}[i], ${op === "subtract" ? `~${b}[i]` : `${b}[i] xor sub`}, c[i].`,
          `Cell: s is the xor of all three, co is ${d.carry === "majority" ? "the majority of the three" : "a and b, or a and ci"}.`,
          overflow ? `${co} is c[${w}]^c[${w - 1}].` : `${co} is c[${w}].`,
          `Check: cell with a=0, b=1, ci=1: s=0, co=${d.carry === "majority" ? 1 : 0}.`,
        ],
        code: [
          `wire [${w}:0] c;`,
          `assign c[0]=${d.first};`,
          ...Array.from(
            { length: w },
            (_, i) =>
              `${cell} u${i}(${a}[${i}],${op === "add" ? `${b}[${i}]` : op === "subtract" ? `~${b}[${i}]` : `${b}[${i}]^sub`},c[${i}],${s}[${i}],c[${i + 1}]);`,
          ),
          `assign ${co}=${overflow ? `c[${w}]^c[${w - 1}]` : `c[${w}]`};`,
          "endmodule",
          `module ${cell}(input a,input b,input ci,output s,output co);`,
          "assign s=a^b^ci;",
          `assign co=a&b|a&ci${d.carry === "majority" ? "|b&ci" : ""};`,
        ],
      }),
      slips: [
        ["carry_term_missing", 0.6, { carry: "generate" }],
        ["no_carry_in", 0.4, { first: "1'b0" }],
      ],
    });
  },
});

const cascade = family({
  name: "divider_cascade",
  theme: "hierarchy",
  difficulty: 0.7,
  slipRate: 0.55,
  grid: {
    k: [2, 3, 4, 5],
    m: [3, 5, 6, 10],
    shown: ["count", "toggle"],
    rst: RESETS,
    io: ["tick.n", "ce.q"],
  },
  build: ({ k, m, shown, rst, io }) => {
    const [tick, n] = names(io);
    const r = resetOf(rst);
    const [a, b] = [bitsFor(k), bitsFor(m)];
    const toggle = shown === "toggle";
    const sub = toggle ? "flip" : "digit";
    return task<Reset & { k: number; m: number; enable: string }>({
      signals: [
        CLK,
        rstOf(r),
        out(tick, 1, `one clock in ${k}`),
        out(n, toggle ? 1 : b, toggle ? `toggles every ${m} ticks` : `ticks, 0 to ${m - 1}`),
      ],
      title: [
        `Divider by ${k} in a module div that steps a ${toggle ? `toggle of ${m} ticks` : `counter of ${m} values`} in a module ${sub}`,
        `Two modules in a row: div gives one tick in ${k} clocks, ${sub} ${toggle ? `toggles every ${m} ticks` : `counts ticks modulo ${m}`}`,
        `Cascade of div and ${sub}, ${k} clocks and ${m} ticks`,
      ],
      rules: [
        `module div counts clocks 0 to ${k - 1} over and over; its output ${tick} is 1 while the count is ${k - 1}`,
        toggle
          ? `module ${sub} counts ticks 0 to ${m - 1} on clocks with ${tick} 1, and ${n} toggles on the clock that returns its count to 0`
          : `module ${sub} steps ${n} on clocks with ${tick} 1, from 0 to ${m - 1} and back to 0`,
        `top_module only connects the two`,
        resetRule(r, `sets all registers of both modules to 0`),
      ],
      plan: { ...r, k: k - 1, m: m - 1, enable: tick },
      write: (d) => ({
        steps: [
          `div: counter c 0 to ${d.k}, ${a} bit; ${tick} is c==${d.k}: one clock in ${d.k + 1}.`,
          `${sub}: counter 0 to ${d.m}, ${b} bit, steps if en${toggle ? "; the output toggles with the wrap" : ""}.`,
          `Connect en of ${sub} to ${d.enable === tick ? tick : "1"}.`,
          resetStep(d),
          `Check: a full round takes ${d.enable === tick ? `${d.k + 1}*${d.m + 1}` : `${d.m + 1}`} clocks.`,
        ],
        code: [
          `div u0(clk,${r.rst},${tick});`,
          `${sub} u1(clk,${r.rst},${d.enable},${n});`,
          "endmodule",
          `module div(input clk,input ${r.rst},output t);`,
          `reg ${range(a)}c;`,
          clocked(d, "c<=0;", `c<=c==${d.k}?0:c+1;`),
          `assign t=c==${d.k};`,
          "endmodule",
          `module ${sub}(input clk,input ${r.rst},input en,output reg ${toggle ? "y" : `${range(b)}c`});`,
          ...(toggle ? [`reg ${range(b)}c;`] : []),
          clocked(
            d,
            toggle ? block("c<=0;", "y<=0;") : "c<=0;",
            toggle
              ? `if(en)${block(`c<=c==${d.m}?0:c+1;`, `if(c==${d.m})y<=!y;`)}`
              : `if(en)c<=c==${d.m}?0:c+1;`,
          ),
        ],
      }),
      slips: [
        ["divider_one_long", 0.55, { k }],
        ["counter_one_long", 0.25, { m }],
        ["not_enabled", 0.2, { enable: "1'b1" }],
      ],
    });
  },
});

export const hierarchy = [ripple, cascade];
