/** Arithmetic over several clocks: multiplier, divider, pipelines with valid bits. Rising clock edge. */

import { family } from "../family.js";
import { bitsFor, block, CLK, inp, out, outReg, resetRule, resetStep, rstOf, task } from "../task.js";
import { clocked, names, RESETS, type Reset, range, resetOf } from "../verilog.js";

const multiplier = family({
  name: "shift_multiplier",
  theme: "multicycle",
  difficulty: 0.8,
  slipRate: 0.55,
  grid: { w: [3, 4, 5, 6, 8], add: [0, 1], rst: RESETS, io: ["a.b.p", "e.f.prod", "g.h.z"] },
  build: ({ w, add, rst, io }) => {
    const [a, b, p] = names(io);
    const r = resetOf(rst);
    const c = bitsFor(w);
    const wide = 2 * w;
    return task<Reset & { steps: number; wide: number; start: string }>({
      signals: [
        CLK,
        rstOf(r),
        inp("start", 1, "begins when not busy"),
        inp(a, w, "factor"),
        inp(b, w, "factor"),
        ...(add ? [inp("c", w, "summand")] : []),
        out(p, wide, "result, 0 while busy"),
        out("busy", 1, "working"),
        outReg("done", 1, "pulse at the end"),
      ],
      title: [
        `Sequential ${w} by ${w} bit multiplier, one partial product a clock`,
        `Multiply two unsigned ${w}-bit numbers by shifting and adding`,
        `Shift-and-add multiplier for ${w} bits`,
      ],
      rules: [
        `start with busy 0 takes ${a}${add ? `, ${b} and c` : ` and ${b}`}; start while busy is ignored`,
        `busy is 1 for exactly the ${w} clocks that follow; done is 1 for one clock, the first with busy 0 again`,
        `${p} is 0 while busy, then ${add ? `${a}*${b}+c` : `${a}*${b}`} until the next start is taken, modulo 2^${wide}`,
        resetRule(r, `stops the work and sets ${p} and done to 0`),
      ],
      plan: { ...r, steps: w, wide, start: add ? "c" : "0" },
      write: (d) => ({
        steps: [
          `One bit of ${b} a clock: ${d.steps} steps, counter n from ${d.steps} to 0, ${c} bit; busy is n!=0.`,
          `x holds ${a} and moves left, so it needs ${d.wide} bit; y holds ${b} and moves right.`,
          `Each step adds x to the sum s if y[0]; s starts at ${d.start}.`,
          "done becomes 1 on the last step, n==1, and 0 on other clocks.",
          resetStep(d),
          `Check: start at clock 0: busy for ${d.steps} clocks, then done.`,
        ],
        code: [
          `reg ${range(d.wide)}x;`,
          `reg ${range(w)}y;`,
          `reg ${range(wide)}s;`,
          `reg ${range(c)}n;`,
          "assign busy=n!=0;",
          `assign ${p}=busy?0:s;`,
          clocked(
            d,
            block("x<=0;", "y<=0;", "s<=0;", "n<=0;", "done<=0;"),
            block(
              "done<=n==1;",
              `if(busy)${block("if(y[0])s<=s+x;", "x<=x<<1;", "y<=y>>1;", "n<=n-1;")}`,
              `else if(start)${block(`x<=${a};`, `y<=${b};`, `s<=${d.start};`, `n<=${d.steps};`)}`,
            ),
          ),
        ],
      }),
      slips: [
        ["one_step_short", 0.6, { steps: w - 1 }],
        ["narrow_operand", 0.25, { wide: w }],
        ["summand_forgotten", 0.15, { start: "0" }],
      ],
    });
  },
});

const divider = family({
  name: "serial_divider",
  theme: "multicycle",
  difficulty: 0.9,
  slipRate: 0.6,
  grid: {
    w: [3, 4, 5, 6, 8],
    shown: ["both", "quotient", "remainder"],
    rst: RESETS,
    io: ["a.b.q.r", "num.den.quo.rem"],
  },
  build: ({ w, shown, rst, io }) => {
    const [a, b, q, rem] = names(io);
    const r = resetOf(rst);
    const c = bitsFor(w);
    const quotient = shown !== "remainder";
    const rest = shown !== "quotient";
    return task<Reset & { steps: number; test: string }>({
      signals: [
        CLK,
        rstOf(r),
        inp("start", 1, "begins when not busy"),
        inp(a, w, "dividend"),
        inp(b, w, "divisor"),
        ...(quotient ? [out(q, w, "quotient, 0 while busy")] : []),
        ...(rest ? [out(rem, w, "remainder, 0 while busy")] : []),
        out("busy", 1, "working"),
        outReg("done", 1, "pulse at the end"),
      ],
      title: [
        `Sequential divider for unsigned ${w}-bit numbers, one bit a clock`,
        `Divide ${a} by ${b}, ${w} bit each, by restoring division`,
        `Restoring divider, ${w} bits, ${shown === "both" ? "quotient and remainder" : `${shown} only`}`,
      ],
      rules: [
        `start with busy 0 takes ${a} and ${b}; start while busy is ignored`,
        `busy is 1 for exactly the ${w} clocks that follow; done is 1 for one clock, the first with busy 0 again`,
        `then ${quotient ? `${q} is the quotient` : ""}${quotient && rest ? " and " : ""}${rest ? `${rem} the remainder` : ""} of ${a} by ${b} until the next start is taken`,
        `division by 0 gives ${quotient ? "a quotient of all ones" : ""}${quotient && rest ? " and " : ""}${rest ? `a remainder of ${a}` : ""}`,
        resetRule(
          r,
          `stops the work and sets ${quotient ? q : ""}${quotient && rest ? ", " : ""}${rest ? rem : ""} and done to 0`,
        ),
      ],
      plan: { ...r, steps: w, test: ">=" },
      write: (d) => ({
        steps: [
          `One quotient bit a clock: ${d.steps} steps, counter n from ${d.steps} to 0, ${c} bit; busy is n!=0.`,
          `t is the remainder with the next dividend bit below it: ${w + 1} bit.`,
          `If t${d.test}v, the divisor, subtract and the bit is 1; else keep t and the bit is 0.`,
          "x moves left to bring the next dividend bit to the top.",
          resetStep(d),
          `Check: t equal to v: ${d.test === ">=" ? "subtract, remainder 0" : "not subtracted"}.`,
        ],
        code: [
          `reg ${range(w)}x,v,m${quotient ? ",z" : ""};`,
          `reg ${range(c)}n;`,
          `wire [${w}:0] t={m,x[${w - 1}]};`,
          `wire e=t${d.test}v;`,
          "assign busy=n!=0;",
          ...(quotient ? [`assign ${q}=busy?0:z;`] : []),
          ...(rest ? [`assign ${rem}=busy?0:m;`] : []),
          clocked(
            d,
            block("x<=0;", "v<=0;", "m<=0;", ...(quotient ? ["z<=0;"] : []), "n<=0;", "done<=0;"),
            block(
              "done<=n==1;",
              `if(busy)${block("m<=e?t-v:t;", ...(quotient ? [`z<={z[${w - 2}:0],e};`] : []), "x<=x<<1;", "n<=n-1;")}`,
              `else if(start)${block(`x<=${a};`, `v<=${b};`, "m<=0;", ...(quotient ? ["z<=0;"] : []), `n<=${d.steps};`)}`,
            ),
          ),
        ],
      }),
      slips: [
        ["strict_test", 0.6, { test: ">" }],
        ["one_step_short", 0.3, { steps: w - 1 }],
        ["reset_polarity", 0.1, { low: !r.low }],
      ],
    });
  },
});

