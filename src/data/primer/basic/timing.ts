/** Strobes, clock dividers, pulse widths, timers and debouncers. Rising clock edge. */

import { circuit, family } from "../family.js";
import {
  clocked,
  input,
  names,
  output,
  outputReg,
  RESETS,
  type Reset,
  range,
  resetOf,
  resetSay,
  resetThink,
} from "../verilog.js";

const strobe = family({
  name: "strobe",
  theme: "dividers",
  difficulty: 0.45,
  slipRate: 0.65,
  grid: { rst: RESETS, k: [4, 5, 6, 9, 10, 12], w: [4, 5], io: ["tick.c", "y.q", "en.cnt"] },
  build: ({ rst, k, w, io }) => {
    const [tick, c] = names(io);
    const r = resetOf(rst);
    const say = resetSay(r, 0);
    return circuit<Reset & { at: number }>({
      ports: [input("clk"), input(r.rst), outputReg(c, w), output(tick)],
      say: [
        `${c} counts 0 to ${k} and repeats, ${tick} is 1 while ${c} is ${k}; ${say[0]}.`,
        `Divider: ${c} restarts after ${k}, ${tick} high at ${k}, ${say[1]}.`,
        `Strobe ${tick} at ${c}=${k}, after which ${c} returns to 0; ${say[2]}.`,
      ],
      plan: { ...r, at: k },
      write: (d) => ({
        think: `${tick} at ${d.at}, ${resetThink(d)}, wrap at ${k}`,
        code: `${clocked(d, `${c}<=0;`, `${c}<=${c}==${k}?0:${c}+1;`)}\nassign ${tick}=${c}==${d.at};`,
      }),
      slips: [
        ["strobe_at_zero", 0.8, { at: 0 }],
        ["reset_polarity", 0.2, { low: !r.low }],
      ],
    });
  },
});

const divider = family({
  name: "divider",
  theme: "dividers",
  difficulty: 0.5,
  slipRate: 0.45,
  grid: { rst: RESETS, k: [2, 3, 4, 5, 6, 9, 11, 12], w: [4, 5], y: ["y", "out", "q"] },
  build: ({ rst, k, w, y }) => {
    const r = resetOf(rst);
    const say = resetSay(r, 0);
    return circuit<Reset & { test: string }>({
      ports: [input("clk"), input(r.rst), outputReg(y)],
      say: [
        `${w}-bit c counts 0 to ${k} over and over; ${y} toggles when c leaves ${k}; both ${say[0]}.`,
        `Clock divider: ${y} toggles as ${w}-bit c wraps from ${k} to 0; both ${say[1]}.`,
        `Toggle ${y} each time ${w}-bit counter c restarts after ${k}; ${say[2]}, c too.`,
      ],
      plan: { ...r, test: "==" },
      write: (d) => ({
        think: `toggle if c${d.test}${k}, ${resetThink(d)}`,
        code: `reg ${range(w)}c;\n${clocked(d, `{c,${y}}<=0;`, `if(c${d.test}${k}){c,${y}}<=!${y};\nelse c<=c+1;`)}`,
      }),
      slips: [
        ["one_late", 0.75, { test: ">" }],
        ["reset_polarity", 0.25, { low: !r.low }],
      ],
    });
  },
});

const pwm = family({
  name: "pwm",
  theme: "timers",
  difficulty: 0.45,
  slipRate: 0.65,
  grid: { rst: RESETS, on: [1, 0], w: [3, 4, 5, 6, 8], io: ["d.y", "duty.pwm", "a.out"] },
  build: ({ rst, on, w, io }) => {
    const [duty, y] = names(io);
    const r = resetOf(rst);
    const say = resetSay(r, 0);
    return circuit<Reset & { test: string }>({
      ports: [input("clk"), input(r.rst), input(duty, w), output(y)],
      say: [
        `${w}-bit c counts up freely; ${y} is ${on} while c is less than ${duty}, else ${1 - on}; c ${say[0]}.`,
        `PWM: ${y} is ${on} for the first ${duty} counts of a ${w}-bit up counter c, ${say[1]}.`,
        `Compare ${w}-bit up counter c with ${duty}: ${y} is ${on} exactly when c is below; ${say[2]}.`,
      ],
      plan: { ...r, test: on ? "<" : ">=" },
      write: (d) => ({
        think: `c${d.test}${duty}, ${resetThink(d)}`,
        code: `reg ${range(w)}c;\n${clocked(d, "c<=0;", "c<=c+1;")}\nassign ${y}=c${d.test}${duty};`,
      }),
      slips: [
        ["one_count_off", 0.8, { test: on ? "<=" : ">" }],
        ["inverted", 0.2, { test: on ? ">=" : "<" }],
      ],
    });
  },
});

