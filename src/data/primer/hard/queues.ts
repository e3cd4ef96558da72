/** FIFOs, stacks and levels with flags. Rising clock edge. */

import { family } from "../family.js";
import { bitsFor, block, CLK, inp, out, outReg, resetRule, resetStep, rstOf, task } from "../task.js";
import { clocked, names, RESETS, type Reset, range, resetOf } from "../verilog.js";

const syncFifo = family({
  name: "sync_fifo",
  theme: "queues",
  difficulty: 0.8,
  slipRate: 0.6,
  grid: {
    n: [1, 2, 3],
    w: [1, 3, 4, 8],
    full: ["refuse", "pass"],
    head: ["shown", "registered"],
    rst: RESETS,
    io: ["push.pop.din.dout", "wr.rd.d.q"],
  },
  build: ({ n, w, full, head, rst, io }) => {
    const [push, pop, din, dout] = names(io);
    const r = resetOf(rst);
    const depth = 2 ** n;
    const shown = head === "shown";
    const pass = full === "pass";
    return task<Reset & { count: number; guard: boolean; pass: boolean }>({
      signals: [
        CLK,
        rstOf(r),
        inp(push, 1, `write request`),
        inp(pop, 1, `read request`),
        inp(din, w, `word to write`),
        (shown ? out : outReg)(dout, w, shown ? "oldest word, 0 while empty" : "last word read"),
        out("full", 1, `${depth} words stored`),
        out("empty", 1, "no word stored"),
      ],
      title: [
        `Synchronous FIFO of ${depth} words of ${w} bit`,
        `Design a first-in first-out buffer for ${depth} words of ${w} bit on one clock`,
        `A queue with room for ${depth} words, each ${w} bit wide`,
      ],
      rules: [
        pass
          ? `${push} stores ${din} unless the FIFO is full; while full it is accepted only together with ${pop}`
          : `${push} stores ${din} unless the FIFO is full; while full it is ignored even if ${pop} is 1`,
        `${pop} removes the oldest word unless the FIFO is empty`,
        shown
          ? `${dout} shows the oldest word without a clock, and 0 while empty`
          : `an accepted ${pop} loads the oldest word into ${dout}, which otherwise keeps its value`,
        resetRule(r, shown ? "empties the FIFO" : `empties the FIFO and sets ${dout} to 0`),
      ],
      plan: { ...r, count: n + 1, guard: true, pass },
      write: (d) => ({
        steps: [
          `Pointers: ${depth} words, so i and o have ${n} bit and wrap by themselves.`,
          `Count c goes from 0 to ${depth}: ${d.count} bit. full is c==${depth}, empty is c==0.`,
          `Push e: ${push}${d.guard ? (d.pass ? ` and not full, or full with ${pop}` : " and not full") : " always"}. Pop f: ${pop} and not empty.`,
          resetStep(d),
          `Next c is c+e-f. Corner: c=${depth}, ${push} and ${pop}: e=${!d.guard || d.pass ? 1 : 0}, f=1, c becomes ${!d.guard || d.pass ? depth : depth - 1}.`,
        ],
        code: [
          `reg ${range(w)}m[0:${depth - 1}];`,
          `reg ${range(n)}i,o;`,
          `reg ${range(d.count)}c;`,
          "assign empty=c==0;",
          `assign full=c==${depth};`,
          `wire e=${push}${d.guard ? (d.pass ? `&&(!full||${pop})` : "&&!full") : ""};`,
          `wire f=${pop}&&!empty;`,
          ...(shown ? [`assign ${dout}=empty?0:m[o];`] : []),
          `always @(posedge clk)if(e)m[i]<=${din};`,
          clocked(
            d,
            block("i<=0;", "o<=0;", "c<=0;", ...(shown ? [] : [`${dout}<=0;`])),
            block("i<=i+e;", "o<=o+f;", "c<=c+e-f;", ...(shown ? [] : [`if(f)${dout}<=m[o];`])),
          ),
        ],
      }),
      slips: [
        ["narrow_count", 0.55, { count: n }],
        ["no_full_guard", 0.25, { guard: false }],
        ["full_with_pop", 0.2, { pass: !pass }],
      ],
    });
  },
});