const OPS = { add: "+", subtract: "-", multiply: "*" } as const;
type Op = keyof typeof OPS;

const pipeline = family({
  name: "pipelined_pair",
  theme: "multicycle",
  difficulty: 0.65,
  slipRate: 0.55,
  grid: {
    first: ["multiply", "add", "subtract"],
    second: ["add", "subtract", "multiply"],
    w: [4, 6, 8],
    stall: [0, 1],
    rst: RESETS,
    io: ["a.b.c.y", "p.q.r.res"],
  },
  keep: ({ first, second }) => first !== second,
  build: ({ first, second, w, stall, rst, io }) => {
    const [a, b, c, y] = names(io);
    const r = resetOf(rst);
    const wide = 2 * w;
    const op = (o: Op) => OPS[o];
    return task<Reset & { aligned: boolean; both: boolean; stall: boolean }>({
      signals: [
        CLK,
        rstOf(r),
        ...(stall ? [inp("en", 1, "0 holds the whole pipeline")] : []),
        inp("vin", 1, "operands are valid"),
        inp(a, w, "operand"),
        inp(b, w, "operand"),
        inp(c, w, "operand"),
        outReg("vout", 1, `${y} is valid`),
        outReg(y, wide, "result"),
      ],
      title: [
        `Two-stage pipeline: ${first} ${a} and ${b}, then ${second} ${c}`,
        `Compute (${a}${op(first)}${b})${op(second)}${c} in a pipeline of two stages`,
        `Pipelined ${first}-${second} unit for ${w}-bit operands`,
      ],
      rules: [
        `stage 1 registers ${a}${op(first)}${b}, stage 2 registers that ${op(second)} the ${c} that came with it; everything unsigned modulo 2^${wide}`,
        `a result appears on ${y} two clocks after its operands, and vout is vin two clocks late`,
        "the data move whether or not they are valid",
        ...(stall ? ["with en 0 no register changes"] : []),
        resetRule(r, "sets every register of the pipeline to 0"),
      ],
      plan: { ...r, aligned: true, both: true, stall: stall === 1 },
      write: (d) => ({
        steps: [
          `Result ${wide} bit. Stage 1: m is ${a}${op(first)}${b}, ${wide} bit. Stage 2: ${y} is m${op(second)}${d.aligned ? "k" : c}.`,
          d.aligned ? `${c} must wait one clock too: register k.` : `${c} is used in stage 2 as it comes.`,
          d.both
            ? "The valid bit passes two registers: v, then vout."
            : "The valid bit passes one register: vout.",
          ...(stall ? [d.stall ? "en guards all of them." : "en is not needed."] : []),
          resetStep(d),
          `Check: vin at clock 0 gives vout after ${d.both ? 2 : 1} clock${d.both ? "s" : ""}.`,
        ],
        code: [
          `reg ${range(wide)}m;`,
          ...(d.aligned ? [`reg ${range(w)}k;`] : []),
          ...(d.both ? ["reg v;"] : []),
          clocked(
            d,
            block(
              "m<=0;",
              ...(d.aligned ? ["k<=0;"] : []),
              ...(d.both ? ["v<=0;"] : []),
              "vout<=0;",
              `${y}<=0;`,
            ),
            `${d.stall ? "if(en)" : ""}${block(
              `m<=${a}${op(first)}${b};`,
              ...(d.aligned ? [`k<=${c};`] : []),
              `${y}<=m${op(second)}${d.aligned ? "k" : c};`,
              ...(d.both ? ["v<=vin;", "vout<=v;"] : ["vout<=vin;"]),
            )}`,
          ),
        ],
      }),
      slips: [
        ["operand_not_delayed", 0.6, { aligned: false }],
        ["valid_one_early", 0.25, { both: false }],
        ["no_stall", 0.15, { stall: false }],
      ],
    });
  },
});

export const multicycle = [multiplier, divider, pipeline];
