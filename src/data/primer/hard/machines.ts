/** State machines: tables in words, a controller with a timed state, sequence detectors. Rising clock edge. */

import { family } from "../family.js";
import { bitsFor, block, CLK, inp, out, outReg, resetRule, resetStep, rstOf, task } from "../task.js";
import { clocked, names, RESETS, type Reset, range, resetOf } from "../verilog.js";
import { drawTable, inverted, STATES, swapped, type Table, walk } from "./tables.js";

/** `case` over the states, the last one as the default. */
const cases = (size: number, line: (s: number) => string): string =>
  [
    "case(s)",
    ...Array.from({ length: size }, (_, s) => `${s === size - 1 ? "default" : s}:${line(s)}`),
    "endcase",
  ].join("\n");

const WALK = [1, 0, 0, 1, 1];

const moore = family({
  name: "moore_table",
  theme: "machines",
  difficulty: 0.6,
  slipRate: 0.5,
  grid: { size: [3, 4, 5], k: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], rst: RESETS, io: ["x.y", "a.z"] },
  build: ({ size, k, rst, io }) => {
    const [x, y] = names(io);
    const r = resetOf(rst);
    const table = drawTable(size, k, true);
    const w = bitsFor(size - 1);
    const states = table.to.map((_, s) => s);
    return task<Reset & { table: Table }>({
      signals: [CLK, rstOf(r), inp(x, 1, "input"), out(y, 1, "output, by the state alone")],
      title: [
        `Moore machine with states ${states.map((s) => STATES[s]).join(", ")}`,
        `Build this Moore state machine with ${size} states`,
        `${size}-state Moore machine from input ${x} to output ${y}`,
      ],
      rules: [
        ...table.to.map(([zero, one], s): readonly [string, string, string] => [
          `from ${STATES[s]}, ${x}=0 goes to ${STATES[zero]} and ${x}=1 to ${STATES[one]}; ${y} is ${table.y[s]![0]} in ${STATES[s]}`,
          `state ${STATES[s]} (output ${table.y[s]![0]}): next ${STATES[one]} if ${x}, else ${STATES[zero]}`,
          `${STATES[s]}: ${y}=${table.y[s]![0]}, 0 -> ${STATES[zero]}, 1 -> ${STATES[one]}`,
        ]),
        resetRule(r, "goes to A"),
      ],
      plan: { ...r, table },
      write: ({ table: t, ...d }) => {
        const high = states.filter((s) => t.y[s]![0] === 1);
        return {
          steps: [
            `Encode ${states.map((s) => `${STATES[s]}=${s}`).join(", ")}: ${w} bit.`,
            ...states.map((s) => `${STATES[s]}: ${x}=1 to ${t.to[s]![1]}, ${x}=0 to ${t.to[s]![0]}.`),
            `${y} is 1 in ${high.map((s) => STATES[s]).join(", ")}.`,
            resetStep(d),
            `Check: inputs ${WALK.join(" ")} from A visit ${walk(t, WALK)
              .map((s) => STATES[s])
              .join(" ")}.`,
          ],
          code: [
            `reg ${range(w)}s;`,
            clocked(
              d,
              "s<=0;",
              cases(size, (s) => `s<=${x}?${t.to[s]![1]}:${t.to[s]![0]};`),
            ),
            `assign ${y}=${high.map((s) => `s==${s}`).join("||")};`,
          ],
        };
      },
      slips: [
        ["last_branches_swapped", 0.6, { table: swapped(table, size - 1) }],
        ["first_branches_swapped", 0.2, { table: swapped(table, 0) }],
        ["reset_polarity", 0.2, { low: !r.low }],
      ],
    });
  },
});

