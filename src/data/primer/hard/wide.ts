/** Arithmetic and bits without a clock: saturation, fixed point, shifts by mode, counts of zeros, fields, ALUs with flags. */

import { makeRng } from "../../../core/rng.js";
import { family } from "../family.js";
import { bitsFor, inp, inpSigned, out, outReg, task } from "../task.js";
import { names, range } from "../verilog.js";

const saturate = family({
  name: "signed_saturate",
  theme: "wide",
  difficulty: 0.6,
  slipRate: 0.5,
  grid: {
    op: ["sum", "difference"],
    w: [4, 5, 6, 7, 8, 10],
    range: ["full", "symmetric"],
    flag: [0, 1],
    io: ["a.b.y", "f.g.res", "x.w.z"],
  },
  build: ({ op, w, range: kind, flag, io }) => {
    const [a, b, y] = names(io);
    const high = 2 ** (w - 1) - 1;
    const low = kind === "full" ? -high - 1 : -high;
    const sign = op === "sum" ? "+" : "-";
    return task<{ lower: boolean; wide: number }>({
      signals: [
        inpSigned(a, w, "signed operand"),
        inpSigned(b, w, "signed operand"),
        out(y, w, "signed result"),
        ...(flag ? [out("sat", 1, "the result was limited")] : []),
      ],
      title: [
        `Saturating signed ${op} of two ${w}-bit numbers`,
        `${op === "sum" ? "Add" : "Subtract"} signed ${w}-bit numbers without wrapping around`,
        `Signed ${w}-bit ${op} with limits ${low} and ${high}`,
      ],
      rules: [
        `${y} is ${a}${sign}${b} in two's complement, limited to at most ${high} and at least ${low}`,
        ...(flag ? [`sat is 1 exactly when ${a}${sign}${b} lies outside these limits`] : []),
      ],
      plan: { lower: true, wide: w + 1 },
      write: (d) => {
        const over = [`s>${high}`, ...(d.lower ? [`s<${low}`] : [])];
        return {
          steps: [
            `${w}-bit operands: the exact ${op} needs ${w + 1} bit; s has ${d.wide}, signed.`,
            `Largest ${high}, smallest ${low}.`,
            `Limit s>${high} to ${high}${d.lower ? `, s<${low} to ${low}` : ", smaller values pass"}.`,
            `Check: ${op === "sum" ? `${high}+1` : `${high}-(-1)`} is ${d.wide > w ? `${high + 1}, limited to ${high}` : `${-high - 1} in ${w} bit`}.`,
          ],
          code: [
            `wire signed [${d.wide - 1}:0] s=${a}${sign}${b};`,
            `assign ${y}=s>${high}?${high}:${d.lower ? `s<${low}?${low}:` : ""}s;`,
            ...(flag ? [`assign sat=${over.join("||")};`] : []),
          ],
        };
      },
      slips: [
        ["no_lower_limit", 0.6, { lower: false }],
        ["narrow_sum", 0.4, { wide: w }],
      ],
    });
  },
});

