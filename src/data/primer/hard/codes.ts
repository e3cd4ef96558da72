/** CRCs, scramblers, Gray, decimal and bounded counters. Rising clock edge. */

import { family } from "../family.js";
import { bitsFor, block, CLK, inp, out, outReg, resetRule, resetStep, rstOf, task } from "../task.js";
import { clocked, names, RESETS, type Reset, range, resetOf } from "../verilog.js";

/** Width and polynomial without its leading term. */
const POLYNOMIALS = [
  "3/3",
  "3/5",
  "4/3",
  "4/9",
  "5/5",
  "5/21",
  "6/3",
  "7/9",
  "8/7",
  "8/49",
  "8/29",
  "8/213",
] as const;

const term = (i: number): string => (i === 0 ? "1" : i === 1 ? "x" : `x^${i}`);

const crc = family({
  name: "crc_serial",
  theme: "codes",
  difficulty: 0.7,
  slipRate: 0.55,
  grid: { poly: POLYNOMIALS, init: ["zeros", "ones"], en: [0, 1], rst: RESETS, io: ["d.crc", "m.c"] },
  build: ({ poly, init, en, rst, io }) => {
    const [d0, q] = names(io);
    const r = resetOf(rst);
    const [w, mask] = poly.split("/").map(Number) as [number, number];
    const powers = Array.from({ length: w }, (_, i) => w - 1 - i).filter((i) => (mask >> i) & 1);
    const start = init === "ones" ? 2 ** w - 1 : 0;
    return task<Reset & { powers: readonly number[]; top: number; en: boolean }>({
      signals: [
        CLK,
        rstOf(r),
        inp("init", 1, `starts a new checksum with all ${init}`),
        ...(en ? [inp("en", 1, `${d0} counts`)] : []),
        inp(d0, 1, "message bit"),
        outReg(q, w, "checksum"),
      ],
      title: [
        `Serial CRC of ${w} bit with polynomial ${[w, ...powers].map(term).join("+")}`,
        `Compute a CRC-${w} bit by bit; the generator is ${[w, ...powers].map(term).join("+")}`,
        `CRC register, generator polynomial ${[w, ...powers].map(term).join("+")}`,
      ],
      rules: [
        `init 1 sets ${q} to ${start} and takes no bit`,
        `otherwise ${en ? "with en 1 " : ""}one message bit is taken, most significant first: if ${d0} differs from the top bit of ${q}, ${q} becomes ${q} shifted left xor the polynomial, else ${q} shifted left`,
        "bits enter neither reflected nor inverted",
        resetRule(r, `sets ${q} to ${start}`),
      ],
      plan: { ...r, powers, top: w - 1, en: en === 1 },
      write: (d) => {
        const m = d.powers.reduce((sum, i) => sum + 2 ** i, 0);
        const f = `${q}[${d.top}]^${d0}`;
        return {
          steps: [
            `Polynomial bits below x^${w}: ${d.powers.map((i) => `${term(i)} is ${2 ** i}`).join(", ")}; together ${m}.`,
            `Feedback f is bit ${d.top} xor ${d0}. Shift left, xor ${m} if f.`,
            `All ${init} is ${start}; init goes before ${en ? "en" : "the shift"}.`,
            ...(en ? [d.en ? "Shift only with en." : "Shift on every clock."] : []),
            resetStep(d),
            `Check: from 0 with ${d0}=1: ${q} becomes ${m}.`,
          ],
          code: [
            `wire f=${f};`,
            clocked(
              d,
              `${q}<=${start};`,
              `if(init)${q}<=${start};\nelse ${d.en ? "if(en)" : ""}${q}<=(${q}<<1)^(f?${m}:0);`,
            ),
          ],
        };
      },
      slips: [
        ["constant_term_forgotten", 0.6, { powers: powers.slice(0, -1) }],
        ["wrong_feedback_bit", 0.2, { top: 0 }],
        ["no_enable", 0.2, { en: false }],
      ],
    });
  },
});

