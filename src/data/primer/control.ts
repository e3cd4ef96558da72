/** State machines, strobes, pulse widths, timers, debouncers, register files and FIFO bookkeeping. Rising clock edge. */

import { circuit, family } from "./family.js";
import {
  clocked,
  input,
  names,
  output,
  outputReg,
  RESETS,
  type Reset,
  range,
  resetIf,
  resetOf,
  resetSay,
  resetThink,
} from "./verilog.js";

const handshake = family({
  name: "fsm_busy",
  theme: "fsm",
  difficulty: 0.4,
  slipRate: 0.6,
  grid: {
    rst: RESETS,
    done: [1, 0],
    go: [1, 0],
    io: ["go.done.busy", "req.ack.y", "st.fin.run", "a.b.q", "on.off.act"],
  },
  build: ({ rst, done, go, io }) => {
    const [start, stop, y] = names(io);
    const r = resetOf(rst);
    const say = resetSay(r, 0);
    return circuit<Reset & { done: number; go: number }>({
      ports: [input("clk"), input(r.rst), input(start), input(stop), outputReg(y)],
      say: [
        `${y} goes 0 to 1 when ${start} is ${go} and 1 to 0 when ${stop} is ${done}; ${say[0]}.`,
        `Two-state machine ${y}: from 0 to 1 if ${start} is ${go}, back to 0 if ${stop} is ${done}, ${say[1]}.`,
        `In state 0 ${y} rises if ${start}=${go}, in state 1 it falls if ${stop}=${done}; ${say[2]}.`,
      ],
      plan: { ...r, done, go },
      write: (d) => ({
        think: `leave 1 if ${stop} is ${d.done}, leave 0 if ${start} is ${d.go}, ${resetThink(d)}`,
        code: clocked(d, `${y}<=0;`, `${y}<=${y}?${d.done ? "!" : ""}${stop}:${d.go ? "" : "!"}${start};`),
      }),
      slips: [
        ["exit_condition", 0.75, { done: 1 - done }],
        ["entry_condition", 0.25, { go: 1 - go }],
      ],
    });
  },
});

const fsm3 = family({
  name: "fsm_three",
  theme: "fsm",
  difficulty: 0.6,
  slipRate: 0.75,
  grid: { rst: RESETS, from0: [1, 2], from1: [0, 2], from2: [0, 1], out: [1, 2], io: ["a.y", "go.z"] },
  // Every state must be reachable from 0, or the output would be constant.
  keep: ({ from0, from1, from2 }) => (from0 === 1 ? from1 === 2 : from2 === 1),
  build: ({ rst, from0, from1, from2, out, io }) => {
    const [a, y] = names(io);
    const r = resetOf(rst);
    const say = resetSay(r, 0);
    return circuit<Reset & { to: number[]; high: boolean }>({
      ports: [input("clk"), input(r.rst), input(a), output(y)],
      say: [
        `State s: if ${a}, 0 goes to ${from0}, 1 to ${from1}, 2 to ${from2}; ${y} is 1 in state ${out}; ${say[0]}.`,
        `Moore machine moving 0 to ${from0}, 1 to ${from1}, 2 to ${from2} when ${a} is 1, ${y} high in ${out}, ${say[1]}.`,
        `When ${a}=1 state 0, 1, 2 becomes ${from0}, ${from1}, ${from2}; ${y} marks state ${out}; ${say[2]}.`,
      ],
      plan: { ...r, to: [from0, from1, from2], high: true },
      write: (d) => ({
        think: `moves if ${a} is ${d.high ? 1 : 0}, to ${d.to.join(" ")}, ${resetThink(d)}`,
        code: `reg [1:0] s;\n${clocked(d, "s<=0;", `if(${d.high ? "" : "!"}${a})s<=s==0?${d.to[0]}:s==1?${d.to[1]}:${d.to[2]};`)}\nassign ${y}=s==${out};`,
      }),
      slips: [["inverted_condition", 1, { high: false }]],
    });
  },
});

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

const registerFile = family({
  name: "register_file",
  theme: "memory",
  difficulty: 0.5,
  slipRate: 0.3,
  grid: {
    n: [1, 2, 3],
    read: ["at once", "registered"],
    w: [1, 2, 3, 4, 5, 6, 8],
    io: ["we.wa.d.ra.q", "wr.i.x.j.y", "we.w.a.r.z"],
  },
  build: ({ n, read, w, io }) => {
    const [we, wa, d0, ra, q] = names(io);
    const registered = read === "registered";
    return circuit<{ enabled: boolean; from: string }>({
      ports: [
        input("clk"),
        input(we),
        input(wa, n),
        input(d0, w),
        input(ra, n),
        (registered ? outputReg : output)(q, w),
      ],
      say: [
        `Memory m: ${we} writes ${d0} to m[${wa}] on the clock; ${q} is m[${ra}], ${registered ? "registered, old data" : "read at once"}.`,
        `Register file of ${2 ** n} words, write ${d0} at ${wa} if ${we}, ${registered ? "clocked read of the old word" : "combinational read"} at ${ra} to ${q}.`,
        `${2 ** n} words; clocked write of ${d0} to ${wa} when ${we}; ${registered ? "on the clock" : "without clock"} ${q} gives the ${registered ? "old " : ""}word ${ra}.`,
      ],
      plan: { enabled: true, from: ra },
      write: (d) => {
        const writes = `${d.enabled ? `if(${we})` : ""}m[${wa}]<=${d0};`;
        const reads = `m[${d.from}];`;
        return {
          think: `${d.enabled ? `write if ${we}` : "always write"}, read ${d.from} ${registered ? "clocked" : "at once"}`,
          code: `reg ${range(w)}m[0:${2 ** n - 1}];\nalways @(posedge clk)${registered ? `begin\n${q}<=${reads}\n${writes}\nend` : `\n${writes}\nassign ${q}=${reads}`}`,
        };
      },
      slips: [
        ["no_write_enable", 0.8, { enabled: false }],
        ["wrong_address", 0.2, { from: wa }],
      ],
    });
  },
});

