/** Serial lines: framed transmitter and receiver, serialiser, deserialiser. Rising clock edge. */

import { family } from "../family.js";
import { bitsFor, block, CLK, inp, out, outReg, resetRule, resetStep, rstOf, task } from "../task.js";
import { clocked, names, RESETS, type Reset, range, resetOf } from "../verilog.js";

const PARITIES = ["none", "even", "odd"] as const;
type Parity = (typeof PARITIES)[number];
const other = (p: Parity): Parity => (p === "even" ? "odd" : p === "odd" ? "even" : "none");
const parityRule = (p: Parity): string =>
  p === "none"
    ? "there is no parity bit"
    : `then a parity bit that makes the number of ones in data and parity ${p}`;

const transmitter = family({
  name: "uart_tx",
  theme: "serial",
  difficulty: 0.85,
  slipRate: 0.6,
  grid: { k: [2, 3, 4], n: [4, 5, 7, 8], parity: PARITIES, stops: [1, 2], rst: ["sync_high", "async_low"] },
  build: ({ k, n, parity, stops, rst }) => {
    const r = resetOf(rst);
    const p = parity === "none" ? 0 : 1;
    const frame = 1 + n + p + stops;
    const b = bitsFor(frame);
    const t = bitsFor(k);
    return task<Reset & { last: number; parity: Parity; lsb: boolean }>({
      signals: [
        CLK,
        rstOf(r),
        inp("send", 1, "sends data when not busy"),
        inp("data", n, "word to send"),
        out("tx", 1, "serial line, 1 at rest"),
        out("busy", 1, "a frame is on the line"),
      ],
      title: [
        `Serial transmitter: ${n} data bits, ${parity} parity, ${stops} stop bit${stops > 1 ? "s" : ""}, ${k} clocks a bit`,
        `Send words of ${n} bit as asynchronous serial frames, ${k} clocks for each bit`,
        `UART transmitter with ${n}${parity.charAt(0).toUpperCase()}${stops} frames`,
      ],
      rules: [
        "send with busy 0 takes data; send while busy is ignored",
        `the frame is a start bit 0, the data with its bit 0 first, ${parityRule(parity)}, ${stops === 1 ? "one stop bit 1" : "two stop bits 1"}`,
        `the start bit begins after the clock that takes data, and each bit stays on tx for ${k} clocks`,
        "busy is 1 from the first clock of the start bit to the last clock of the frame; tx is 1 otherwise",
        resetRule(r, "ends any frame"),
      ],
      plan: { ...r, last: k - 1, parity, lsb: true },
      write: (d) => {
        const bits = Array.from({ length: n }, (_, i) => `data[${i}]`);
        const data = d.lsb ? "data" : bits.join(",");
        const check = d.parity === "none" ? "" : `${d.parity === "odd" ? "~" : ""}^data,`;
        return {
          steps: [
            `Frame: 1 start + ${n} data${p ? " + 1 parity" : ""} + ${stops} stop = ${frame} bits, in a shift register s that moves right.`,
            `Bits left b goes from ${frame} to 0: ${b} bit; busy is b!=0.`,
            `Clock count t runs 0 to ${d.last}: ${d.last + 1} clocks a bit; ${t} bit.`,
            `Order on the line: 0, ${d.lsb ? "data[0] first" : `data[${n - 1}] first`}${d.parity === "none" ? "" : `, ${d.parity} parity ${d.parity === "odd" ? "~^data" : "^data"}`}, stop.`,
            resetStep(d),
            `Check: a frame lasts ${frame * (d.last + 1)} clocks.`,
          ],
          code: [
            `reg [${frame - 1}:0] s;`,
            `reg ${range(b)}b;`,
            `reg ${range(t)}t;`,
            "assign busy=b!=0;",
            "assign tx=busy?s[0]:1'b1;",
            clocked(
              d,
              block("s<=0;", "b<=0;", "t<=0;"),
              [
                `if(!busy)begin`,
                `if(send)${block(`s<={${stops}'b${"1".repeat(stops)},${check}${data},1'b0};`, `b<=${frame};`, "t<=0;")}`,
                "end",
                `else if(t==${d.last})${block("s<=s>>1;", "b<=b-1;", "t<=0;")}`,
                "else t<=t+1;",
              ].join("\n"),
            ),
          ],
        };
      },
      slips: [
        ["bit_one_clock_long", 0.6, { last: k }],
        ["other_parity", 0.2, { parity: other(parity) }],
        ["msb_first", 0.2, { lsb: false }],
      ],
    });
  },
});