const timer = family({
  name: "timer",
  theme: "timers",
  difficulty: 0.5,
  slipRate: 0.5,
  grid: { rst: RESETS, k: [3, 4, 5, 6, 9, 10, 12], w: [4, 5], io: ["go.y", "st.busy", "a.out"] },
  build: ({ rst, k, w, io }) => {
    const [go, y] = names(io);
    const r = resetOf(rst);
    const say = resetSay(r, 0);
    return circuit<Reset & { stops: boolean }>({
      ports: [input("clk"), input(r.rst), input(go), output(y)],
      say: [
        `${go} sets ${w}-bit c to ${k}, else c counts down and stops at 0; ${y} is 1 while c is not 0; c ${say[0]}.`,
        `Timer: ${go} loads ${k} into ${w}-bit c, which counts down to 0 and holds; ${y} means c is not 0; ${say[1]}.`,
        `${y} is 1 while ${w}-bit c is not 0; ${go} makes c ${k}, else it falls to 0 and stays; ${say[2]}.`,
      ],
      plan: { ...r, stops: true },
      write: (d) => ({
        think: `${d.stops ? "stops at 0" : "keeps going"}, ${resetThink(d)}, loads ${k}`,
        code: `reg ${range(w)}c;\n${clocked(d, "c<=0;", `if(${go})c<=${k};\nelse ${d.stops ? "if(c!=0)" : ""}c<=c-1;`)}\nassign ${y}=c!=0;`,
      }),
      slips: [
        ["does_not_stop", 0.75, { stops: false }],
        ["reset_polarity", 0.25, { low: !r.low }],
      ],
    });
  },
});

const debounce = family({
  name: "debounce",
  theme: "timers",
  difficulty: 0.6,
  slipRate: 0.4,
  grid: { rst: RESETS, n: [2, 3, 4, 5], io: ["a.y", "d.q", "in.out", "btn.y", "key.z"] },
  build: ({ rst, n, io }) => {
    const [a, y] = names(io);
    const r = resetOf(rst);
    const say = resetSay(r, 0);
    return circuit<Reset & { hold: boolean }>({
      ports: [input("clk"), input(r.rst), input(a), outputReg(y)],
      say: [
        `s keeps the last ${n} samples of ${a}; ${y} sets when old s is all 1, clears when all 0, else holds; both ${say[0]}.`,
        `Debounce ${a}: ${y} becomes 1 if old s is ${n} ones, 0 if ${n} zeros, else keeps; both ${say[1]}.`,
        `${y} takes the common bit of old s, the last ${n} samples of ${a}, else holds; ${say[2]}, s too.`,
      ],
      plan: { ...r, hold: true },
      write: (d) => ({
        think: `${d.hold ? "holds between" : "no hold"}, ${resetThink(d)}, ${n} samples`,
        code: `reg ${range(n)}s;\n${clocked(d, `{s,${y}}<=0;`, `begin\ns<={s,${a}};\n${y}<=${d.hold ? `${y}?|s:&s` : "&s"};\nend`)}`,
      }),
      slips: [
        ["no_hold", 0.75, { hold: false }],
        ["reset_polarity", 0.25, { low: !r.low }],
      ],
    });
  },
});

export const timing = [strobe, divider, pwm, timer, debounce];
