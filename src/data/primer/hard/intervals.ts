/** Prescaled timers, shadowed pulse widths, debouncers, watchdogs, stretchers, phase sequencers. Rising clock edge. */

import { family } from "../family.js";
import { bitsFor, block, CLK, inp, out, outReg, resetRule, resetStep, rstOf, task } from "../task.js";
import { clocked, names, RESETS, type Reset, range, resetOf } from "../verilog.js";

const prescaled = family({
  name: "prescaled_timer",
  theme: "intervals",
  difficulty: 0.7,
  slipRate: 0.55,
  grid: {
    p: [2, 3, 4, 5],
    n: [3, 5, 6, 10],
    mode: ["periodic", "one-shot"],
    rst: RESETS,
    io: ["run.tick", "en.hit"],
  },
  build: ({ p, n, mode, rst, io }) => {
    const [run, tick] = names(io);
    const r = resetOf(rst);
    const [a, b] = [bitsFor(p), bitsFor(n)];
    const once = mode === "one-shot";
    return task<Reset & { p: number; n: number; gated: boolean }>({
      signals: [
        CLK,
        rstOf(r),
        inp(run, 1, "time passes"),
        outReg(tick, 1, `pulse every ${p * n} clocks of ${run}`),
        outReg("count", b, "units passed"),
        ...(once ? [outReg("over", 1, "the time is over")] : []),
      ],
      title: [
        `${mode} timer of ${n} units with a prescaler of ${p}`,
        `Timer: ${p} clocks make a unit, ${n} units make the period, ${mode}`,
        `Two-stage timer, ${p} times ${n} clocks, ${mode}`,
      ],
      rules: [
        `clocks with ${run} 1 are counted; with ${run} 0 nothing moves and ${tick} is 0`,
        `every ${p} counted clocks make a unit; count shows the units, 0 to ${n - 1}`,
        `the clock that completes unit number ${n} sets count to 0 and makes ${tick} 1 for one clock${once ? "; it also sets over, and from then on nothing is counted until reset" : ""}`,
        resetRule(r, `sets everything to 0`),
      ],
      plan: { ...r, p: p - 1, n: n - 1, gated: true },
      write: (d) => {
        const guard = [...(d.gated ? [run] : []), ...(once ? ["!over"] : [])].join("&&");
        return {
          steps: [
            `Prescaler s counts 0 to ${d.p}: ${d.p + 1} clocks, ${a} bit. count goes 0 to ${d.n}: ${d.n + 1} units, ${b} bit.`,
            d.gated
              ? `Both move only with ${run}${once ? " and before the end" : ""}.`
              : "The prescaler runs freely.",
            `${tick} is written every clock: 1 when both are at their end.`,
            resetStep(d),
            `Check: the period is ${d.p + 1}*${d.n + 1}, ${(d.p + 1) * (d.n + 1)} clocks.`,
          ],
          code: [
            `reg ${range(a)}s;`,
            clocked(
              d,
              block("s<=0;", "count<=0;", `${tick}<=0;`, ...(once ? ["over<=0;"] : [])),
              block(
                `${tick}<=0;`,
                `${guard === "" ? "" : `if(${guard})`}begin`,
                `s<=s==${d.p}?0:s+1;`,
                `if(s==${d.p})begin`,
                `count<=count==${d.n}?0:count+1;`,
                `if(count==${d.n})${once ? block(`${tick}<=1;`, "over<=1;") : `${tick}<=1;`}`,
                "end",
                "end",
              ),
            ),
          ],
        };
      },
      slips: [
        ["period_one_long", 0.55, { n }],
        ["prescaler_one_long", 0.25, { p }],
        ["runs_freely", 0.2, { gated: false }],
      ],
    });
  },
});

