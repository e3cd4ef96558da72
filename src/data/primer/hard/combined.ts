/** Two taught families of the hard level composed in one module. Test split only; the teacher never shows one. */

import { family } from "../family.js";
import { bitsFor, block, CLK, inp, out, outReg, resetRule, resetStep, rstOf, task } from "../task.js";
import { clocked, RESETS, range, resetOf } from "../verilog.js";

const MIXED = { theme: "combinations", role: "combination", slipRate: 0, limit: 12 } as const;

const arbiterData = family({
  ...MIXED,
  name: "arbiter_data",
  difficulty: 0.7,
  grid: { n: [2, 3, 4], first: ["lowest", "highest"], w: [4, 8], rst: RESETS },
  build: ({ n, first, w, rst }) => {
    const r = resetOf(rst);
    const up = Array.from({ length: n }, (_, i) => i);
    const order = first === "lowest" ? up : [...up].reverse();
    return task({
      signals: [
        CLK,
        rstOf(r),
        inp("req", n, "requests"),
        inp("d", n * w, `one word of ${w} bit for each requester, requester 0 lowest`),
        outReg("gnt", n, "grant"),
        outReg("q", w, "word of the winner"),
      ],
      title: [
        `Arbiter for ${n} requesters that also stores the winner's word`,
        `Choose one of ${n} words of ${w} bit by fixed priority, on the clock`,
        `Fixed-priority word selector, ${n} sources`,
      ],
      rules: [
        `each clock gnt takes the request with the ${first} index as a one-hot value, 0 when there is none`,
        "on the same clock q takes the winner's word; without a request it keeps its value",
        resetRule(r, "sets gnt and q to 0"),
      ],
      plan: r,
      write: (p) => ({
        steps: [`Priority ${order.join(", ")}.`, `Word i is d from bit ${w}*i, ${w} bits.`, resetStep(p)],
        code: [
          clocked(
            p,
            block("gnt<=0;", "q<=0;"),
            block(
              `gnt<=${order.map((i) => `req[${i}]?${2 ** i}:`).join("")}0;`,
              `q<=${order.map((i) => `req[${i}]?d[${w * (i + 1) - 1}:${w * i}]:`).join("")}q;`,
            ),
          ),
        ],
      }),
      slips: [],
    });
  },
});

const checkedFrame = family({
  ...MIXED,
  name: "checked_frame",
  difficulty: 0.85,
  grid: { n: [4, 6, 8], poly: ["3/3", "4/3", "4/9"], rst: RESETS },
  build: ({ n, poly, rst }) => {
    const r = resetOf(rst);
    const [w, mask] = poly.split("/").map(Number) as [number, number];
    const c = bitsFor(n);
    const text = Array.from({ length: w }, (_, i) => w - 1 - i)
      .filter((i) => (mask >> i) & 1)
      .map((i) => (i === 0 ? "1" : i === 1 ? "x" : `x^${i}`))
      .join("+");
    return task({
      signals: [
        CLK,
        rstOf(r),
        inp("en", 1, "d counts"),
        inp("d", 1, "serial bit"),
        outReg("done", 1, "pulse after the last bit"),
        outReg("ok", 1, "the remainder of the last frame was 0"),
      ],
      title: [
        `Check frames of ${n} bits with a CRC of ${w} bit, polynomial x^${w}+${text}`,
        `CRC checker for frames of ${n} bits, generator x^${w}+${text}`,
        `Serial frame checker, ${n} bits, CRC x^${w}+${text}`,
      ],
      rules: [
        `each clock with en 1 takes d; ${n} bits, checksum included, make a frame, and the next bit begins a new one`,
        "the checksum starts a frame at 0; per bit it shifts left and is xored with the polynomial if d differs from its top bit",
        "after the last bit done is 1 for one clock and ok tells whether the checksum became 0; ok keeps its value until the next frame ends",
        resetRule(r, "begins a new frame and sets done and ok to 0"),
      ],
      plan: r,
      write: (p) => ({
        steps: [
          `Mask ${mask}; bit count k 0 to ${n - 1}, ${c} bit.`,
          `x is the next checksum; on bit ${n} compare it with 0 and start again from 0.`,
          resetStep(p),
        ],
        code: [
          `reg ${range(w)}s;`,
          `reg ${range(c)}k;`,
          `wire ${range(w)}x=(s<<1)^(s[${w - 1}]^d?${mask}:0);`,
          clocked(
            p,
            block("s<=0;", "k<=0;", "done<=0;", "ok<=0;"),
            block(
              "done<=0;",
              `if(en)begin`,
              `if(k==${n - 1})${block("k<=0;", "s<=0;", "done<=1;", "ok<=x==0;")}`,
              `else ${block("k<=k+1;", "s<=x;")}`,
              "end",
            ),
          ),
        ],
      }),
      slips: [],
    });
  },
});