const receiver = family({
  name: "uart_rx",
  theme: "serial",
  difficulty: 0.95,
  slipRate: 0.6,
  grid: { k: [2, 3, 4], n: [3, 4, 5, 8], parity: PARITIES, rst: RESETS },
  build: ({ k, n, parity, rst }) => {
    const r = resetOf(rst);
    const half = Math.floor(k / 2);
    const p = parity === "none" ? 0 : 1;
    const kept = n + p;
    const b = bitsFor(kept);
    const t = bitsFor(k + half - 1);
    return task<Reset & { first: number; parity: Parity; stop: boolean }>({
      signals: [
        CLK,
        rstOf(r),
        inp("rx", 1, "serial line, 1 at rest"),
        outReg("data", n, "last good word"),
        outReg("valid", 1, "pulse: data is new"),
        outReg("bad", 1, "pulse: broken frame"),
      ],
      title: [
        `Serial receiver: ${n} data bits, ${parity} parity, one stop bit, ${k} clocks a bit`,
        `Receive asynchronous serial frames of ${n} data bits, ${k} clocks for each bit`,
        `UART receiver for ${n} data bits with ${parity} parity`,
      ],
      rules: [
        `at rest, the first clock that finds rx 0 is the start of a frame; call it clock 0`,
        `bit i after the start bit is sampled at clock ${k}*(i+1)+${half}, in its middle: data bits, bit 0 first, ${parityRule(parity)}, last the stop bit`,
        `at the stop bit's sample, rx 1${p ? " and right parity" : ""} loads data and makes valid 1 for one clock; anything else makes bad 1 for one clock and keeps data; then the line is at rest again`,
        resetRule(r, "goes to rest and sets data, valid and bad to 0"),
      ],
      plan: { ...r, first: k + half - 1, parity, stop: true },
      write: (d) => {
        const good = [
          ...(d.stop ? ["rx"] : []),
          ...(d.parity === "none" ? [] : [d.parity === "odd" ? "^s" : "!(^s)"]),
        ];
        return {
          steps: [
            `Keep ${n} data${p ? " and 1 parity" : ""} bits in s, shifted in from the top as bit 0 comes first; b counts 0 to ${kept}: ${b} bit.`,
            `Down counter t: the first sample is at clock ${d.first + 1}, so load ${d.first} at the start; then every ${k} clocks, reload ${k - 1}; ${t} bit.`,
            `Good frame: ${d.stop ? "stop bit 1" : "stop bit not looked at"}${d.parity === "none" ? "" : `, ${d.parity} parity: xor of s is ${d.parity === "odd" ? 1 : 0}`}.`,
            "valid and bad fall back to 0 on every clock.",
            resetStep(d),
            `Check: the stop bit is sampled at clock ${d.first + 1 + kept * k}.`,
          ],
          code: [
            "reg run;",
            `reg ${range(t)}t;`,
            `reg ${range(b)}b;`,
            `reg ${range(kept)}s;`,
            clocked(
              d,
              block("run<=0;", "t<=0;", "b<=0;", "s<=0;", "data<=0;", "valid<=0;", "bad<=0;"),
              block(
                "valid<=0;",
                "bad<=0;",
                `if(!run)begin`,
                `if(!rx)${block("run<=1;", `t<=${d.first};`, "b<=0;")}`,
                "end",
                "else if(t!=0)t<=t-1;",
                `else ${block(
                  `t<=${k - 1};`,
                  "b<=b+1;",
                  `if(b!=${kept})s<={rx,s[${kept - 1}:1]};`,
                  `else ${block(
                    "run<=0;",
                    ...(good.length > 0
                      ? [
                          `if(${good.join("&&")})${block(`data<=s[${n - 1}:0];`, "valid<=1;")}`,
                          "else bad<=1;",
                        ]
                      : [`data<=s[${n - 1}:0];`, "valid<=1;"]),
                  )}`,
                )}`,
              ),
            ),
          ],
        };
      },
      slips: [
        ["samples_at_the_edge", 0.6, { first: k - 1 }],
        ["other_parity", 0.2, { parity: other(parity) }],
        ["stop_not_checked", 0.2, { stop: false }],
      ],
    });
  },
});