const fixedPoint = family({
  name: "fixed_multiply",
  theme: "wide",
  difficulty: 0.75,
  slipRate: 0.55,
  grid: {
    w: [4, 6, 8, 10],
    f: [1, 2, 3],
    round: ["down", "nearest"],
    signs: ["signed", "unsigned"],
    io: ["a.b.y", "f.g.res", "x.w.z"],
  },
  build: ({ w, f, round, signs, io }) => {
    const [a, b, y] = names(io);
    const signed = signs === "signed";
    const s = signed ? "signed " : "";
    const high = signed ? 2 ** (w - 1) - 1 : 2 ** w - 1;
    const low = -(2 ** (w - 1));
    const nearest = round === "nearest";
    return task<{ saturate: boolean; nearest: boolean; f: number }>({
      signals: [
        (signed ? inpSigned : inp)(a, w, `${signs}, ${f} fraction bits`),
        (signed ? inpSigned : inp)(b, w, `${signs}, ${f} fraction bits`),
        out(y, w, `product, ${f} fraction bits`),
      ],
      title: [
        `Fixed-point multiplier, ${signs}, ${w} bit with ${f} fraction bits`,
        `Multiply two ${signs} fixed-point numbers of ${w} bit, ${f} of them behind the point`,
        `${signs} ${w}-bit product in a format with ${f} fraction bit${f > 1 ? "s" : ""}`,
      ],
      rules: [
        `the exact product has ${2 * f} fraction bits; ${nearest ? `it is rounded to ${f}: add half of the last place kept, then drop the rest (towards minus infinity)` : `the lowest ${f} are dropped, which rounds towards minus infinity`}`,
        `then ${y} is limited to the range of ${w} ${signs} bits, ${signed ? low : 0} to ${high}`,
      ],
      plan: { saturate: true, nearest, f },
      write: (d) => ({
        steps: [
          `Exact product p: ${2 * w} bit, ${2 * f} fraction bits.`,
          d.nearest
            ? `Half of the last place is ${2 ** (d.f - 1)}: add it, then shift right by ${d.f}.`
            : `Shift right by ${d.f}, no rounding.`,
          signed ? "The shift is arithmetic, on a signed value." : "The shift is logical.",
          d.saturate ? `Limit to ${signed ? `${low} and ${high}` : high}.` : `Keep the low ${w} bit.`,
          `Check: product ${3 * 2 ** f} becomes ${Math.floor((3 * 2 ** f + (d.nearest ? 2 ** (d.f - 1) : 0)) / 2 ** d.f)}.`,
        ],
        code: [
          `wire ${s}[${2 * w - 1}:0] p=${a}*${b};`,
          `wire ${s}[${2 * w}:0] t=${d.nearest ? `(p+${2 ** (d.f - 1)})` : "p"}>>>${d.f};`,
          `assign ${y}=${d.saturate ? `t>${high}?${high}:${signed ? `t<${low}?${low}:` : ""}` : ""}t;`,
        ],
      }),
      slips: [
        ["no_saturation", 0.6, { saturate: false }],
        ["rounding", 0.25, { nearest: !nearest }],
        ["shift_too_far", 0.15, { f: f + 1 }],
      ],
    });
  },
});

const SHIFTS = {
  left: "logical shift left",
  right: "logical shift right",
  arithmetic: "arithmetic shift right",
  rol: "rotate left",
  ror: "rotate right",
} as const;
type Shift = keyof typeof SHIFTS;
const SHIFT_SETS = [
  "left.right.arithmetic.rol",
  "arithmetic.left.ror.right",
  "rol.arithmetic.right.left",
  "right.ror.left.arithmetic",
  "left.arithmetic.rol.ror",
  "ror.rol.arithmetic.right",
] as const;