const stack = family({
  name: "lifo_stack",
  theme: "queues",
  difficulty: 0.75,
  slipRate: 0.5,
  grid: {
    n: [1, 2, 3],
    w: [2, 4, 8],
    both: ["push", "pop", "replace"],
    rst: RESETS,
    io: ["push.pop.din.top", "put.take.d.q"],
  },
  build: ({ n, w, both, rst, io }) => {
    const [push, pop, din, top] = names(io);
    const r = resetOf(rst);
    const depth = 2 ** n;
    const say = {
      push: `while ${push} is 1, ${pop} is ignored`,
      pop: `while ${pop} is 1, ${push} is ignored`,
      replace: `${push} and ${pop} together replace the top word; on an empty stack they only push`,
    };
    return task<Reset & { below: string; guard: boolean; both: "push" | "pop" | "replace" }>({
      signals: [
        CLK,
        rstOf(r),
        inp(push, 1, "push request"),
        inp(pop, 1, "pop request"),
        inp(din, w, "word to push"),
        out(top, w, "word on top, 0 while empty"),
        out("full", 1, `${depth} words stored`),
        out("empty", 1, "no word stored"),
      ],
      title: [
        `Stack of ${depth} words of ${w} bit`,
        `Design a last-in first-out memory, ${depth} words deep and ${w} bit wide`,
        `A hardware stack that holds up to ${depth} words of ${w} bit`,
      ],
      rules: [
        `${push} puts ${din} on top unless the stack is full`,
        `${pop} drops the top word unless the stack is empty`,
        say[both],
        `${top} shows the top word without a clock, 0 while empty`,
        resetRule(r, "empties the stack"),
      ],
      plan: { ...r, below: "s-1", guard: true, both },
      write: (d) => {
        const replace = d.both === "replace";
        const room = d.guard ? "&&!full" : "";
        const e = `${push}${d.both === "pop" ? `&&!${pop}` : replace ? "&&!r" : ""}${room}`;
        const f = `${pop}${d.both === "push" ? `&&!${push}` : replace ? "&&!r" : ""}&&!empty`;
        return {
          steps: [
            `Stack pointer s counts the words, 0 to ${depth}: ${n + 1} bit. It names the first free word.`,
            `The top word is m[${d.below}]; with s=0 show 0.`,
            `Both requests: ${d.both === "replace" ? "r writes the top word, s stays" : `${d.both} wins`}. Push ${d.guard ? "needs s below the depth" : "is always taken"}, pop needs s above 0.`,
            resetStep(d),
            `Check: empty, push 1 word: s=1, top is m[${d.below.replace("s-1", "0").replace("s", "1")}].`,
          ],
          code: [
            `reg ${range(w)}m[0:${depth - 1}];`,
            `reg [${n}:0] s;`,
            "assign empty=s==0;",
            `assign full=s==${depth};`,
            `assign ${top}=empty?0:m[${d.below}];`,
            ...(replace ? [`wire r=${push}&&${pop}&&!empty;`] : []),
            `wire e=${e};`,
            `wire f=${f};`,
            "always @(posedge clk)",
            `if(e)m[s]<=${din};`,
            ...(replace ? [`else if(r)m[s-1]<=${din};`] : []),
            clocked(d, "s<=0;", "s<=s+e-f;"),
          ],
        };
      },
      slips: [
        ["top_off_by_one", 0.6, { below: "s" }],
        ["no_full_guard", 0.2, { guard: false }],
        ["priority", 0.2, { both: both === "push" ? "pop" : "push" }],
      ],
    });
  },
});

const levelFlags = family({
  name: "level_flags",
  theme: "queues",
  difficulty: 0.65,
  slipRate: 0.45,
  grid: {
    k: [5, 6, 9, 10, 12, 20],
    high: [1, 2, 3],
    low: [1, 2],
    sticky: [1, 0],
    rst: RESETS,
    io: ["push.pop.level", "inc.dec.n"],
  },
  build: ({ k, high, low, sticky, rst, io }) => {
    const [push, pop, level] = names(io);
    const r = resetOf(rst);
    const w = bitsFor(k);
    const above = k - high;
    return task<Reset & { above: string; sticky: boolean; w: number }>({
      signals: [
        CLK,
        rstOf(r),
        inp(push, 1, "one more"),
        inp(pop, 1, "one less"),
        outReg(level, w, "words stored"),
        out("afull", 1, "almost full"),
        out("aempty", 1, "almost empty"),
        outReg("lost", 1, sticky ? "a request was lost since reset" : "the last request was lost"),
      ],
      title: [
        `Fill level of a buffer of ${k} words with almost-full and almost-empty flags`,
        `Track how many of ${k} places are taken`,
        `Level counter for a queue with ${k} places`,
      ],
      rules: [
        `${push} adds 1 while ${level} is below ${k}, ${pop} takes 1 while ${level} is above 0, both by the old ${level}; both may act`,
        `afull is 1 while ${level} is at least ${above}, aempty while ${level} is at most ${low}`,
        sticky
          ? `lost becomes 1 when ${push} finds ${level} at ${k}, and stays 1 until reset`
          : `lost is 1 for the clock after ${push} found ${level} at ${k}, otherwise 0`,
        resetRule(r, `sets ${level} and lost to 0`),
      ],
      plan: { ...r, above: ">=", sticky: sticky === 1, w },
      write: (d) => ({
        steps: [
          `${level} goes from 0 to ${k}: ${w} bit.`,
          `Push acts if ${level}<${k}, pop acts if ${level}>0.`,
          `At least ${above} is ${level}${d.above}${above}; at most ${low} is ${level}<=${low}.`,
          `lost ${d.sticky ? "is set and kept" : "is written each clock"}, from ${push} at ${k}.`,
          resetStep(d),
          `Check: ${level}=${above}: afull is ${d.above === ">=" ? 1 : 0}.`,
        ],
        code: [
          `wire e=${push}&&${level}<${k};`,
          `wire f=${pop}&&${level}>0;`,
          `assign afull=${level}${d.above}${above};`,
          `assign aempty=${level}<=${low};`,
          clocked(
            d,
            block(`${level}<=0;`, "lost<=0;"),
            block(`${level}<=${level}+e-f;`, d.sticky ? `if(${push}&&!e)lost<=1;` : `lost<=${push}&&!e;`),
          ),
        ],
      }),
      slips: [
        ["strictness", 0.6, { above: ">" }],
        ["sticky", 0.25, { sticky: sticky !== 1 }],
        ["reset_polarity", 0.15, { low: !r.low }],
      ],
    });
  },
});

export const queues = [syncFifo, stack, levelFlags];