const mealy = family({
  name: "mealy_table",
  theme: "machines",
  difficulty: 0.7,
  slipRate: 0.55,
  grid: {
    size: [3, 4],
    k: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
    kind: ["at once", "registered"],
    rst: RESETS,
    io: ["x.y"],
  },
  build: ({ size, k, kind, rst, io }) => {
    const [x, y] = names(io);
    const r = resetOf(rst);
    const table = drawTable(size, k, false);
    const w = bitsFor(size - 1);
    const states = table.to.map((_, s) => s);
    const registered = kind === "registered";
    return task<Reset & { table: Table }>({
      signals: [CLK, rstOf(r), inp(x, 1, "input"), (registered ? outReg : out)(y, 1, "output")],
      title: [
        `Mealy machine with states ${states.map((s) => STATES[s]).join(", ")}, output ${registered ? "through a flip-flop" : "without a clock"}`,
        `Build this Mealy state machine with ${size} states; its output is ${registered ? "stored on the clock" : "combinational"}`,
        `${size}-state Mealy machine, ${registered ? "registered" : "unregistered"} output`,
      ],
      rules: [
        ...table.to.map(([zero, one], s): readonly [string, string, string] => {
          const [y0, y1] = table.y[s]!;
          const S = STATES[s];
          return [
            `in ${S}, ${x}=0 gives ${y0} and goes to ${STATES[zero]}, ${x}=1 gives ${y1} and goes to ${STATES[one]}`,
            `state ${S}: on ${x}=1 output ${y1}, next ${STATES[one]}; on ${x}=0 output ${y0}, next ${STATES[zero]}`,
            `${S}: 0 -> ${STATES[zero]}/${y0}, 1 -> ${STATES[one]}/${y1}`,
          ];
        }),
        registered
          ? `${y} takes on the clock the output that belongs to the old state and ${x}`
          : `${y} follows state and ${x} at once`,
        resetRule(r, `goes to A${registered ? ` and sets ${y} to 0` : ""}`),
      ],
      plan: { ...r, table },
      write: ({ table: t, ...d }) => {
        const text = ([y0, y1]: readonly [number, number]) => (y0 === y1 ? `${y0}` : y1 === 1 ? x : `!${x}`);
        const value = states
          .map((s) => (s === size - 1 ? text(t.y[s]!) : `s==${s}?${text(t.y[s]!)}:`))
          .join("");
        const next = cases(size, (s) => `s<=${x}?${t.to[s]![1]}:${t.to[s]![0]};`);
        return {
          steps: [
            `Encode ${states.map((s) => `${STATES[s]}=${s}`).join(", ")}: ${w} bit.`,
            ...states.map(
              (s) =>
                `${STATES[s]}: ${x}=1 to ${t.to[s]![1]}, ${x}=0 to ${t.to[s]![0]}, output ${text(t.y[s]!)}.`,
            ),
            registered ? `${y} is stored with the state.` : `${y} is combinational.`,
            resetStep(d),
            `Check: inputs ${WALK.join(" ")} from A visit ${walk(t, WALK)
              .map((s) => STATES[s])
              .join(" ")}.`,
          ],
          code: [
            `reg ${range(w)}s;`,
            registered
              ? clocked(d, block("s<=0;", `${y}<=0;`), block(`${y}<=${value};`, next))
              : clocked(d, "s<=0;", next),
            ...(registered ? [] : [`assign ${y}=${value};`]),
          ],
        };
      },
      slips: [
        ["last_branches_swapped", 0.6, { table: swapped(table, size - 1) }],
        ["first_output_inverted", 0.25, { table: inverted(table, 0) }],
        ["reset_polarity", 0.15, { low: !r.low }],
      ],
    });
  },
});

const controller = family({
  name: "timed_controller",
  theme: "machines",
  difficulty: 0.7,
  slipRate: 0.6,
  grid: {
    k: [2, 3, 4, 5, 6, 7],
    stop: ["while running", "in every state"],
    wait: [1, 0],
    rst: RESETS,
    io: ["go.stop.ack.run.done", "start.abort.ok.busy.ready"],
  },
  build: ({ k, stop, wait, rst, io }) => {
    const [go, abort, ack, run, done] = names(io);
    const r = resetOf(rst);
    const w = bitsFor(k);
    const everywhere = stop === "in every state";
    return task<Reset & { last: number; everywhere: boolean; first: boolean }>({
      signals: [
        CLK,
        rstOf(r),
        inp(go, 1, "starts a run"),
        inp(abort, 1, "gives up"),
        ...(wait ? [inp(ack, 1, "the result is taken")] : []),
        out(run, 1, "high while running"),
        out(done, 1, wait ? `high until ${ack}` : "high for one clock at the end"),
      ],
      title: [
        `Controller with an idle state, a run of ${k} clocks and a done state`,
        `Control a job that takes ${k} clocks`,
        `Job sequencer: idle, run for ${k} clocks, done`,
      ],
      rules: [
        `idle: ${go} starts the run`,
        `run: it lasts exactly ${k} clocks, then comes the done state`,
        wait
          ? `done: it lasts until a clock with ${ack} 1, then idle`
          : "done: it lasts one clock, then idle",
        everywhere
          ? `${abort} returns to idle from every state and wins over all other inputs but the reset`
          : `${abort} returns to idle, but only from the run, where it wins over the end of the run`,
        `${run} is 1 in the run and ${done} in the done state`,
        resetRule(r, "goes to idle"),
      ],
      plan: { ...r, last: k - 1, everywhere, first: true },
      write: (d) => {
        const aborts = d.everywhere ? abort : `${abort}&&s==1`;
        return {
          steps: [
            "States: idle 0, run 1, done 2, so s has 2 bit.",
            `Counter c starts at 0 with the run; the run ends when c==${d.last}, after ${d.last + 1} clocks; ${w} bit.`,
            `${abort}: ${d.everywhere ? "in every state" : "in state 1 only"}, ${d.first ? "tested first" : "tested after the end of the run"}.`,
            resetStep(d),
            wait ? `Leave 2 if ${ack}.` : "Leave 2 at once.",
            `Check: ${go} at clock 0: ${run} is high after it for ${d.last + 1} clocks.`,
          ],
          code: [
            "reg [1:0] s;",
            `reg ${range(w)}c;`,
            clocked(
              d,
              block("s<=0;", "c<=0;"),
              [
                `if(${aborts}${d.first ? "" : `&&c!=${d.last}`})s<=0;`,
                "else case(s)",
                `0:if(${go})${block("s<=1;", "c<=0;")}`,
                `1:if(c==${d.last})s<=2;`,
                "else c<=c+1;",
                `default:${wait ? `if(${ack})` : ""}s<=0;`,
                "endcase",
              ].join("\n"),
            ),
            `assign ${run}=s==1;`,
            `assign ${done}=s==2;`,
          ],
        };
      },
      slips: [
        ["one_clock_long", 0.6, { last: k }],
        ["abort_states", 0.2, { everywhere: !everywhere }],
        ["abort_late", 0.2, { first: false }],
      ],
    });
  },
});