const barrel = family({
  name: "barrel_modes",
  theme: "wide",
  difficulty: 0.7,
  slipRate: 0.6,
  grid: { w: [4, 8, 16], set: SHIFT_SETS, hold: [0, 1], io: ["a.n.mode.y", "d.amt.op.q", "x.by.m.z"] },
  build: ({ w, set, hold, io }) => {
    const [a, n, mode, y] = names(io);
    const modes = set.split(".") as Shift[];
    const b = Math.log2(w);
    return task<{ sign: boolean; rotate: string }>({
      signals: [
        inp(a, w, "data"),
        inp(n, b, "amount"),
        inp(mode, 2, "kind of shift"),
        ...(hold ? [inp("en", 1, `0 passes ${a} through`)] : []),
        out(y, w, "result"),
      ],
      title: [
        `Barrel shifter for ${w} bit with four modes`,
        `Shift or rotate ${a}, ${w} bit, by ${n} places`,
        `${w}-bit shift unit, amount 0 to ${w - 1}`,
      ],
      rules: [
        ...modes.map((m, i) => `${mode}=${i}: ${SHIFTS[m]} by ${n}`),
        "logical shifts fill with 0, the arithmetic shift with the top bit",
        ...(hold ? [`en 0: ${y} is ${a}`] : []),
      ],
      plan: { sign: true, rotate: "right way" },
      write: (d) => {
        const swap = d.rotate !== "right way";
        const text: Record<Shift, string> = {
          left: `${a}<<${n}`,
          right: `${a}>>${n}`,
          arithmetic: d.sign ? "s" : `${a}>>>${n}`,
          rol: swap ? "r" : `l[${2 * w - 1}:${w}]`,
          ror: swap ? `l[${2 * w - 1}:${w}]` : "r",
        };
        const use = (t: string) => modes.some((m) => text[m].startsWith(t));
        const value = modes.map((m, i) => (i === 3 ? text[m] : `${mode}==${i}?${text[m]}:`)).join("");
        return {
          steps: [
            `Amount 0 to ${w - 1}: ${b} bit.`,
            d.sign
              ? "Arithmetic: >>> keeps the sign only on a signed value, so shift a signed copy s by itself."
              : `Arithmetic: ${a}>>>${n} fills with the sign.`,
            `Rotate: take ${w} bit of {${a},${a}} after the shift; left uses the upper half, right the lower half${swap ? ", seen from the other side" : ""}.`,
            ...modes.map((m, i) => `${mode} ${i}: ${text[m]}.`),
          ],
          code: [
            ...(d.sign ? [`wire signed ${range(w)}v=${a};`, `wire ${range(w)}s=v>>>${n};`] : []),
            ...(use("l[") ? [`wire [${2 * w - 1}:0] l={${a},${a}}<<${n};`] : []),
            ...(use("r") ? [`wire ${range(w)}r={${a},${a}}>>${n};`] : []),
            `assign ${y}=${hold ? `!en?${a}:` : ""}${value};`,
          ],
        };
      },
      slips: [
        ["unsigned_arithmetic", 0.7, { sign: false }],
        ["rotate_direction", 0.3, { rotate: "wrong way" }],
      ],
    });
  },
});

const leading = family({
  name: "lead_count",
  theme: "wide",
  difficulty: 0.55,
  slipRate: 0.45,
  grid: {
    w: [4, 5, 6, 8, 10, 12],
    end: ["leading", "trailing"],
    bit: [0, 1],
    all: ["width", "zero"],
    io: ["a.n.all", "d.cnt.none", "x.c.v"],
  },
  build: ({ w, end, bit, all, io }) => {
    const [a, n, flag] = names(io);
    const c = bitsFor(w);
    const none = all === "width" ? w : 0;
    const kind = bit ? "ones" : "zeros";
    return task<{ leading: boolean; bit: number; none: number }>({
      signals: [inp(a, w, "data"), outReg(n, c, "count"), out(flag, 1, `${a} has ${kind} only`)],
      title: [
        `Count the ${end} ${kind} of a ${w}-bit number`,
        `How many ${kind} stand ${end === "leading" ? "above the highest" : "below the lowest"} ${1 - bit} of ${a}`,
        `${end === "leading" ? "Leading" : "Trailing"}-${kind.slice(0, -1)} counter, ${w} bit`,
      ],
      rules: [
        `${n} is the number of ${kind} ${end === "leading" ? "from the top bit downwards, before" : "from bit 0 upwards, before"} the first ${1 - bit}`,
        `if ${a} has ${kind} only, ${flag} is 1 and ${n} is ${none}; else ${flag} is 0`,
      ],
      plan: { leading: end === "leading", bit, none },
      write: (d) => {
        const test = `${d.bit ? "!" : ""}${a}[i]`;
        return {
          steps: [
            `The count goes up to ${w}: ${c} bit.`,
            `Look for bits that are ${1 - d.bit}: ${test}.`,
            d.leading
              ? `The highest such bit i decides: loop upwards so that the last hit wins; count ${w - 1}-i.`
              : "The lowest such bit i decides: loop downwards so that the last hit wins; count i.",
            `No hit: ${d.none}, the value before the loop.`,
            `Check: ${a} with only bit 1 ${d.bit ? "0" : "1"}: count ${d.leading ? w - 2 : 1}.`,
          ],
          code: [
            "integer i;",
            "always @*begin",
            `${n}=${d.none};`,
            d.leading
              ? `for(i=0;i<${w};i=i+1)if(${test})${n}=${w - 1}-i;`
              : `for(i=${w - 1};i>=0;i=i-1)if(${test})${n}=i;`,
            "end",
            `assign ${flag}=${bit ? `&${a}` : `${a}==0`};`,
          ],
        };
      },
      slips: [
        ["other_end", 0.6, { leading: end !== "leading" }],
        ["other_bit", 0.25, { bit: 1 - bit }],
        ["none_value", 0.15, { none: w - none }],
      ],
    });
  },
});

