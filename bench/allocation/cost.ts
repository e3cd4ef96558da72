/**
 * What control costs: CPU of choosing, updating and packing a step, and the state kept for each problem.
 *
 *   npx tsx bench/allocation/cost.ts [--problems 100000] [--rollouts 2048] [--steps 30] [--length 160]
 *
 * A step is `rollouts` / 16 groups of 16; `length` completion tokens a rollout. The last line is one JSON object.
 */

import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { makeRng } from "../../src/core/rng.js";
import { quantile } from "../../src/core/stats.js";
import type { Group } from "../../src/core/types.js";
import { policyVersion, problemId, seed, step as toStep } from "../../src/core/units.js";
import { groupAdvantages } from "../../src/rl/algo/advantages.js";
import { packRows, rowsOfGroup } from "../../src/rl/algo/pack.js";
import { makeArm } from "./arms.js";
import { Population } from "./populations.js";

const { values } = parseArgs({
  options: {
    problems: { type: "string", default: "100000" },
    rollouts: { type: "string", default: "2048" },
    steps: { type: "string", default: "30" },
    length: { type: "string", default: "160" },
  },
});
const [problems, rollouts, steps, length] = [
  values.problems,
  values.rollouts,
  values.steps,
  values.length,
].map(Number) as [number, number, number, number];
const size = 16;
const groups = Math.max(1, Math.round(rollouts / size));
const population = new Population("bimodal", problems, 1);
const rng = makeRng("outcomes");

const heapBefore = heap();
// About one and a half problems are drawn for each useful group that is needed.
const needed = Math.ceil(groups / 1.5);
const { strategy } = makeArm("adaptive", population, { groupSize: size, groups: needed, steps, seed: 1 });
const heapAfter = heap();
const loss = { kind: "clip", epsLow: 0.2, epsHigh: 0.28, dualClip: null, klCoef: 0, entropyCoef: 0 } as const;
const times: Record<"choose" | "update" | "pack" | "mark" | "all", number[]> = {
  choose: [],
  update: [],
  pack: [],
  mark: [],
  all: [],
};
let [planned, drawnProblems] = [0, 0];
// The first steps warm the compiler up and are not counted.
const WARM_UP = 5;
for (let s = 1; s <= steps + WARM_UP; s++) {
  const version = policyVersion(s - 1);
  const t0 = cpu();
  strategy.mark();
  const t1 = cpu();
  const plan = strategy.plan({ step: toStep(s), version, round: 0, needed, spent: 0 });
  const t2 = cpu();
  const drawn = plan.map((p, g) => groupOf(p.problem, p.rollouts, g, p.prior));
  const outcomes = drawn.map((group, k) => {
    const successes = group.members.filter((m) => m.verdict.passed).length;
    return {
      problem: plan[k]!.problem,
      successes,
      failures: group.members.length - successes,
      meanTokens: population.tokens[plan[k]!.problem]!,
    };
  });
  const t3 = cpu();
  strategy.observe(version, outcomes);
  strategy.metrics();
  const t4 = cpu();
  const rows = drawn.flatMap((group) => {
    const advantages = groupAdvantages(
      group.members.map((m) => m.verdict.reward),
      "history",
      group.prior,
    );
    return rowsOfGroup(group, advantages, 1, () => true);
  });
  packRows(rows, { step: toStep(s), temperature: 1, loss, divisor: { kind: "token" } });
  const t5 = cpu();
  if (s <= WARM_UP) continue;
  planned += plan.reduce((n, p) => n + p.rollouts, 0);
  drawnProblems += plan.length;
  times.mark.push(t1 - t0);
  times.choose.push(t2 - t1);
  times.update.push(t4 - t3);
  times.pack.push(t5 - t4);
  times.all.push(t1 - t0 + t2 - t1 + t4 - t3 + t5 - t4);
}
const stateBytes = JSON.stringify(strategy.state()).length / problems;
const part = (xs: readonly number[]): { median: number; p95: number } => ({
  median: round(quantile(xs, 0.5)),
  p95: round(quantile(xs, 0.95)),
});
const ms = Object.fromEntries(Object.entries(times).map(([k, xs]) => [k, part(xs)]));
for (const [k, { median, p95 }] of Object.entries(ms))
  console.log(`${k.padEnd(8)} median ${median.toFixed(1)} ms, 95% ${p95.toFixed(1)} ms`);
console.log(`state    ${stateBytes.toFixed(0)} bytes a problem in a checkpoint`);
console.log(
  `memory   ${((heapAfter - heapBefore) / problems).toFixed(0)} bytes a problem in the strategy, problem list included`,
);
console.log(
  JSON.stringify({
    figure: ms.all!.median,
    unit: "ms of CPU a step for choosing, updating, packing and the undo mark",
    baseline: 50,
    ratio: ms.all!.median / 50,
    ms,
    stateBytesPerProblem: stateBytes,
    memoryBytesPerProblem: (heapAfter - heapBefore) / problems,
    problems,
    rolloutsPerStep: planned / steps,
    problemsPerStep: drawnProblems / steps,
    length,
    steps,
    machine: `${cpus().length} x ${cpus()[0]?.model ?? "unknown cpu"}`,
    versions: { node: process.version },
  }),
);

function round(x: number): number {
  return Math.round(x * 100) / 100;
}

/** CPU milliseconds of this process so far, garbage collection included. */
function cpu(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function heap(): number {
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function groupOf(problem: number, count: number, id: number, prior: Group["prior"]): Group {
  const rate = population.seen(problem);
  const shared = { promptIds: new Int32Array(32), sampling: { temperature: 1, topP: 1, maxTokens: length } };
  return {
    id,
    problemId: problemId(`p${problem}`),
    policyVersion: policyVersion(0),
    prior,
    weight: 1,
    members: Array.from({ length: count }, (_, j) => {
      const passed = rng.uniform() < rate;
      return {
        rollout: {
          id: `${id}/${j}`,
          problemId: problemId(`p${problem}`),
          groupId: id,
          index: j,
          policyVersion: policyVersion(0),
          completionIds: new Int32Array(length),
          logprobs: new Float32Array(length).fill(-0.5),
          text: "",
          finish: "stop" as const,
          seed: seed(1),
          ...shared,
        },
        verdict: {
          kind: "scored" as const,
          reward: passed ? 1 : 0,
          parts: {},
          passed,
          outcome: passed ? ("pass" as const) : ("mismatch" as const),
          reached: "match" as const,
          proof: "simulated" as const,
          wallMs: 0,
          cached: false,
          log: "",
        },
      };
    }),
  };
}
