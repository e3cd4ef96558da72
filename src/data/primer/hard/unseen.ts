/** Hard families the teacher never shows: they measure what carries over. Test split only. */

import { family } from "../family.js";
import {
  bitsFor,
  block,
  CLK,
  inp,
  inpSigned,
  out,
  outReg,
  resetRule,
  resetStep,
  rstOf,
  task,
} from "../task.js";
import { clocked, RESETS, range, resetOf } from "../verilog.js";

const FRESH = { theme: "unseen", role: "unseen", slipRate: 0, limit: 8 } as const;

const gcd = family({
  ...FRESH,
  name: "gcd_unit",
  difficulty: 0.9,
  grid: { w: [3, 4, 5], rst: RESETS },
  build: ({ w, rst }) => {
    const r = resetOf(rst);
    return task({
      signals: [
        CLK,
        rstOf(r),
        inp("start", 1, "begins when not busy"),
        inp("a", w, "number"),
        inp("b", w, "number"),
        out("busy", 1, "working"),
        out("g", w, "result, 0 while busy"),
      ],
      title: [
        `Greatest common divisor of two ${w}-bit numbers by subtraction`,
        `Euclid's algorithm with subtractions, ${w} bit`,
        `Sequential gcd unit, ${w} bit`,
      ],
      rules: [
        "start with busy 0 loads a into x and b into y; start while busy is ignored",
        "busy is 1 while x and y differ and neither is 0",
        "on each clock with busy 1 the smaller of x and y is taken from the larger",
        "g is 0 while busy, else the larger of x and y",
        resetRule(r, "sets x and y to 0"),
      ],
      plan: r,
      write: (p) => ({
        steps: ["busy: x!=y, x!=0, y!=0.", "Each step subtracts the smaller from the larger.", resetStep(p)],
        code: [
          `reg ${range(w)}x,y;`,
          "assign busy=x!=y&&x!=0&&y!=0;",
          "assign g=busy?0:x>y?x:y;",
          clocked(
            p,
            block("x<=0;", "y<=0;"),
            `if(busy)${block("if(x>y)x<=x-y;", "else y<=y-x;")}\nelse if(start)${block("x<=a;", "y<=b;")}`,
          ),
        ],
      }),
      slips: [],
    });
  },
});

const quadrature = family({
  ...FRESH,
  name: "quadrature",
  difficulty: 0.8,
  grid: { w: [3, 4, 6], lead: ["a", "b"], rst: RESETS },
  build: ({ w, lead, rst }) => {
    const r = resetOf(rst);
    const plus = lead === "a" ? "pa^b" : "a^pb";
    return task({
      signals: [
        CLK,
        rstOf(r),
        inp("a", 1, "phase"),
        inp("b", 1, "phase"),
        outReg("pos", w, "position"),
        outReg("err", 1, "both phases changed"),
      ],
      title: [
        `Quadrature decoder with a position of ${w} bit, ${lead} leads upwards`,
        `Decode a rotary encoder: four steps a turn of phases a and b, ${lead} leading counts up`,
        `${w}-bit quadrature counter`,
      ],
      rules: [
        "pa and pb are a and b of the last clock",
        `if exactly one phase changed, pos goes up by 1 when ${lead === "a" ? "pa differs from b" : "a differs from pb"}, else down by 1, wrapping around`,
        "if both changed pos stays, and err is 1 after that clock, else 0",
        resetRule(r, "sets pos, err, pa and pb to 0"),
      ],
      plan: r,
      write: (p) => ({
        steps: ["Changes: u is a^pa, v is b^pb.", `Up when ${plus}.`, resetStep(p)],
        code: [
          "reg pa,pb;",
          "wire u=a^pa;",
          "wire v=b^pb;",
          clocked(
            p,
            block("pa<=0;", "pb<=0;", "pos<=0;", "err<=0;"),
            block("pa<=a;", "pb<=b;", "err<=u&&v;", `if(u^v)pos<=${plus}?pos+1:pos-1;`),
          ),
        ],
      }),
      slips: [],
    });
  },
});

