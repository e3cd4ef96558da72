/** Arbiters: fixed priority and round robin. Rising clock edge. */

import { family } from "../family.js";
import { bitsFor, block, CLK, inp, out, outReg, resetRule, resetStep, rstOf, task } from "../task.js";
import { clocked, names, RESETS, type Reset, range, resetOf } from "../verilog.js";

/** `v[2]?4:v[1]?2:v[0]?1:0`: the first of `order` that is set, as a one-hot value. */
const firstOf = (v: string, order: readonly number[]): string =>
  `${order.map((i) => `${v}[${i}]?${2 ** i}:`).join("")}0`;

const fixed = family({
  name: "fixed_arbiter",
  theme: "arbiters",
  difficulty: 0.55,
  slipRate: 0.45,
  grid: {
    n: [3, 4, 5, 6],
    first: ["lowest", "highest"],
    kind: ["registered", "held"],
    masked: [0, 1],
    rst: RESETS,
    io: ["req.gnt", "r.g"],
  },
  build: ({ n, first, kind, masked, rst, io }) => {
    const [req, gnt] = names(io);
    const r = resetOf(rst);
    const held = kind === "held";
    return task<Reset & { lowest: boolean; held: boolean; masked: boolean }>({
      signals: [
        CLK,
        rstOf(r),
        inp(req, n, "requests"),
        ...(masked ? [inp("mask", n, "1 lets the request through")] : []),
        outReg(gnt, n, "grant, at most one bit"),
        out("busy", 1, "some grant is given"),
      ],
      title: [
        `Arbiter for ${n} requesters with fixed priority`,
        `Grant one of ${n} requests by fixed priority`,
        `Fixed-priority arbiter, ${n} lines, registered grant`,
      ],
      rules: [
        `of the ${masked ? `requests whose mask bit is 1` : "requests"}, the one with the ${first} index is chosen; with none the choice is 0`,
        held
          ? `each clock ${gnt} takes the choice, unless the bit that is granted still requests${masked ? ", masked or not" : ""}: then ${gnt} stays`
          : `each clock ${gnt} takes the choice`,
        `busy is 1 while any bit of ${gnt} is 1`,
        resetRule(r, `sets ${gnt} to 0`),
      ],
      plan: { ...r, lowest: first === "lowest", held, masked: masked === 1 },
      write: (d) => {
        const up = Array.from({ length: n }, (_, i) => i);
        const order = d.lowest ? up : up.reverse();
        const v = d.masked ? "v" : req;
        return {
          steps: [
            `Priority ${order.join(", ")}: test bit ${order[0]} first.`,
            masked
              ? d.masked
                ? `Only ${req} and mask together count.`
                : "All requests count."
              : `All ${n} requests count.`,
            d.held
              ? `Keep ${gnt} while ${gnt}&${req} is not 0, else take the choice.`
              : `${gnt} takes the choice on every clock.`,
            resetStep(d),
            `Check: bits 0 and ${n - 1} request: choice is bit ${order[0]}, ${2 ** order[0]!}.`,
          ],
          code: [
            ...(d.masked ? [`wire ${range(n)}v=${req}&mask;`] : []),
            clocked(
              d,
              `${gnt}<=0;`,
              `${d.held ? `if((${gnt}&${req})==0)` : ""}${gnt}<=${firstOf(v, order)};`,
            ),
            `assign busy=${gnt}!=0;`,
          ],
        };
      },
      slips: [
        ["wrong_end", 0.6, { lowest: first !== "lowest" }],
        ["no_hold", 0.2, { held: !held }],
        ["no_mask", 0.2, { masked: false }],
      ],
    });
  },
});