const shadow = family({
  name: "shadow_pwm",
  theme: "intervals",
  difficulty: 0.7,
  slipRate: 0.6,
  grid: {
    k: [4, 5, 6, 8, 10, 12],
    active: [1, 0],
    side: ["start", "end"],
    rst: RESETS,
    io: ["duty.pwm", "d.y"],
  },
  build: ({ k, active, side, rst, io }) => {
    const [duty, y] = names(io);
    const r = resetOf(rst);
    const [c, w] = [bitsFor(k), bitsFor(k)];
    const first = side === "start";
    return task<Reset & { shadow: boolean; last: number }>({
      signals: [
        CLK,
        rstOf(r),
        inp(duty, w, "wanted number of active clocks"),
        out(y, 1, `${active === 1 ? "active high" : "active low"} pulse`),
        out("sync", 1, "last clock of a period"),
      ],
      title: [
        `Pulse-width modulator with a period of ${k} clocks and a buffered duty`,
        `PWM of ${k} clocks a period whose duty changes only between periods`,
        `Pulse-width modulator, period ${k}, duty taken at the period's end`,
      ],
      rules: [
        `a counter runs 0 to ${k - 1} and starts over; sync is 1 while it is ${k - 1}`,
        `${duty} is copied into a buffer on the clock that starts the counter over, and at no other time`,
        first
          ? `${y} is ${active} while the counter is less than the buffer, else ${1 - active}`
          : `${y} is ${active} while the counter is at least ${k} minus the buffer, else ${1 - active}; a buffer above ${k} counts as ${k}`,
        resetRule(r, "sets counter and buffer to 0"),
      ],
      plan: { ...r, shadow: true, last: k - 1 },
      write: (d) => {
        const value = d.shadow ? "b" : duty;
        const test = first ? `c<${value}` : `c+${value}>=${k}`;
        const level = active === 1 ? test : `!(${test})`;
        return {
          steps: [
            `Counter c 0 to ${d.last}: ${d.last + 1} clocks, ${c} bit.`,
            d.shadow
              ? `Buffer b, ${w} bit, loads ${duty} when c==${d.last}.`
              : `${duty} is compared directly.`,
            `Active when ${test}${first ? "" : `; the sum has 32 bit like the constant, so it does not wrap`}.`,
            `${y} is ${active} when active.`,
            resetStep(d),
            `Check: ${duty} changes in mid-period: ${y} ${d.shadow ? "keeps the old width until the end" : "follows at once"}.`,
          ],
          code: [
            `reg ${range(c)}c;`,
            ...(d.shadow ? [`reg ${range(w)}b;`] : []),
            `assign sync=c==${k - 1};`,
            `assign ${y}=${level};`,
            clocked(
              d,
              d.shadow ? block("c<=0;", "b<=0;") : "c<=0;",
              d.shadow
                ? `if(c==${d.last})${block("c<=0;", `b<=${duty};`)}\nelse c<=c+1;`
                : `c<=c==${d.last}?0:c+1;`,
            ),
          ],
        };
      },
      slips: [
        ["duty_not_buffered", 0.6, { shadow: false }],
        ["period_one_long", 0.3, { last: k }],
        ["reset_polarity", 0.1, { low: !r.low }],
      ],
    });
  },
});