/** Longest suffix of `seen` that is a prefix of `pattern`. */
const longest = (pattern: string, seen: string): number => {
  for (let n = Math.min(seen.length, pattern.length); n > 0; n--) {
    if (pattern.startsWith(seen.slice(seen.length - n))) return n;
  }
  return 0;
};

const detector = family({
  name: "pattern_detector",
  theme: "machines",
  difficulty: 0.75,
  slipRate: 0.6,
  grid: {
    pattern: ["101", "010", "0110", "1011", "1101", "1001", "1010", "11011", "10010", "01101"],
    overlap: [1, 0],
    kind: ["at once", "registered"],
    rst: RESETS,
    io: ["x.y"],
  },
  build: ({ pattern, overlap, kind, rst, io }) => {
    const [x, y] = names(io);
    const r = resetOf(rst);
    const length = pattern.length;
    const w = bitsFor(length - 1);
    const registered = kind === "registered";
    return task<Reset & { suffixes: boolean; overlap: boolean }>({
      signals: [
        CLK,
        rstOf(r),
        inp(x, 1, "one bit a clock"),
        (registered ? outReg : out)(
          y,
          1,
          registered ? "high for the clock after a hit" : "high during a hit",
        ),
      ],
      title: [
        `Detector of the bit sequence ${pattern}, ${overlap ? "overlapping" : "without overlap"}`,
        `Find ${pattern} in a serial stream; ${overlap ? "hits may overlap" : "hits do not share bits"}`,
        `Sequence detector for ${pattern} on ${x}`,
      ],
      rules: [
        `${pattern.split("").join(", ")} on consecutive clocks is a hit, the left bit first`,
        overlap
          ? "the end of a hit may be the start of the next"
          : "after a hit the search starts afresh with the next bit",
        registered
          ? `${y} is a flip-flop: 1 after the clock that takes the last bit of a hit, else 0`
          : `${y} is 1 without a clock while ${x} is the last bit of a hit`,
        resetRule(r, `starts the search afresh${registered ? ` and sets ${y} to 0` : ""}`),
      ],
      plan: { ...r, suffixes: true, overlap: overlap === 1 },
      write: (d) => {
        const next = (s: number, bit: string): number => {
          const seen = pattern.slice(0, s) + bit;
          if (seen === pattern) return d.overlap ? longest(pattern, seen.slice(1)) : 0;
          if (pattern.startsWith(seen)) return seen.length;
          return d.suffixes ? longest(pattern, seen) : 0;
        };
        const last = pattern.at(-1) === "1" ? x : `!${x}`;
        const hit = `s==${length - 1}&&${last}`;
        const all = Array.from({ length }, (_, s) => s);
        const body = cases(length, (s) => `s<=${x}?${next(s, "1")}:${next(s, "0")};`);
        return {
          steps: [
            `State s is the number of bits matched, 0 to ${length - 1}: ${w} bit.`,
            d.suffixes
              ? "On a wrong bit go to the longest end of what was seen that begins the pattern."
              : "On a wrong bit start again from 0.",
            ...all.map(
              (s) =>
                `${s} (${pattern.slice(0, s) || "nothing"}): 1 to ${next(s, "1")}, 0 to ${next(s, "0")}.`,
            ),
            `A hit is ${hit}, then ${d.overlap ? `keep the overlap ${next(length - 1, pattern.at(-1)!)}` : "start at 0"}.`,
            resetStep(d),
          ],
          code: [
            `reg ${range(w)}s;`,
            registered
              ? clocked(d, block("s<=0;", `${y}<=0;`), block(`${y}<=${hit};`, body))
              : clocked(d, "s<=0;", body),
            ...(registered ? [] : [`assign ${y}=${hit};`]),
          ],
        };
      },
      slips: [
        ["restarts_on_mismatch", 0.6, { suffixes: false }],
        ["overlap", 0.3, { overlap: overlap !== 1 }],
        ["reset_polarity", 0.1, { low: !r.low }],
      ],
    });
  },
});

export const hardMachines = [moore, mealy, controller, detector];