const fifoLevel = family({
  name: "fifo_level",
  theme: "fifo",
  difficulty: 0.6,
  slipRate: 0.7,
  grid: { rst: RESETS, k: [3, 4, 5, 6, 9, 10, 12], w: [4, 5], io: ["push.pop.n", "wr.rd.cnt", "i.o.q"] },
  build: ({ rst, k, w, io }) => {
    const [push, pop, c] = names(io);
    const r = resetOf(rst);
    const say = resetSay(r, 0);
    return circuit<Reset & { full: boolean; empty: boolean }>({
      ports: [input("clk"), input(r.rst), input(push), input(pop), outputReg(c, w)],
      say: [
        `${c} is a FIFO level: +1 on ${push} if below ${k}, -1 on ${pop} if not 0, both may act; ${say[0]}.`,
        `FIFO level ${c} of depth ${k}: ${push} adds 1 unless full, ${pop} takes 1 unless empty, each by old ${c}, ${say[1]}.`,
        `Track ${c}: ${push} when ${c}<${k} adds 1, ${pop} when ${c}>0 takes 1; ${say[2]}.`,
      ],
      plan: { ...r, full: true, empty: true },
      write: (d) => ({
        think: `${d.full ? `full at ${k}` : "no full test"}, ${d.empty ? "empty at 0" : "no empty test"}, ${resetThink(d)}`,
        code: clocked(
          d,
          `${c}<=0;`,
          `${c}<=${c}+${d.full ? `(${push}&&${c}<${k})` : push}-${d.empty ? `(${pop}&&${c}>0)` : pop};`,
        ),
      }),
      slips: [
        ["no_full_test", 0.8, { full: false }],
        ["no_empty_test", 0.2, { empty: false }],
      ],
    });
  },
});

const fifo = family({
  name: "fifo",
  theme: "fifo",
  difficulty: 0.9,
  slipRate: 0.7,
  grid: {
    n: [1, 2, 3],
    rst: ["sync_high", "sync_low"],
    w: [1, 2, 3, 4, 5, 6, 8],
    io: ["push.pop.d.q", "wr.rd.a.y"],
  },
  build: ({ n, rst, w, io }) => {
    const [push, pop, d0, q] = names(io);
    const r = resetOf(rst);
    const say = resetSay(r, 0);
    const depth = 2 ** n;
    return circuit<Reset & { full: boolean; empty: boolean }>({
      ports: [input("clk"), input(r.rst), input(push), input(pop), input(d0, w), output(q, w), output("ok")],
      say: [
        `FIFO of ${depth}: ${push} writes ${d0} unless full, ${pop} drops the head ${q} unless empty, ok means not empty, ${q} 0 if empty; pointers ${say[0]}.`,
        `${depth}-word FIFO, ${push} ${d0}, ${pop}, head ${q} or 0, ok if not empty; ignores ${push} when full and ${pop} when empty; ${say[1]}.`,
        `Queue of ${depth} words: ${push} adds ${d0} if not full, ${pop} removes head ${q} if ok (not empty), else ${q} is 0; ${say[2]}.`,
      ],
      plan: { ...r, full: true, empty: true },
      write: (d) => ({
        think: `${d.full ? `full at ${depth}` : "no full test"}, ${d.empty ? "empty test" : "no empty test"}, ${resetThink(d)}`,
        code: [
          `reg ${range(w)}m[0:${depth - 1}];`,
          `reg [${n}:0] i,o,c;`,
          `assign ok=c!=0;`,
          `assign ${q}=ok?m[o[${n - 1}:0]]:0;`,
          `wire e=${push}${d.full ? `&&c!=${depth}` : ""};`,
          `wire f=${pop}${d.empty ? "&&ok" : ""};`,
          "always @(posedge clk)begin",
          `if(e)m[i[${n - 1}:0]]<=${d0};`,
          `if(${resetIf(d)}){i,o,c}<=0;`,
          "else begin",
          "i<=i+e;",
          "o<=o+f;",
          "c<=c+e-f;",
          "end",
          "end",
        ].join("\n"),
      }),
      slips: [
        ["no_full_test", 0.75, { full: false }],
        ["no_empty_test", 0.25, { empty: false }],
      ],
    });
  },
});

export const control = [
  handshake,
  fsm3,
  strobe,
  divider,
  pwm,
  timer,
  debounce,
  registerFile,
  fifoLevel,
  fifo,
];