const scrambler = family({
  name: "scrambler",
  theme: "codes",
  difficulty: 0.6,
  slipRate: 0.5,
  grid: {
    taps: ["3.2", "4.3", "5.3", "6.5", "7.6", "7.4"],
    kind: ["additive", "scrambler", "descrambler"],
    en: [0, 1],
    rst: RESETS,
    io: ["d.y"],
  },
  build: ({ taps, kind, en, rst, io }) => {
    const [x, y] = names(io);
    const r = resetOf(rst);
    const [long, short] = taps.split(".").map(Number) as [number, number];
    const ones = 2 ** long - 1;
    const feeds = {
      additive: "the xor of the two taps",
      scrambler: `the output ${y}`,
      descrambler: `the input ${x}`,
    }[kind];
    const right = { additive: "f", scrambler: y, descrambler: x }[kind]!;
    const wrong = { additive: y, scrambler: x, descrambler: y }[kind]!;
    return task<Reset & { short: number; feed: string; en: boolean }>({
      signals: [
        CLK,
        rstOf(r),
        ...(en ? [inp("en", 1, "moves the register")] : []),
        inp(x, 1, "data bit"),
        out(y, 1, "data bit, scrambled or restored"),
      ],
      title: [
        `${kind === "additive" ? "Additive scrambler" : `Self-synchronising ${kind}`} with taps ${long} and ${short}`,
        `${kind === "descrambler" ? "Restore" : "Scramble"} a bit stream with the polynomial x^${long}+x^${short}+1, ${kind === "additive" ? "additive" : "self-synchronising"}`,
        `Bit ${kind === "additive" ? "scrambler (additive)" : kind} for 1+x^${short}+x^${long}`,
      ],
      rules: [
        `a shift register of ${long} bits holds the last ${long} bits fed to it; stage 1 is the newest and stage ${long} the oldest`,
        `${y} is ${x} xor stage ${short} xor stage ${long}, without a clock`,
        `${en ? "on clocks with en 1" : "on every clock"} the register takes ${feeds} as its newest bit`,
        resetRule(r, "sets all stages to 1"),
      ],
      plan: { ...r, short, feed: right, en: en === 1 },
      write: (d) => ({
        steps: [
          `Register s, ${long} bit; the new bit enters at s[0], so stage n is s[n-1].`,
          `Taps: stage ${long} is s[${long - 1}], stage ${short} is s[${d.short - 1}]; f is their xor.`,
          `${y} is ${x}^f. The register is fed ${d.feed === "f" ? "f itself" : d.feed === x ? `the input ${x}` : `the output ${y}`}.`,
          ...(en ? [d.en ? "It moves with en only." : "It moves on every clock."] : []),
          resetStep(d),
          `All ones is ${ones}. Check: after reset f is 0, so ${y} is ${x}.`,
        ],
        code: [
          `reg ${range(long)}s;`,
          `wire f=s[${long - 1}]^s[${d.short - 1}];`,
          `assign ${y}=${x}^f;`,
          clocked(d, `s<=${ones};`, `${d.en ? "if(en)" : ""}s<={s[${long - 2}:0],${d.feed}};`),
        ],
      }),
      slips: [
        ["wrong_feed", 0.6, { feed: wrong }],
        ["tap_off_by_one", 0.2, { short: short - 1 }],
        ["no_enable", 0.2, { en: false }],
      ],
    });
  },
});

