/** Families the teacher never shows: they measure what carries over. Test split only. */

import { circuit, family } from "../family.js";
import { IO1, input, names, output } from "../verilog.js";

/** What all families of this file share. */
const HELD_OUT = { theme: "unseen", role: "unseen", slipRate: 0, limit: 6 } as const;

const majority = family({
  ...HELD_OUT,
  name: "majority",
  difficulty: 0.5,
  grid: { kind: ["majority", "minority"], w: [1, 2, 4, 8], io: ["a.b.c.y", "m.n.p.z"] },
  build: ({ kind, w, io }) => {
    const [a, b, c, y] = names(io);
    return circuit({
      ports: [input(a, w), input(b, w), input(c, w), output(y, w)],
      say: [
        `${y} is the bitwise ${kind} of ${a}, ${b} and ${c}.`,
        `Each bit of ${y} is the ${kind} value among ${a}, ${b}, ${c}.`,
        `Bitwise ${kind} vote of ${a}, ${b}, ${c}.`,
      ],
      plan: { invert: kind === "minority" ? "~" : "" },
      write: (d) => ({
        think: `two of three agree, ${d.invert ? "inverted" : "plain"}`,
        code: `assign ${y}=${d.invert}(${a}&${b}|${a}&${c}|${b}&${c});`,
      }),
      slips: [],
    });
  },
});

const reverse = family({
  ...HELD_OUT,
  name: "bit_reverse",
  difficulty: 0.5,
  grid: { inv: [0, 1], w: [3, 4, 5, 6, 8], io: IO1 },
  build: ({ inv, w, io }) => {
    const [a, y] = names(io);
    const then = inv ? ", then invert" : "";
    return circuit({
      ports: [input(a, w), output(y, w)],
      say: [
        `Reverse the bit order of ${a}${then}.`,
        `${y} is ${a} with top and bottom bits exchanged throughout${then}.`,
        `Mirror the bits of ${a} into ${y}${then}.`,
      ],
      plan: { invert: inv ? "~" : "" },
      write: (d) => ({
        think: `bit 0 on top${then}`,
        code: `assign ${y}=${d.invert}{${Array.from({ length: w }, (_, i) => `${a}[${i}]`).join(",")}};`,
      }),
      slips: [],
    });
  },
});

const gray = family({
  ...HELD_OUT,
  name: "gray",
  difficulty: 0.5,
  grid: { w: [2, 3, 4, 5, 6, 8], io: IO1 },
  build: ({ w, io }) => {
    const [a, y] = names(io);
    return circuit({
      ports: [input(a, w), output(y, w)],
      say: [
        `${y} is binary ${a} in Gray code.`,
        `Gray code of ${a}: ${a} xor ${a} after a logical right shift by 1.`,
        `Convert ${a} from binary to Gray.`,
      ],
      plan: { way: ">>" },
      write: (d) => ({ think: `${a} xor ${a}${d.way}1`, code: `assign ${y}=${a}^(${a}${d.way}1);` }),
      slips: [],
    });
  },
});

const inRange = family({
  ...HELD_OUT,
  name: "in_range",
  difficulty: 0.4,
  grid: { lo: [2, 3, 4], hi: [9, 11, 13], w: [4, 5, 8], io: IO1 },
  build: ({ lo, hi, w, io }) => {
    const [a, y] = names(io);
    return circuit({
      ports: [input(a, w), output(y)],
      say: [
        `${y} is 1 when unsigned ${a} is at least ${lo} and at most ${hi}.`,
        `Detect unsigned ${a} from ${lo} through ${hi}.`,
        `Raise ${y} while ${a} is at least ${lo} and at most ${hi}.`,
      ],
      plan: { join: "&&" },
      write: (d) => ({
        think: `at least is >=, at most is <=`,
        code: `assign ${y}=${a}>=${lo}${d.join}${a}<=${hi};`,
      }),
      slips: [],
    });
  },
});

const bitSelect = family({
  ...HELD_OUT,
  name: "bit_select",
  difficulty: 0.4,
  grid: { n: [1, 2, 3, 4], end: ["bottom", "top"], io: ["a.s.y", "d.sel.z"] },
  build: ({ n, end, io }) => {
    const [a, s, y] = names(io);
    return circuit({
      ports: [input(a, 2 ** n), input(s, n), output(y)],
      say: [
        `${y} is bit ${s} of ${a}, counted from the ${end}.`,
        `Select one bit of ${a} by ${s}, 0 is the ${end} bit.`,
        `Multiplexer from the bits of ${a}; ${s}=0 selects the ${end} bit.`,
      ],
      plan: { invert: end === "top" ? "~" : "" },
      write: (d) => ({ think: `0 is the ${end}`, code: `assign ${y}=${a}[${d.invert}${s}];` }),
      slips: [],
    });
  },
});

const multiply = family({
  ...HELD_OUT,
  name: "multiply",
  difficulty: 0.3,
  grid: { w: [2, 3, 4, 5, 6, 7, 8], io: ["a.b.y", "m.n.z"] },
  build: ({ w, io }) => {
    const [a, b, y] = names(io);
    return circuit({
      ports: [input(a, w), input(b, w), output(y, w)],
      say: [
        `${y} is unsigned ${a} times ${b}, modulo its width.`,
        `Multiply ${a} and ${b}, keeping the low bits.`,
        `${y} is the product of ${a} and ${b}, wrapping around.`,
      ],
      plan: { op: "*" },
      write: (d) => ({ think: `multiply`, code: `assign ${y}=${a}${d.op}${b};` }),
      slips: [],
    });
  },
});

const swapHalves = family({
  ...HELD_OUT,
  name: "swap_halves",
  difficulty: 0.4,
  grid: { h: [1, 2, 3, 4, 5, 8], io: IO1 },
  build: ({ h, io }) => {
    const [a, y] = names(io);
    return circuit({
      ports: [input(a, 2 * h), output(y, 2 * h)],
      say: [
        `${y} is ${a} with its top and bottom halves exchanged.`,
        `Swap the two ${h}-bit halves of ${a}.`,
        `Concatenate from the top: low half of ${a}, then high half.`,
      ],
      plan: { by: h },
      write: (d) => ({ think: `rotate by ${d.by}`, code: `assign ${y}={${a},${a}}>>${d.by};` }),
      slips: [],
    });
  },
});

export const unseen = [majority, reverse, gray, inRange, bitSelect, multiply, swapHalves];