const settle = family({
  name: "sync_debounce",
  theme: "intervals",
  difficulty: 0.75,
  slipRate: 0.55,
  grid: {
    k: [2, 3, 4, 5, 6],
    pulse: ["none", "rise", "fall"],
    stages: [1, 2],
    rst: RESETS,
    io: ["btn.level", "raw.clean"],
  },
  build: ({ k, pulse, stages, rst, io }) => {
    const [a, y] = names(io);
    const r = resetOf(rst);
    const w = bitsFor(k);
    return task<Reset & { last: number; clears: boolean; stages: number }>({
      signals: [
        CLK,
        rstOf(r),
        inp(a, 1, "bouncing input"),
        outReg(y, 1, "clean level"),
        ...(pulse === "none"
          ? []
          : [outReg(pulse, 1, `pulse when ${y} has just ${pulse === "rise" ? "risen" : "fallen"}`)]),
      ],
      title: [
        `Debouncer with ${stages === 1 ? "one synchroniser flip-flop" : "two synchroniser flip-flops"} and a count of ${k}`,
        `Clean a bouncing input: ${y} changes after ${k} equal samples`,
        `Switch debouncer, ${k} clocks`,
      ],
      rules: [
        `${a} first passes ${stages === 1 ? "one flip-flop" : "two flip-flops in a row"}; s is the last one's output`,
        `${y} takes the value of s on the clock on which s has differed from ${y} for ${k} clocks in a row; a clock with s equal to ${y} starts the count afresh`,
        ...(pulse === "none"
          ? []
          : [
              `${pulse} is 1 for the clock after ${y} ${pulse === "rise" ? "went from 0 to 1" : "went from 1 to 0"}, together with the new ${y}, else 0`,
            ]),
        resetRule(r, "sets every flip-flop to 0"),
      ],
      plan: { ...r, last: k - 1, clears: true, stages },
      write: (d) => {
        const s = d.stages === 2 ? "s" : "p";
        const hit = [
          `${y}<=${s};`,
          "c<=0;",
          ...(pulse === "none" ? [] : [`${pulse}<=${pulse === "rise" ? s : `!${s}`};`]),
        ];
        return {
          steps: [
            `Synchroniser: ${d.stages === 2 ? "p then s" : "p alone"}.`,
            `Count c of differing clocks: the change comes with c==${d.last}, clock number ${d.last + 1}; ${w} bit.`,
            d.clears ? `${s} equal to ${y} sets c to 0.` : `${s} equal to ${y} leaves c.`,
            ...(pulse === "none"
              ? []
              : [`${pulse} is 0 by default, and on the change ${pulse === "rise" ? s : `not ${s}`}.`]),
            resetStep(d),
            `Check: a glitch of ${d.last + 1} clocks is let through, one of ${d.last} is not.`,
          ],
          code: [
            `reg p${d.stages === 2 ? ",s" : ""};`,
            `reg ${range(w)}c;`,
            clocked(
              d,
              block(
                "p<=0;",
                ...(d.stages === 2 ? ["s<=0;"] : []),
                "c<=0;",
                `${y}<=0;`,
                ...(pulse === "none" ? [] : [`${pulse}<=0;`]),
              ),
              block(
                `p<=${a};`,
                ...(d.stages === 2 ? ["s<=p;"] : []),
                ...(pulse === "none" ? [] : [`${pulse}<=0;`]),
                `if(${s}==${y})c<=${d.clears ? "0" : "c"};`,
                `else if(c==${d.last})${block(...hit)}`,
                "else c<=c+1;",
              ),
            ),
          ],
        };
      },
      slips: [
        ["one_clock_late", 0.55, { last: k }],
        ["count_not_cleared", 0.25, { clears: false }],
        ["synchroniser_depth", 0.2, { stages: 3 - stages }],
      ],
    });
  },
});