const grayCounter = family({
  name: "gray_counter",
  theme: "codes",
  difficulty: 0.55,
  slipRate: 0.4,
  grid: {
    n: [3, 4, 5, 6, 8],
    way: ["up", "down", "either"],
    load: [0, 1],
    rst: RESETS,
    io: ["en.g", "ce.code"],
  },
  build: ({ n, way, load, rst, io }) => {
    const [en, g] = names(io);
    const r = resetOf(rst);
    const change = { up: "b+1", down: "b-1", either: "up?b+1:b-1" }[way]!;
    return task<Reset & { shift: string; en: boolean; change: string }>({
      signals: [
        CLK,
        rstOf(r),
        inp(en, 1, "count enable"),
        ...(way === "either" ? [inp("up", 1, "1 counts up, 0 down")] : []),
        ...(load ? [inp("load", 1, "loads v"), inp("v", n, "binary value")] : []),
        out(g, n, "count in Gray code"),
      ],
      title: [
        `Gray-code counter of ${n} bit, counting ${way === "either" ? "up or down" : way}`,
        `Count ${way === "either" ? "either way" : way} with an output in Gray code, ${n} bit`,
        `${n}-bit counter whose output ${g} changes in one bit a step`,
      ],
      rules: [
        `a binary count moves by one ${way === "either" ? "in the direction of up" : way} on clocks with ${en} 1, wrapping around`,
        ...(load ? [`load sets the count to v and goes before ${en}`] : []),
        `${g} is the count in reflected Gray code: the count xor the count shifted right by one`,
        resetRule(r, "sets the count to 0"),
      ],
      plan: { ...r, shift: ">>", en: true, change },
      write: (d) => ({
        steps: [
          `Binary register b, ${n} bit, wraps at ${2 ** n}.`,
          `Step: ${d.change}, ${d.en ? `only with ${en}` : "on every clock"}${load ? ", load first" : ""}.`,
          `Gray code: ${g} is b^(b${d.shift}1).`,
          resetStep(d),
          `Check: b=3: ${g} is ${d.shift === ">>" ? 2 : 5}.`,
        ],
        code: [
          `reg ${range(n)}b;`,
          `assign ${g}=b^(b${d.shift}1);`,
          clocked(
            d,
            "b<=0;",
            `${load ? "if(load)b<=v;\nelse " : ""}${d.en ? `if(${en})` : ""}b<=${d.change};`,
          ),
        ],
      }),
      slips: [
        ["shift_direction", 0.6, { shift: "<<" }],
        ["no_enable", 0.25, { en: false }],
        ["count_direction", 0.15, { change: { up: "b-1", down: "b+1", either: "up?b-1:b+1" }[way]! }],
      ],
    });
  },
});

const decimal = family({
  name: "bcd_counter",
  theme: "codes",
  difficulty: 0.7,
  slipRate: 0.6,
  grid: {
    max: [11, 12, 14, 19, 23, 24, 29, 31, 35, 39],
    way: ["up", "down"],
    rst: RESETS,
    io: ["en.tens.ones.last", "tick.hi.lo.carry"],
  },
  build: ({ max, way, rst, io }) => {
    const [en, tens, ones, last] = names(io);
    const r = resetOf(rst);
    const up = way === "up";
    const [t, o] = [Math.floor(max / 10), max % 10];
    const at = up ? [t, o] : [0, 0];
    const to = up ? [0, 0] : [t, o];
    return task<Reset & { limit: boolean; nine: number; en: boolean }>({
      signals: [
        CLK,
        rstOf(r),
        inp(en, 1, "count enable"),
        outReg(tens, 4, "decimal digit"),
        outReg(ones, 4, "decimal digit"),
        out(last, 1, "this clock wraps the count"),
      ],
      title: [
        `Two-digit decimal counter, ${way} between ${up ? `0 and ${max}` : `${max} and 0`}`,
        `Count ${way} in decimal digits; ${up ? `${max} is followed by 0` : `0 is followed by ${max}`}`,
        `BCD ${way} counter with ${max + 1} values`,
      ],
      rules: [
        `${en} 1 counts one ${way}: ${up ? `0, 1, … ${max}, then 0 again` : `${max}, … 1, 0, then ${max} again`}; ${en} 0 holds`,
        `${tens} and ${ones} are the two decimal digits of the count`,
        `${last} is 1 without a clock while ${en} is 1 and the count is ${up ? max : 0}`,
        resetRule(r, `sets the count to ${up ? 0 : max}`),
      ],
      plan: { ...r, limit: true, nine: up ? 9 : 0, en: true },
      write: (d) => {
        const test = `${tens}==${at[0]}&&${ones}==${at[1]}`;
        const load = (a: readonly number[]) => block(`${tens}<=${a[0]};`, `${ones}<=${a[1]};`);
        const carry = up
          ? `if(${ones}==${d.nine})${block(`${ones}<=0;`, `${tens}<=${tens}+1;`)}\nelse ${ones}<=${ones}+1;`
          : `if(${ones}==0)${block(`${ones}<=9;`, `${tens}<=${tens}-1;`)}\nelse ${ones}<=${ones}-1;`;
        return {
          steps: [
            `Last value: tens ${at[0]}, ones ${at[1]}; the next is tens ${to[0]}, ones ${to[1]}.`,
            d.limit ? "This test comes first." : "The digits wrap by themselves.",
            up
              ? `Else ones ${d.nine} becomes 0 and tens grows by 1; else ones grows by 1.`
              : "Else ones 0 becomes 9 and tens falls by 1; else ones falls by 1.",
            d.en ? `All of it only with ${en}.` : "It counts on every clock.",
            resetStep(d),
            `Check: after ${up ? "9" : "10"}, ${up ? (d.nine === 9 ? "ones is 9, so tens 1, ones 0" : "ones is 9, so ones 10") : "ones is 0, so tens 0, ones 9"}.`,
          ],
          code: [
            `assign ${last}=${en}&&${test};`,
            clocked(
              d,
              load(up ? [0, 0] : [t, o]),
              `${d.en ? `if(${en})` : ""}begin\n${d.limit ? `if(${test})${load(to)}\nelse ` : ""}${carry}\nend`,
            ),
          ],
        };
      },
      slips: [
        ["no_limit", 0.6, { limit: false }],
        ["digit_to_ten", 0.2, { nine: up ? 10 : 0 }],
        ["no_enable", 0.2, { en: false }],
      ],
    });
  },
});

