/** Memories with byte enables, register files with bypass, a block of control registers. Rising clock edge. */

import { family } from "../family.js";
import { block, CLK, inp, out, outReg, resetRule, resetStep, rstOf, task } from "../task.js";
import { clocked, names, RESETS, type Reset, range, resetOf } from "../verilog.js";

const byteMemory = family({
  name: "byte_memory",
  theme: "storage",
  difficulty: 0.7,
  slipRate: 0.5,
  grid: {
    n: [1, 2, 3],
    lanes: [2, 3, 4],
    size: [4, 8],
    mode: ["old", "new"],
    en: [0, 1],
    io: ["a.we.be.d.q", "addr.wr.sel.din.dout"],
  },
  build: ({ n, lanes, size, mode, en, io }) => {
    const [a, we, be, d0, q] = names(io);
    const w = lanes * size;
    return task<{ fresh: boolean; masked: boolean; reversed: boolean }>({
      signals: [
        CLK,
        ...(en ? [inp("en", 1, "0: neither write nor read")] : []),
        inp(a, n, "address"),
        inp(we, 1, "write"),
        inp(be, lanes, `lane enables, bit 0 for the lowest ${size} bits`),
        inp(d0, w, "word to write"),
        outReg(q, w, "word read on the last clock"),
      ],
      title: [
        `Memory of ${2 ** n} words of ${w} bit with ${lanes} write lanes of ${size} bit`,
        `Single-port memory, ${2 ** n} words, each of ${lanes} lanes of ${size} bit that are written one by one`,
        `RAM ${2 ** n} x ${w} with enables for each group of ${size} bits`,
      ],
      rules: [
        `${we} 1 writes on the clock those lanes of word ${a} whose bit in ${be} is 1; the other lanes keep their value`,
        `${q} loads word ${a} on the same clock, ${mode === "old" ? "as it was before a write" : "as it is after the write, if there is one"}`,
        ...(en ? [`with en 0 the clock changes neither memory nor ${q}`] : []),
      ],
      plan: { fresh: mode === "new", masked: true, reversed: false },
      write: (d) => {
        const lane = (i: number) => `[${(i + 1) * size - 1}:${i * size}]`;
        const parts = Array.from({ length: lanes }, (_, i) => lanes - 1 - i).map(
          (i) => `${be}[${d.reversed ? lanes - 1 - i : i}]?${d0}${lane(i)}:o${lane(i)}`,
        );
        return {
          steps: [
            `${2 ** n} words: m[0:${2 ** n - 1}], address ${n} bit. o is the old word.`,
            d.masked
              ? `New word x, lane by lane: ${be}[${d.reversed ? lanes - 1 : 0}] chooses ${lane(0)}, ${be}[${d.reversed ? 0 : lanes - 1}] chooses ${lane(lanes - 1)}.`
              : `New word x is ${d0}.`,
            `Write x if ${we}${en ? " and en" : ""}.`,
            d.fresh ? `${q} takes x on a write, else o.` : `${q} takes o, the old word, always.`,
            `Check: ${be}=1: ${d.masked ? `only bits ${(d.reversed ? lanes : 1) * size - 1} to ${(d.reversed ? lanes - 1 : 0) * size} change` : "all bits change"}.`,
          ],
          code: [
            `reg ${range(w)}m[0:${2 ** n - 1}];`,
            `wire ${range(w)}o=m[${a}];`,
            `wire ${range(w)}x=${d.masked ? `{${parts.join(",")}}` : d0};`,
            `always @(posedge clk)${en ? "if(en)" : ""}${block(`if(${we})m[${a}]<=x;`, `${q}<=${d.fresh ? `${we}?x:o` : "o"};`)}`,
          ],
        };
      },
      slips: [
        ["old_or_new_word", 0.6, { fresh: mode !== "new" }],
        ["lanes_reversed", 0.2, { reversed: true }],
        ["no_lane_enables", 0.2, { masked: false }],
      ],
    });
  },
});