const watchdog = family({
  name: "watchdog",
  theme: "intervals",
  difficulty: 0.7,
  slipRate: 0.5,
  grid: {
    k: [5, 6, 8, 10, 12],
    early: [0, 2, 3],
    latch: [1, 0],
    rst: RESETS,
    io: ["kick.bark", "feed.alarm"],
  },
  build: ({ k, early, latch, rst, io }) => {
    const [kick, bark] = names(io);
    const r = resetOf(rst);
    const w = bitsFor(k);
    return task<Reset & { last: number; early: number; latch: boolean }>({
      signals: [
        CLK,
        rstOf(r),
        inp(kick, 1, "sign of life"),
        outReg(bark, 1, latch ? "stays 1 until reset" : "pulse"),
        out("left", w, "clocks until the alarm"),
      ],
      title: [
        `Watchdog that expects ${kick} within ${k} clocks${early ? `, but not in the first ${early}` : ""}`,
        `${early ? "Window watchdog" : "Watchdog timer"} of ${k} clocks`,
        `Watch that ${kick} comes at least every ${k} clocks${early ? ` and not too early` : ""}`,
      ],
      rules: [
        `a counter t starts at 0 and counts clocks without ${kick}; ${kick} sets it to 0`,
        `a clock with ${kick} 0 that finds t at ${k - 1} is an alarm and sets t to 0`,
        ...(early ? [`a clock with ${kick} 1 that finds t below ${early} is an alarm too`] : []),
        latch
          ? `an alarm sets ${bark}, which then stays 1`
          : `${bark} is 1 after a clock with an alarm, else 0`,
        `left is ${k} minus t`,
        resetRule(r, `sets t and ${bark} to 0`),
      ],
      plan: { ...r, last: k - 1, early, latch: latch === 1 },
      write: (d) => {
        const alarm = d.early > 0 ? `(${kick}?t<${d.early}:t==${d.last})` : `!${kick}&&t==${d.last}`;
        return {
          steps: [
            `t goes from 0 to ${d.last}: ${d.last + 1} clocks, ${w} bit.`,
            `Alarm e: without ${kick} at t==${d.last}${d.early > 0 ? `, with ${kick} at t<${d.early}` : ""}.`,
            `t becomes 0 on ${kick} or at ${d.last}, else grows.`,
            d.latch ? `${bark} is set by e and kept.` : `${bark} is e, one clock later.`,
            resetStep(d),
            `Check: no ${kick} after reset: the alarm is on clock number ${d.last + 1}.`,
          ],
          code: [
            `reg ${range(w)}t;`,
            `wire e=${alarm};`,
            `assign left=${k}-t;`,
            clocked(
              d,
              block("t<=0;", `${bark}<=0;`),
              block(`t<=${kick}||t==${d.last}?0:t+1;`, d.latch ? `if(e)${bark}<=1;` : `${bark}<=e;`),
            ),
          ],
        };
      },
      slips: [
        ["one_clock_late", 0.6, { last: k }],
        ["latch", 0.25, { latch: latch !== 1 }],
        ["window", 0.15, { early: early === 0 ? 0 : early + 1 }],
      ],
    });
  },
});

const stretch = family({
  name: "pulse_stretch",
  theme: "intervals",
  difficulty: 0.55,
  slipRate: 0.45,
  grid: {
    k: [2, 3, 4, 5, 7, 9],
    again: ["restart", "ignore"],
    trigger: ["level", "rising"],
    rst: RESETS,
    io: ["a.y", "trig.out"],
  },
  build: ({ k, again, trigger, rst, io }) => {
    const [a, y] = names(io);
    const r = resetOf(rst);
    const w = bitsFor(k);
    const edge = trigger === "rising";
    return task<Reset & { count: number; again: boolean; edge: boolean }>({
      signals: [CLK, rstOf(r), inp(a, 1, "trigger"), out(y, 1, `high for ${k} clocks`)],
      title: [
        `Pulse stretcher: ${k} clocks from ${edge ? "a rising edge" : "a high level"} of ${a}`,
        `Make ${y} high for ${k} clocks after ${edge ? `${a} rises` : `${a} is high`}`,
        `Monostable of ${k} clocks, ${again === "restart" ? "retriggerable" : "not retriggerable"}`,
      ],
      rules: [
        edge
          ? `a trigger is a clock with ${a} 1 whose last clock had ${a} 0`
          : `a trigger is a clock with ${a} 1`,
        `after a trigger ${y} is 1 for ${k} clocks`,
        again === "restart"
          ? `a trigger while ${y} is 1 starts the ${k} clocks afresh`
          : `a trigger while ${y} is 1 is ignored`,
        resetRule(r, `makes ${y} 0${edge ? ` and counts as a clock with ${a} 0` : ""}`),
      ],
      plan: { ...r, count: k, again: again === "restart", edge },
      write: (d) => {
        const t = d.edge ? `${a}&&!p` : a;
        return {
          steps: [
            `Down counter c: a trigger loads ${d.count}, ${y} is c!=0; ${w} bit.`,
            d.edge ? `Trigger: ${a} and not p, its last sample.` : `Trigger: ${a} itself.`,
            d.again ? "A trigger always loads." : "A trigger loads only when c is 0.",
            resetStep(d),
            `Check: one trigger: ${y} is 1 for ${d.count} clocks.`,
          ],
          code: [
            ...(d.edge ? ["reg p;"] : []),
            `reg ${range(w)}c;`,
            `assign ${y}=c!=0;`,
            clocked(
              d,
              d.edge ? block("p<=0;", "c<=0;") : "c<=0;",
              block(
                ...(d.edge ? [`p<=${a};`] : []),
                d.again ? `if(${t})c<=${d.count};` : `if(c==0)c<=${t}?${d.count}:0;`,
                d.again ? "else if(c!=0)c<=c-1;" : "else c<=c-1;",
              ),
            ),
          ],
        };
      },
      slips: [
        ["retrigger", 0.6, { again: again !== "restart" }],
        ["one_clock_short", 0.25, { count: k - 1 }],
        ["level_or_edge", 0.15, { edge: !edge }],
      ],
    });
  },
});