const field = family({
  name: "bit_field",
  theme: "wide",
  difficulty: 0.5,
  slipRate: 0.5,
  grid: {
    kind: ["insert", "extract", "extract signed", "invert"],
    w: [8, 12, 16],
    lo: [1, 2, 3, 4],
    len: [2, 3, 4],
    io: ["a.b.y", "x.v.z"],
  },
  build: ({ kind, w, lo, len, io }) => {
    const [a, b, y] = names(io);
    const signed = kind === "extract signed";
    const put = b === "b" ? "put" : "set";
    const does = {
      insert: `${y} is ${a} with these bits replaced by ${b} when ${put} is 1, else ${a}`,
      extract: `${y} is this field as a number, with zeros above it`,
      "extract signed": `${y} is this field as a two's complement number, with copies of its top bit above it`,
      invert: `${y} is ${a} with these bits inverted`,
    }[kind];
    return task<{ lo: number; sign: boolean }>({
      signals: [
        inp(a, w, "word"),
        ...(kind === "insert" ? [inp(b, len, "new field"), inp(put, 1, "replace it")] : []),
        out(y, w, "result"),
      ],
      title: [
        `${kind.charAt(0).toUpperCase()}${kind.slice(1)} the field of ${len} bits at bit ${lo} of a ${w}-bit word`,
        `${kind === "insert" ? "Replace" : kind === "invert" ? "Invert" : `Read as ${signed ? "signed" : "unsigned"} number`} ${len} bits of ${a}, from bit ${lo} upwards`,
        `Field unit, ${w} bit, field ${lo} to ${lo + len - 1}, ${kind}`,
      ],
      rules: [`the field is bits ${lo + len - 1} down to ${lo} of ${a}, ${len} bits`, does],
      plan: { lo, sign: signed },
      write: (d) => {
        const hi = d.lo + len - 1;
        const below = `${a}[${d.lo - 1}:0]`;
        const above = `${a}[${w - 1}:${hi + 1}]`;
        const f = `${a}[${hi}:${d.lo}]`;
        const parts = (middle: string) =>
          `{${hi < w - 1 ? `${above},` : ""}${middle}${d.lo > 0 ? `,${below}` : ""}}`;
        const code = {
          insert: `${put}?${parts(b)}:${a}`,
          extract: d.sign ? `{{${w - len}{${a}[${hi}]}},${f}}` : f,
          "extract signed": d.sign ? `{{${w - len}{${a}[${hi}]}},${f}}` : f,
          invert: parts(`~${f}`),
        }[kind];
        return {
          steps: [
            `The field is ${f}: ${hi}-${d.lo}+1 is ${len} bits.`,
            kind.startsWith("extract")
              ? d.sign
                ? `Above it ${w - len} copies of its top bit ${a}[${hi}].`
                : `Above it ${w - len} zeros.`
              : `Above it ${w - 1 - hi} bits stay, below it ${d.lo} bits stay.`,
            `Check the width: ${kind.startsWith("extract") ? `${w - len}+${len}` : `${w - 1 - hi}+${len}+${d.lo}`} is ${w}.`,
          ],
          code: [`assign ${y}=${code};`],
        };
      },
      slips: [
        ["one_bit_low", signed || kind === "extract" ? 0.4 : 1, { lo: lo - 1 }],
        ["sign_fill", 0.6, { sign: kind === "extract" ? true : kind === "extract signed" ? false : signed }],
      ],
    });
  },
});

const ALU = {
  add: (a: string, b: string) => `${a}+${b}`,
  sub: (a: string, b: string) => `${a}-${b}`,
  and: (a: string, b: string) => `${a}&${b}`,
  or: (a: string, b: string) => `${a}|${b}`,
  xor: (a: string, b: string) => `${a}^${b}`,
  less: (a: string, b: string) => `${a}<${b}`,
} as const;
type AluOp = keyof typeof ALU;
const ALU_SAYS: Record<AluOp, string> = {
  add: "sum",
  sub: "difference, first minus second",
  and: "bitwise and",
  or: "bitwise or",
  xor: "bitwise exclusive or",
  less: "1 if first is below second, unsigned, else 0",
};