const deserializer = family({
  name: "deserializer",
  theme: "serial",
  difficulty: 0.55,
  slipRate: 0.5,
  grid: {
    n: [3, 4, 5, 6, 8],
    first: ["msb", "lsb"],
    sync: [0, 1],
    rst: RESETS,
    io: ["d.en.word.valid", "sin.ce.q.ok"],
  },
  build: ({ n, first, sync, rst, io }) => {
    const [d0, en, word, valid] = names(io);
    const r = resetOf(rst);
    const w = bitsFor(n);
    return task<Reset & { last: number; msb: boolean; restart: boolean }>({
      signals: [
        CLK,
        rstOf(r),
        inp(d0, 1, "serial bit"),
        inp(en, 1, `${d0} counts`),
        ...(sync ? [inp("first", 1, `${d0} is the first bit of a word`)] : []),
        outReg(word, n, "last complete word"),
        outReg(valid, 1, `pulse: ${word} is new`),
      ],
      title: [
        `Serial to parallel converter for words of ${n} bit, ${first} first`,
        `Collect ${n} serial bits, ${first} first, into a word`,
        `Deserialiser: ${n} bits make a word, the ${first} comes first`,
      ],
      rules: [
        `each clock with ${en} 1 takes ${d0} as the next bit; other clocks take none`,
        ...(sync
          ? [`first together with ${en} drops what was collected: this bit is the first of a word`]
          : []),
        `on the clock that takes bit number ${n}, ${word} loads the complete word and ${valid} becomes 1; ${valid} is 0 after every other clock`,
        resetRule(r, `drops what was collected and sets ${word} and ${valid} to 0`),
      ],
      plan: { ...r, last: n - 1, msb: first === "msb", restart: sync === 1 },
      write: (d) => {
        const next = d.msb ? `{s[${n - 2}:0],${d0}}` : `{${d0},s[${n - 1}:1]}`;
        return {
          steps: [
            `${first} first: ${d.msb ? "shift left, the new bit enters at the bottom" : "shift right, the new bit enters at the top"}.`,
            `Count c of collected bits: the word is complete with c==${d.last}, bit number ${d.last + 1}; ${w} bit.`,
            ...(sync
              ? [d.restart ? "first makes this bit number 1, so c becomes 1." : "first is not needed."]
              : []),
            `${valid} is written every clock, 1 only on the last bit.`,
            resetStep(d),
          ],
          code: [
            `reg ${range(n)}s;`,
            `reg ${range(w)}c;`,
            `wire ${range(n)}t=${next};`,
            clocked(
              d,
              block("s<=0;", "c<=0;", `${word}<=0;`, `${valid}<=0;`),
              block(
                `${valid}<=0;`,
                `if(${en})begin`,
                "s<=t;",
                ...(d.restart ? ["if(first)c<=1;"] : []),
                `${d.restart ? "else " : ""}if(c==${d.last})${block("c<=0;", `${word}<=t;`, `${valid}<=1;`)}`,
                "else c<=c+1;",
                "end",
              ),
            ),
          ],
        };
      },
      slips: [
        ["one_bit_late", 0.55, { last: n }],
        ["other_order", 0.3, { msb: first !== "msb" }],
        ["no_restart", 0.15, { restart: false }],
      ],
    });
  },
});

const serializer = family({
  name: "serializer",
  theme: "serial",
  difficulty: 0.5,
  slipRate: 0.45,
  grid: {
    n: [3, 4, 5, 6, 8],
    first: ["msb", "lsb"],
    rest: [0, 1],
    rst: RESETS,
    io: ["load.d.sout.busy", "ld.word.q.active"],
  },
  build: ({ n, first, rest, rst, io }) => {
    const [load, d0, q, busy] = names(io);
    const r = resetOf(rst);
    const w = bitsFor(n);
    return task<Reset & { count: number; msb: boolean; reload: boolean }>({
      signals: [
        CLK,
        rstOf(r),
        inp(load, 1, "takes a word when not busy"),
        inp(d0, n, "word"),
        out(q, 1, `serial output, ${rest} at rest`),
        out(busy, 1, "bits are being sent"),
      ],
      title: [
        `Parallel to serial converter for ${n} bit, ${first} first`,
        `Send a word of ${n} bit serially, ${first} first, one bit a clock`,
        `Serialiser: ${n} bits, the ${first} goes first`,
      ],
      rules: [
        `${load} with ${busy} 0 takes ${d0}; while ${busy} is 1 it is ignored`,
        `on the ${n} clocks that follow, ${q} shows the bits in order, one each, with ${busy} 1`,
        `at rest ${q} is ${rest} and ${busy} 0`,
        resetRule(r, "returns to rest"),
      ],
      plan: { ...r, count: n, msb: first === "msb", reload: false },
      write: (d) => ({
        steps: [
          `Shift register s, ${n} bit: ${d.msb ? `left, output s[${n - 1}]` : "right, output s[0]"}.`,
          `Bits left c loads ${d.count} and counts down; busy is c!=0; ${w} bit.`,
          d.reload ? `${load} always takes the word.` : `${load} acts only when c is 0.`,
          resetStep(d),
          `Check: after ${load}, ${busy} is 1 for ${d.count} clocks.`,
        ],
        code: [
          `reg ${range(n)}s;`,
          `reg ${range(w)}c;`,
          `assign ${busy}=c!=0;`,
          `assign ${q}=${busy}?s[${d.msb ? n - 1 : 0}]:1'b${rest};`,
          clocked(
            d,
            block("s<=0;", "c<=0;"),
            [
              `if(${load}${d.reload ? "" : `&&!${busy}`})${block(`s<=${d0};`, `c<=${d.count};`)}`,
              `else if(${busy})${block(`s<=s${d.msb ? "<<" : ">>"}1;`, "c<=c-1;")}`,
            ].join("\n"),
          ),
        ],
      }),
      slips: [
        ["one_bit_short", 0.55, { count: n - 1 }],
        ["other_order", 0.25, { msb: first !== "msb" }],
        ["load_while_busy", 0.2, { reload: true }],
      ],
    });
  },
});

export const serial = [transmitter, receiver, deserializer, serializer];