const phases = family({
  name: "phase_sequencer",
  theme: "intervals",
  difficulty: 0.65,
  slipRate: 0.55,
  grid: {
    a: [2, 3, 4],
    b: [1, 3, 5],
    c: [2, 4],
    skip: [0, 1],
    rst: RESETS,
    io: ["go.slow.halt", "green.yellow.red"],
  },
  build: ({ a, b, c, skip, rst, io }) => {
    const [x, y, z] = names(io);
    const r = resetOf(rst);
    const times = [a, b, c];
    const w = bitsFor(Math.max(...times));
    return task<Reset & { times: readonly number[]; skip: boolean; order: readonly number[] }>({
      signals: [
        CLK,
        rstOf(r),
        ...(skip ? [inp("hurry", 1, `ends phase ${x} at once`)] : []),
        out(x, 1, `${a} clocks`),
        out(y, 1, `${b} clock${b > 1 ? "s" : ""}`),
        out(z, 1, `${c} clocks`),
      ],
      title: [
        `Sequencer of three phases that last ${a}, ${b} and ${c} clocks`,
        `Cycle through ${x}, ${y}, ${z} for ${a}, ${b} and ${c} clocks`,
        `Three-phase light: ${x} ${a}, ${y} ${b}, ${z} ${c} clocks`,
      ],
      rules: [
        `exactly one output is 1: ${x} for ${a} clocks, then ${y} for ${b}, then ${z} for ${c}, then ${x} again`,
        ...(skip
          ? [
              `hurry 1 in phase ${x} makes the next clock the first of phase ${y}; in other phases it is ignored`,
            ]
          : []),
        resetRule(r, `starts phase ${x} from its first clock`),
      ],
      plan: { ...r, times: times.map((t) => t - 1), skip: skip === 1, order: [1, 2, 0] },
      write: (d) => ({
        steps: [
          "Phase p 0, 1, 2: 2 bit. Clock t in the phase from 0.",
          `Last t: ${d.times.map((t, i) => `phase ${i} ${t}`).join(", ")}; ${w} bit.`,
          `At the last t, t becomes 0 and p ${d.order.map((to, i) => `${i}->${to}`).join(", ")}.`,
          ...(skip ? [d.skip ? "hurry in phase 0 ends it too." : "hurry is not used."] : []),
          resetStep(d),
          `Check: a round takes ${d.times.map((t) => t + 1).join("+")} clocks, ${d.times.reduce((sum, t) => sum + t + 1, 0)}.`,
        ],
        code: [
          "reg [1:0] p;",
          `reg ${range(w)}t;`,
          `wire e=p==0?t==${d.times[0]}${d.skip ? "||hurry" : ""}:p==1?t==${d.times[1]}:t==${d.times[2]};`,
          `assign ${x}=p==0;`,
          `assign ${y}=p==1;`,
          `assign ${z}=p==2;`,
          clocked(
            d,
            block("p<=0;", "t<=0;"),
            `if(e)${block("t<=0;", `p<=p==0?${d.order[0]}:p==1?${d.order[1]}:${d.order[2]};`)}\nelse t<=t+1;`,
          ),
        ],
      }),
      slips: [
        ["phases_one_long", 0.6, { times }],
        ["order", 0.2, { order: [2, 0, 1] }],
        ["no_hurry", 0.2, { skip: false }],
      ],
    });
  },
});

export const intervals = [prescaled, shadow, settle, watchdog, stretch, phases];