const hamming = family({
  ...FRESH,
  name: "hamming_correct",
  difficulty: 0.8,
  grid: { parity: ["even", "odd"], order: ["standard", "data first"], flag: [0, 1] },
  build: ({ parity, order, flag }) => {
    const standard = order === "standard";
    // Position 1 to 7 of the code word -> bit of c.
    const at = standard ? [0, 1, 2, 3, 4, 5, 6] : [4, 5, 0, 6, 1, 2, 3];
    const bit = (position: number) => `c[${at[position - 1]}]`;
    const check = (k: number) =>
      `${parity === "odd" ? "~" : ""}^{${[1, 2, 3, 4, 5, 6, 7]
        .filter((p) => (p >> k) & 1)
        .map(bit)
        .join(",")}}`;
    const data = [7, 6, 5, 3];
    return task({
      signals: [
        inp("c", 7, "received code word"),
        out("d", 4, "corrected data"),
        ...(flag ? [out("fixed", 1, "a bit was corrected")] : []),
      ],
      title: [
        `Decode a Hamming (7,4) code word with ${parity} parity and correct one error`,
        `Hamming decoder, 7 to 4 bits, ${parity} parity groups`,
        `Single-error correction of a 7-bit word, ${parity} parity`,
      ],
      rules: [
        standard
          ? "positions 1 to 7 of the code word are c[0] to c[6]"
          : "positions 3, 5, 6, 7 of the code word are c[0], c[1], c[2], c[3], and positions 1, 2, 4 are c[4], c[5], c[6]",
        `parity group k, for k 0 to 2, holds the positions whose number has bit k set, and its ones are ${parity} in number`,
        "the syndrome has bit k set when group k is violated; if it is not 0 it is the position of the wrong bit",
        "d[3:0] are the corrected bits at positions 7, 6, 5, 3",
        ...(flag ? ["fixed is 1 when the syndrome is not 0"] : []),
      ],
      plan: {},
      write: () => ({
        steps: ["Syndrome s from three parity checks.", "Each data bit is inverted if s is its position."],
        code: [
          `wire [2:0] s={${[2, 1, 0].map(check).join(",")}};`,
          `assign d={${data.map((p) => `${bit(p)}^(s==${p})`).join(",")}};`,
          ...(flag ? ["assign fixed=s!=0;"] : []),
        ],
      }),
      slips: [],
    });
  },
});

const vending = family({
  ...FRESH,
  name: "vending",
  difficulty: 0.75,
  grid: { price: [3, 4, 5, 6, 7], change: [0, 1], rst: RESETS },
  build: ({ price, change, rst }) => {
    const r = resetOf(rst);
    const w = bitsFor(price - 1);
    return task({
      signals: [
        CLK,
        rstOf(r),
        inp("one", 1, "a coin worth 1"),
        inp("two", 1, "a coin worth 2"),
        outReg("sell", 1, "pulse: goods are given"),
        ...(change ? [outReg("back", 2, "change, together with sell")] : []),
        out("sum", w, "money so far"),
      ],
      title: [
        `Vending machine for goods that cost ${price}`,
        `Take coins of 1 and 2 until ${price} is reached`,
        `Coin counter that sells at ${price}`,
      ],
      rules: [
        "each clock adds 1 for one and 2 for two; both may come together and add 3",
        `if the sum would be ${price} or more, it becomes 0 and sell is 1 after that clock; else sell is 0`,
        ...(change ? [`back is the excess over ${price} on a sale and 0 otherwise`] : ["an excess is lost"]),
        resetRule(r, `sets the sum, sell${change ? ", back" : ""} to 0`),
      ],
      plan: r,
      write: (p) => ({
        steps: [
          `t is the new sum, up to ${price + 2}: ${bitsFor(price + 2)} bit.`,
          `Sell if t>=${price}.`,
          resetStep(p),
        ],
        code: [
          `reg ${range(w)}s;`,
          `wire ${range(bitsFor(price + 2))}t=s+one+{two,1'b0};`,
          "assign sum=s;",
          clocked(
            p,
            block("s<=0;", "sell<=0;", ...(change ? ["back<=0;"] : [])),
            block(
              `sell<=t>=${price};`,
              `s<=t>=${price}?0:t;`,
              ...(change ? [`back<=t>=${price}?t-${price}:0;`] : []),
            ),
          ),
        ],
      }),
      slips: [],
    });
  },
});

