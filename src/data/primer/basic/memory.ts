/** Register files, FIFO levels and small FIFOs. Rising clock edge. */

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
  resetIf,
  resetOf,
  resetSay,
  resetThink,
} from "../verilog.js";

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

export const memories = [registerFile, fifoLevel, fifo];