const bypassFile = family({
  name: "bypass_file",
  theme: "storage",
  difficulty: 0.65,
  slipRate: 0.5,
  grid: {
    n: [1, 2, 3],
    w: [4, 6, 8],
    zero: [0, 1],
    bypass: [0, 1],
    ports: [1, 2],
    io: ["we.wa.d.ra.rb.qa.qb", "w.i.x.j.k.y.z"],
  },
  build: ({ n, w, zero, bypass, ports, io }) => {
    const [we, wa, d0, ...rest] = io.split(".") as string[] as [string, string, string, ...string[]];
    const reads = [0, 1].slice(0, ports).map((i) => [rest[i]!, rest[i + 2]!] as const);
    return task<{ bypass: boolean; zero: boolean }>({
      signals: [
        CLK,
        inp(we, 1, "write"),
        inp(wa, n, "address to write"),
        inp(d0, w, "word to write"),
        ...reads.map(([ra]) => inp(ra, n, "address to read")),
        ...reads.map(([ra, q]) => out(q, w, `register ${ra}`)),
      ],
      title: [
        `Register file of ${2 ** n} registers of ${w} bit, one write and ${ports} read port${ports > 1 ? "s" : ""}`,
        `${2 ** n} registers of ${w} bit with ${ports} combinational read port${ports > 1 ? "s" : ""}${bypass ? " and bypass" : ""}`,
        `Processor register file, ${2 ** n} x ${w}`,
      ],
      rules: [
        `${we} 1 writes ${d0} to register ${wa} on the clock`,
        `${reads.map(([ra, q]) => `${q} shows register ${ra}`).join(" and ")} without a clock`,
        bypass
          ? `a register that is being written shows ${d0} already before the clock`
          : "a register that is being written shows its old value until the clock",
        zero ? "register 0 always reads as 0, whatever is written" : "register 0 is like the others",
      ],
      plan: { bypass: bypass === 1, zero: zero === 1 },
      write: (d) => ({
        steps: [
          `m[0:${2 ** n - 1}] of ${w} bit; write on the clock if ${we}.`,
          ...(zero
            ? [
                d.zero
                  ? `Address 0 is tested first and gives 0, also while it is written.`
                  : "Address 0 needs nothing.",
              ]
            : []),
          d.bypass
            ? `Bypass: ${we} and ${wa} equal to the read address gives ${d0}.`
            : "No bypass: read m as it is.",
          `Check: write 5 to 1 and read 1 at once: ${d.bypass ? "5" : "the old word"}.`,
        ],
        code: [
          `reg ${range(w)}m[0:${2 ** n - 1}];`,
          `always @(posedge clk)if(${we})m[${wa}]<=${d0};`,
          ...reads.map(
            ([ra, q]) =>
              `assign ${q}=${d.zero ? `${ra}==0?0:` : ""}${d.bypass ? `${we}&&${wa}==${ra}?${d0}:` : ""}m[${ra}];`,
          ),
        ],
      }),
      slips: [
        ["bypass", 0.6, { bypass: bypass !== 1 }],
        ["register_zero", 0.4, { zero: false }],
      ],
    });
  },
});

const ORDERS = ["0.1.2", "0.2.1", "1.0.2", "1.2.0", "2.0.1", "2.1.0"] as const;

const registers = family({
  name: "control_registers",
  theme: "storage",
  difficulty: 0.8,
  slipRate: 0.6,
  grid: {
    order: ORDERS,
    w: [2, 4, 8],
    wins: ["event", "clear"],
    rst: RESETS,
    io: ["we.addr.d.q", "wr.a.wdata.rdata"],
  },
  build: ({ order, w, wins, rst, io }) => {
    const [we, addr, d0, q] = names(io);
    const r = resetOf(rst);
    const [stat, mask, ctrl] = order.split(".").map(Number) as [number, number, number];
    const rows = [
      [stat, "stat: event bits; a written 1 clears its bit, a written 0 leaves it"],
      [mask, "mask: written and read as it is"],
      [ctrl, "ctrl: written and read as it is, also an output"],
      [3, "nothing: reads as 0, writes do nothing"],
    ] as const;
    return task<Reset & { clear: boolean; event: boolean }>({
      signals: [
        CLK,
        rstOf(r),
        inp(we, 1, "write"),
        inp(addr, 2, "register address"),
        inp(d0, w, "word to write"),
        inp("ev", w, "events"),
        out(q, w, "word read, without a clock"),
        outReg("ctrl", w, "control register"),
        out("irq", 1, "interrupt"),
      ],
      title: [
        `Control and status registers of ${w} bit with an interrupt`,
        `Register block for a peripheral: status, mask and control, ${w} bit each`,
        `Three ${w}-bit registers behind a small bus`,
      ],
      rules: [
        ...[...rows].sort((x, y) => x[0] - y[0]).map(([a, text]) => `address ${a}: ${text}`),
        `every clock, each 1 in ev sets its bit of stat; if the same bit is cleared on that clock, the ${wins} wins`,
        "irq is 1 while some bit is 1 in both stat and mask",
        resetRule(r, "clears all three registers"),
      ],
      plan: { ...r, clear: true, event: wins === "event" },
      write: (d) => {
        const cleared = `(${we}&&${addr}==${stat}?${d0}:0)`;
        const next = !d.clear
          ? `(${we}&&${addr}==${stat}?${d0}:stat)|ev`
          : d.event
            ? `stat&~${cleared}|ev`
            : `(stat|ev)&~${cleared}`;
        return {
          steps: [
            `stat is ${stat}, mask ${mask}, ctrl ${ctrl}; 3 is empty.`,
            d.clear
              ? `Writing stat clears: and with the complement of ${d0}${d.event ? ", then or ev, so the event wins" : " after or ev, so the clear wins"}.`
              : `Writing stat stores ${d0}, or ev.`,
            "irq is the or of stat&mask.",
            resetStep(d),
            `Check: stat=1, write 1 to it, ev=0: stat becomes ${d.clear ? 0 : 1}.`,
          ],
          code: [
            `reg ${range(w)}stat,mask;`,
            clocked(
              d,
              block("stat<=0;", "mask<=0;", "ctrl<=0;"),
              block(
                `stat<=${next};`,
                `if(${we}&&${addr}==${mask})mask<=${d0};`,
                `if(${we}&&${addr}==${ctrl})ctrl<=${d0};`,
              ),
            ),
            `assign ${q}=${addr}==${stat}?stat:${addr}==${mask}?mask:${addr}==${ctrl}?ctrl:0;`,
            "assign irq=|(stat&mask);",
          ],
        };
      },
      slips: [
        ["write_stores_status", 0.6, { clear: false }],
        ["same_clock", 0.25, { event: wins !== "event" }],
        ["reset_polarity", 0.15, { low: !r.low }],
      ],
    });
  },
});

export const storage = [byteMemory, bypassFile, registers];