const roundRobin = family({
  name: "round_robin",
  theme: "arbiters",
  difficulty: 0.8,
  slipRate: 0.6,
  grid: {
    n: [2, 3, 4],
    grant: ["at once", "registered"],
    ack: [0, 1],
    way: ["up", "down"],
    rst: RESETS,
    io: ["req.gnt", "r.g"],
  },
  build: ({ n, grant, ack, way, rst, io }) => {
    const [req, gnt] = names(io);
    const r = resetOf(rst);
    const registered = grant === "registered";
    const w = bitsFor(n - 1);
    const start = way === "up" ? 0 : n - 1;
    const after = (i: number) => (way === "up" ? (i + 1) % n : (i + n - 1) % n);
    return task<Reset & { after: "next" | "same" | "never"; ack: boolean }>({
      signals: [
        CLK,
        rstOf(r),
        inp(req, n, "requests"),
        ...(ack ? [inp("ack", 1, "the grant is used")] : []),
        (registered ? outReg : out)(gnt, n, "grant, at most one bit"),
      ],
      title: [
        `Round-robin arbiter for ${n} requesters`,
        `Share one resource fairly among ${n} requesters`,
        `Rotating-priority arbiter with ${n} lines`,
      ],
      rules: [
        `a pointer names the requester with first priority; the others follow ${way === "up" ? "upwards" : "downwards"}, from ${way === "up" ? `${n - 1} back to 0` : `0 back to ${n - 1}`}`,
        registered
          ? `each clock ${gnt} takes the first request by this order, 0 when there is none`
          : `${gnt} marks the first request by this order without a clock, 0 when there is none`,
        `on the clock ${registered ? "that grants a request" : "of a grant"}${ack ? " with ack 1" : ""} the pointer moves to the requester that follows the chosen one, otherwise it stays`,
        resetRule(r, `points to requester ${start}${registered ? ` and sets ${gnt} to 0` : ""}`),
      ],
      plan: { ...r, after: "next", ack: ack === 1 },
      write: (d) => {
        const g = registered ? "g1" : gnt;
        const all = Array.from({ length: n }, (_, i) => i);
        const orderFrom = (p: number) => all.map((i) => (way === "up" ? (p + i) % n : (p + n - i) % n));
        const to = (i: number) => (d.after === "next" ? after(i) : i);
        const move = `${all.map((i) => `${g}[${i}]?${to(i)}:`).join("")}p`;
        const steps = all.map((p) => `p=${p}: order ${orderFrom(p).join(" ")}.`);
        const pointer =
          d.after === "never"
            ? "p stays"
            : `p after a grant of i: ${all.map((i) => `${i}->${to(i)}`).join(", ")}`;
        const winners = [start];
        while (winners.length < n) winners.push(d.after === "next" ? after(winners.at(-1)!) : start);
        return {
          steps: [
            `Pointer p from 0 to ${n - 1}: ${w} bit, ${start} after reset.`,
            steps.join(" "),
            `${pointer}${d.ack ? ", only with ack" : ""}.`,
            resetStep(d),
            `Check: all request for ${n} clocks: grants ${winners.join(" ")}.`,
          ],
          code: [
            `reg ${range(w)}p;`,
            ...(registered ? [`wire ${range(n)}g1;`] : []),
            `assign ${g}=${all
              .map((p) =>
                p === n - 1 ? firstOf(req, orderFrom(p)) : `p==${p}?(${firstOf(req, orderFrom(p))}):`,
              )
              .join("")};`,
            clocked(
              d,
              registered ? block(`p<=${start};`, `${gnt}<=0;`) : `p<=${start};`,
              registered
                ? block(
                    `${gnt}<=g1;`,
                    ...(d.after === "never" ? [] : [`${d.ack ? "if(ack)" : ""}p<=${move};`]),
                  )
                : d.after === "never"
                  ? "p<=p;"
                  : `${d.ack ? "if(ack)" : ""}p<=${move};`,
            ),
          ],
        };
      },
      slips: [
        ["pointer_stays_on_winner", 0.65, { after: "same" }],
        ["no_rotation", 0.2, { after: "never" }],
        ["no_ack", 0.15, { ack: false }],
      ],
    });
  },
});

export const arbiters = [fixed, roundRobin];