const movingSum = family({
  ...FRESH,
  name: "moving_sum",
  difficulty: 0.7,
  grid: { n: [2, 3, 4], w: [3, 4, 6], kind: ["sum", "largest"], rst: ["sync_high", "async_low"] },
  build: ({ n, w, kind, rst }) => {
    const r = resetOf(rst);
    const wide = kind === "sum" ? bitsFor(n * (2 ** w - 1)) : w;
    const taps = Array.from({ length: n }, (_, i) => `p${i}`);
    // m1, m2, … are the largest of the first two, three, … samples.
    const largest = taps.slice(1).map((t, i) => {
      const best = i === 0 ? "p0" : `m${i}`;
      return `wire ${range(w)}m${i + 1}=${best}>${t}?${best}:${t};`;
    });
    return task({
      signals: [
        CLK,
        rstOf(r),
        inp("en", 1, "x counts"),
        inp("x", w, "sample"),
        out("y", wide, `${kind} of the last ${n} samples`),
      ],
      title: [
        `${kind === "sum" ? "Moving sum" : "Moving maximum"} over ${n} samples of ${w} bit`,
        `Keep the last ${n} samples and show their ${kind === "sum" ? "sum" : "largest"}`,
        `${n}-sample window, ${kind}`,
      ],
      rules: [
        "each clock with en 1 takes x as the newest sample and drops the oldest",
        `y is the ${kind === "sum" ? "exact sum" : "largest"} of the samples kept, without a clock`,
        resetRule(r, "sets all samples to 0"),
      ],
      plan: r,
      write: (p) => ({
        steps: [`Registers ${taps.join(", ")}, a shift by one word; y needs ${wide} bit.`, resetStep(p)],
        code: [
          `reg ${range(w)}${taps.join(",")};`,
          ...(kind === "sum" ? [`assign y=${taps.join("+")};`] : [...largest, `assign y=m${n - 1};`]),
          clocked(
            p,
            block(...taps.map((t) => `${t}<=0;`)),
            `if(en)${block(...taps.map((t, i) => `${t}<=${i === 0 ? "x" : taps[i - 1]};`))}`,
          ),
        ],
      }),
      slips: [],
    });
  },
});

const reflectedCrc = family({
  ...FRESH,
  name: "crc_reflected",
  difficulty: 0.8,
  grid: { poly: ["4/12", "5/20", "8/140", "8/224"], n: [2, 3, 4], rst: ["sync_high", "async_low"] },
  build: ({ poly, n, rst }) => {
    const r = resetOf(rst);
    const [w, mask] = poly.split("/").map(Number) as [number, number];
    return task({
      signals: [
        CLK,
        rstOf(r),
        inp("en", 1, "d counts"),
        inp("d", n, "message bits, bit 0 first"),
        outReg("crc", w, "checksum"),
      ],
      title: [
        `Reflected CRC of ${w} bit, ${n} message bits a clock, polynomial mask ${mask}`,
        `CRC register that shifts right, ${n} bits at a time, reversed polynomial ${mask}`,
        `Parallel right-shifting CRC, ${w} bit`,
      ],
      rules: [
        `one bit step: if the message bit differs from bit 0 of crc, crc becomes crc shifted right xor ${mask}, else crc shifted right`,
        `each clock with en 1 does ${n} such steps, with d[0] to d[${n - 1}] in this order`,
        resetRule(r, `sets crc to ${2 ** w - 1}`),
      ],
      plan: r,
      write: (p) => ({
        steps: [`Unroll ${n} steps: x0 is crc, x(i+1) follows from xi and d[i].`, resetStep(p)],
        code: [
          `wire ${range(w)}${Array.from({ length: n + 1 }, (_, i) => `x${i}`).join(",")};`,
          "assign x0=crc;",
          ...Array.from({ length: n }, (_, i) => `assign x${i + 1}=(x${i}>>1)^(x${i}[0]^d[${i}]?${mask}:0);`),
          clocked(p, `crc<=${2 ** w - 1};`, `if(en)crc<=x${n};`),
        ],
      }),
      slips: [],
    });
  },
});

const roundShift = family({
  ...FRESH,
  name: "signed_scale",
  difficulty: 0.6,
  grid: { w: [6, 8, 10], k: [3, 5, 6, 7], s: [2, 3] },
  build: ({ w, k, s }) =>
    task({
      signals: [inpSigned("a", w, "signed number"), out("y", w, "signed result")],
      title: [
        `Scale a signed ${w}-bit number by ${k}/${2 ** s}`,
        `Multiply by ${k}, divide by ${2 ** s}, signed, ${w} bit`,
        `Signed scaler ${k}/${2 ** s}`,
      ],
      rules: [
        `y is ${k} times a, divided by ${2 ** s} and rounded towards minus infinity`,
        `the result is limited to ${-(2 ** (w - 1))} and ${2 ** (w - 1) - 1}`,
      ],
      plan: {},
      write: () => ({
        steps: [`Product in ${w + 3} bit, arithmetic shift by ${s}, then limit.`],
        code: [
          `wire signed [${w + 2}:0] p=a*${k};`,
          `wire signed [${w + 2}:0] t=p>>>${s};`,
          `assign y=t>${2 ** (w - 1) - 1}?${2 ** (w - 1) - 1}:t<${-(2 ** (w - 1))}?${-(2 ** (w - 1))}:t;`,
        ],
      }),
      slips: [],
    }),
});

export const fresh = [gcd, quadrature, hamming, vending, movingSum, reflectedCrc, roundShift];