const bounded = family({
  name: "range_counter",
  theme: "codes",
  difficulty: 0.6,
  slipRate: 0.5,
  grid: {
    lo: [2, 3, 5],
    hi: [9, 11, 12, 14, 20],
    end: ["wrap", "stop", "bounce"],
    rst: RESETS,
    io: ["en.q", "run.cnt"],
  },
  build: ({ lo, hi, end, rst, io }) => {
    const [en, q] = names(io);
    const r = resetOf(rst);
    const w = bitsFor(hi + 1);
    const bounce = end === "bounce";
    const says = {
      wrap: `after ${hi} comes ${lo}`,
      stop: `${q} stays at ${hi}`,
      bounce: `${q} goes up to ${hi}, then down to ${lo}, then up again, each end shown once`,
    }[end];
    return task<Reset & { hi: number; back: number; en: boolean }>({
      signals: [
        CLK,
        rstOf(r),
        inp(en, 1, "count enable"),
        outReg(q, w, "count"),
        ...(bounce ? [outReg("down", 1, "the next step goes down")] : []),
        out("top", 1, `${q} is ${hi}`),
      ],
      title: [
        `Counter from ${lo} to ${hi} that ${end === "wrap" ? "starts over" : end === "stop" ? "stops at the end" : "turns round at both ends"}`,
        `Count through ${lo} to ${hi}; at the end ${end}`,
        `${end} counter, range ${lo} to ${hi}`,
      ],
      rules: [
        `${en} 1 moves ${q} by one; ${en} 0 holds it`,
        bounce
          ? `${says}; down becomes 1 on the clock that reaches ${hi} and 0 on the clock that reaches ${lo}`
          : `${q} counts up; ${says}`,
        `top is 1 while ${q} is ${hi}`,
        resetRule(r, `sets ${q} to ${lo}${bounce ? " and down to 0" : ""}`),
      ],
      plan: { ...r, hi, back: lo, en: true },
      write: (d) => {
        const step = bounce
          ? block(
              `${q}<=down?${q}-1:${q}+1;`,
              `if(!down&&${q}==${d.hi - 1})down<=1;`,
              `if(down&&${q}==${d.back + 1})down<=0;`,
            )
          : end === "wrap"
            ? `${q}<=${q}==${d.hi}?${d.back}:${q}+1;`
            : `${q}<=${q}<${d.hi}?${q}+1:${q};`;
        return {
          steps: [
            `Values ${lo} to ${hi}: ${w} bit.`,
            bounce
              ? `Turn down when leaving ${d.hi - 1} upwards, turn up when leaving ${d.back + 1} downwards.`
              : end === "wrap"
                ? `At ${d.hi} go to ${d.back}, else add 1.`
                : `Below ${d.hi} add 1, else hold.`,
            d.en ? `Only with ${en}.` : "On every clock.",
            resetStep(d),
            `Start value ${lo}, not 0. Check: the largest value is ${d.hi}.`,
          ],
          code: [
            clocked(
              d,
              bounce ? block(`${q}<=${lo};`, "down<=0;") : `${q}<=${lo};`,
              `${d.en ? `if(${en})` : ""}${step}`,
            ),
            `assign top=${q}==${hi};`,
          ],
        };
      },
      slips: [
        ["one_too_far", 0.55, { hi: hi + 1 }],
        ["returns_to_zero", 0.3, { back: 0 }],
        ["no_enable", 0.15, { en: false }],
      ],
    });
  },
});

export const codes = [crc, scrambler, grayCounter, decimal, bounded];