/** Four operations in an order of its own for each k; sum and difference are always among them. */
const aluOps = (k: number): AluOp[] => {
  const rng = makeRng(`primer/alu_flags/${k}`);
  const rest = rng.shuffle<AluOp>(["and", "or", "xor", "less"]).slice(0, 2);
  return rng.shuffle<AluOp>(["add", "sub", ...rest]);
};

const aluFlags = family({
  name: "alu_flags",
  theme: "wide",
  difficulty: 0.8,
  slipRate: 0.6,
  grid: {
    w: [4, 6, 8],
    k: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    carry: ["borrow", "no borrow"],
    io: ["a.b.op.y", "p.q.f.res"],
  },
  build: ({ w, k, carry, io }) => {
    const [a, b, op, y] = names(io);
    const ops = aluOps(k);
    const m = w - 1;
    const iAdd = ops.indexOf("add");
    const iSub = ops.indexOf("sub");
    return task<{ rule: "own" | "shared"; invert: boolean }>({
      signals: [
        inp(a, w, "first operand"),
        inp(b, w, "second operand"),
        inp(op, 2, "operation"),
        out(y, w, "result"),
        out("z", 1, "zero"),
        out("n", 1, "negative"),
        out("c", 1, "carry"),
        out("v", 1, "signed overflow"),
      ],
      title: [
        `ALU of ${w} bit with four operations and the flags z, n, c, v`,
        `Arithmetic unit for ${w}-bit words that reports zero, sign, carry and overflow`,
        `${w}-bit ALU with condition flags`,
      ],
      rules: [
        ...ops.map((o, i) => `${op}=${i}: ${ALU_SAYS[o]}`),
        `z is 1 when ${y} is 0, n is the top bit of ${y}`,
        `c is the carry out of the sum; for the difference it is ${carry === "borrow" ? "1 on a borrow" : "1 when there is no borrow"}; 0 for the others`,
        "v is 1 when the sum or difference of two's complement numbers does not fit, 0 for the others",
      ],
      plan: { rule: "own", invert: carry === "no borrow" },
      write: (d) => {
        const same = `${a}[${m}]==${b}[${m}]`;
        const differ = `${a}[${m}]!=${b}[${m}]`;
        const signs =
          d.rule === "own"
            ? `(${op}==${iAdd}?${same}:${op}==${iSub}&&${differ})`
            : `(${op}==${iAdd}||${op}==${iSub})&&${same}`;
        return {
          steps: [
            `t has ${w + 1} bit, so t[${w}] is the carry of a sum and the borrow of a difference.`,
            ...ops.map((o, i) => `${op} ${i}: ${ALU[o](a, b)}.`),
            `Carry of the difference: ${d.invert ? "inverted borrow" : "the borrow itself"}.`,
            d.rule === "own"
              ? `Overflow: a sum overflows when the operands have equal signs and ${y} another; a difference when the signs differ and ${y} has another sign than ${a}.`
              : `Overflow: the operands have equal signs and ${y} another.`,
            `Check: ${2 ** m - 1} plus 1 gives n=1, v=1, c=0.`,
          ],
          code: [
            `reg [${w}:0] t;`,
            "always @*",
            `case(${op})`,
            ...ops.map((o, i) => `${i === 3 ? "default" : i}:t=${ALU[o](a, b)};`),
            "endcase",
            `assign ${y}=t[${m}:0];`,
            `assign z=${y}==0;`,
            `assign n=${y}[${m}];`,
            d.invert ? `assign c=${op}==${iSub}?!t[${w}]:t[${w}];` : `assign c=t[${w}];`,
            `assign v=${signs}&&${y}[${m}]!=${a}[${m}];`,
          ],
        };
      },
      slips: [
        ["overflow_rule", 0.65, { rule: "shared" }],
        ["borrow_sense", 0.35, { invert: carry !== "no borrow" }],
      ],
    });
  },
});

export const wide = [saturate, fixedPoint, barrel, leading, field, aluFlags];