const aluAccumulator = family({
  ...MIXED,
  name: "alu_accumulator",
  difficulty: 0.7,
  grid: { w: [4, 6, 8], set: ["+-&|", "-+^&", "^|+-"], sat: [0, 1], rst: RESETS },
  build: ({ w, set, sat, rst }) => {
    const r = resetOf(rst);
    const top = 2 ** w - 1;
    const SAY: Record<string, string> = {
      "+": "acc plus b",
      "-": "acc minus b",
      "&": "acc and b",
      "|": "acc or b",
      "^": "acc xor b",
    };
    const ops = set.split("");
    const text = (o: string) => (sat && o === "+" ? `acc+b>${top}?${top}:acc+b` : `acc${o}b`);
    return task({
      signals: [
        CLK,
        rstOf(r),
        inp("en", 1, "do the operation"),
        inp("op", 2, "operation"),
        inp("b", w, "operand"),
        outReg("acc", w, "accumulator"),
        out("z", 1, "acc is 0"),
      ],
      title: [
        `Accumulator of ${w} bit with four operations`,
        `ALU of ${w} bit that works on its own result register acc`,
        `${w}-bit accumulator machine`,
      ],
      rules: [
        ...ops.map(
          (o, i) =>
            `op=${i}: acc becomes ${SAY[o]}, bitwise or modulo ${top + 1}${sat && o === "+" ? `, but at most ${top}` : ""}`,
        ),
        "with en 0 acc keeps its value",
        "z is 1 while acc is 0",
        resetRule(r, "sets acc to 0"),
      ],
      plan: r,
      write: (p) => ({
        steps: [
          ...ops.map((o, i) => `${i}: ${text(o)}.`),
          "Constants have 32 bit, so a sum beside one keeps its carry.",
          resetStep(p),
        ],
        code: [
          clocked(
            p,
            "acc<=0;",
            [
              "if(en)case(op)",
              ...ops.map((o, i) => `${i === 3 ? "default" : i}:acc<=${text(o)};`),
              "endcase",
            ].join("\n"),
          ),
          "assign z=acc==0;",
        ],
      }),
      slips: [],
    });
  },
});

const hitCounter = family({
  ...MIXED,
  name: "hit_counter",
  difficulty: 0.8,
  grid: { pattern: ["101", "110", "1001", "1101"], k: [5, 9, 12], end: ["stop", "wrap"], rst: RESETS },
  build: ({ pattern, k, end, rst }) => {
    const r = resetOf(rst);
    const n = pattern.length;
    const w = bitsFor(k);
    return task({
      signals: [CLK, rstOf(r), inp("x", 1, "one bit a clock"), outReg("hits", w, "number of hits")],
      title: [
        `Count how often ${pattern} occurs in a serial stream, up to ${k}`,
        `Overlapping detector of ${pattern} with a hit counter that ${end === "stop" ? "stops" : "starts over"} after ${k}`,
        `Hit counter for ${pattern}, range 0 to ${k}`,
      ],
      rules: [
        `${pattern.split("").join(", ")} on consecutive clocks is a hit, the left bit first; hits may overlap`,
        `the clock that takes the last bit of a hit steps hits; ${end === "stop" ? `at ${k} it stays` : `after ${k} comes 0`}`,
        "bits from before a reset belong to no hit",
        resetRule(r, "sets hits to 0 and forgets the bits seen"),
      ],
      plan: r,
      write: (p) => ({
        steps: [
          `Keep the last ${n - 1} bits in s and their number v, 0 to ${n - 1}.`,
          `A hit: v is ${n - 1} and {s,x} is ${pattern}.`,
          resetStep(p),
        ],
        code: [
          `reg ${range(n - 1)}s;`,
          `reg [1:0] v;`,
          clocked(
            p,
            block("s<=0;", "v<=0;", "hits<=0;"),
            block(
              `s<={s,x};`,
              `if(v!=${n - 1})v<=v+1;`,
              `if(v==${n - 1}&&{s,x}==${n}'b${pattern})hits<=${end === "stop" ? `hits<${k}?hits+1:hits` : `hits==${k}?0:hits+1`};`,
            ),
          ),
        ],
      }),
      slips: [],
    });
  },
});

export const mixed = [arbiterData, checkedFrame, aluAccumulator, hitCounter];
