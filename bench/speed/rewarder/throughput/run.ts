/**
 * Verdicts per second by the way simulations run, in one run on the same candidates, with the golden's trace made
 * beforehand: `npx tsx bench/speed/rewarder/throughput/run.ts [--designs 60] [--mutants 8] [--seconds 4] [--rounds 3]
 * [--cores N] [--data DIR] [--baseline]`. Rows take turns, so that a change of the machine's load meets all of them;
 * figures are medians of the rounds. The floor is what Node and this machine need to start `true` once. The last
 * line is one JSON object.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { DATA_ROOT, problemOf } from "../../../../designs/index.js";
import { seed } from "../../../../src/core/units.js";
import { makeRewarder, type RewarderOptions } from "../../../../src/reward/rewarder.js";
import { locateTools } from "../../../../src/sim/tools.js";
import { formatCompletion } from "../../../../src/text/format.js";
import { benchMachine } from "../../../machine.js";
import { codevVerdict } from "../../../reward/rival/codev.js";
import { type Case, casesOf, designsOf, fresh } from "./cases.js";
import { childrenCpuMs, mainThreadMs, median, quantile, spawnFloor } from "./cost.js";

const { values: flags } = parseArgs({
  options: {
    designs: { type: "string", default: "60" },
    mutants: { type: "string", default: "8" },
    seconds: { type: "string", default: "4" },
    rounds: { type: "string", default: "3" },
    cores: { type: "string", default: String(Math.min(2, availableParallelism())) },
    data: { type: "string", default: DATA_ROOT },
    baseline: { type: "boolean", default: false },
  },
});
const cores = Number(flags.cores);
const forMs = Number(flags.seconds) * 1000;
const searchPath = process.env.PATH ?? "";
const tools = locateTools(searchPath);
const machine = benchMachine(tools);
const dir = mkdtempSync(join(process.env.BENCH_SCRATCH ?? tmpdir(), "throughput-"));
const signal = new AbortController().signal;
const round = (x: number): number => Math.round(x * 100) / 100;

interface Row {
  readonly name: string;
  readonly isolation: string;
  judge(c: Case, serial: number): Promise<string>;
  close(): Promise<void>;
}

const common: RewarderOptions = {
  tools,
  cacheDir: join(dir, "cache"),
  scratchDir: join(dir, "scratch"),
  concurrency: cores,
  mutants: 0,
  prover: null,
  audit: { share: 0, vectors: 1 },
  searchPath,
};

async function ours(name: string, options: Partial<RewarderOptions>): Promise<Row> {
  const rewarder = makeRewarder({ ...common, ...options });
  const { sandbox } = await rewarder.environment();
  await rewarder.prepare(problems, () => {}, signal);
  return {
    name,
    isolation: sandbox,
    async judge(c, serial) {
      const text = formatCompletion("x", fresh(c.code, serial));
      const problem = problemOf(c.design);
      const v = await rewarder.score({ problem, text, seed: seed(serial) }, signal);
      return v.kind === "scored" ? v.outcome : `infra ${v.code}`;
    },
    close: () => rewarder.close(),
  };
}

const baseline: Row = {
  name: "CodeV-R1's published check",
  isolation: "none",
  judge: async (c, serial) =>
    (await codevVerdict(c.design.golden, fresh(c.code, serial), c.design.top, tools, { sandbox: false }))
      .verdict,
  close: async () => {},
};

interface Measured {
  readonly perSecond: number;
  readonly children: number;
  readonly node: number;
}

const corpus = designsOf(flags.data, Number(flags.designs));
const problems = corpus.designs.map(problemOf);
const first = makeRewarder({ ...common, engine: "auto" });
const prepareBegan = performance.now();
const refused = await first.prepare(
  problems,
  (done, all) => process.stderr.write(`\rprepared ${done}/${all}`),
  signal,
);
const prepareMs = (performance.now() - prepareBegan) / problems.length;
await first.close();
process.stderr.write("\n");
const usable = corpus.designs.filter((d) => !refused.has(problemOf(d).id));
const cases = casesOf(usable, Number(flags.mutants));
let serial = 0;

/** `atOnce` verdicts in flight until time is up; every round begins with the same candidate. */
async function measure(
  row: Row,
  atOnce: number,
  ms: number,
  outcomes: Record<string, number>,
): Promise<Measured & { latencies: number[] }> {
  const latencies: number[] = [];
  let at = 0;
  const children = childrenCpuMs();
  const node = mainThreadMs();
  const began = performance.now();
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (performance.now() - began < ms) {
        const c = cases[at++ % cases.length]!;
        const t = performance.now();
        const outcome = await row.judge(c, serial++);
        latencies.push(performance.now() - t);
        outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      }
    }),
  );
  const n = latencies.length;
  return {
    perSecond: (n * 1000) / (performance.now() - began),
    children: (childrenCpuMs() - children) / n,
    node: (mainThreadMs() - node) / n,
    latencies,
  };
}

const boxed = tools.bwrap !== null;
const rows: Row[] = [
  await ours("iverilog driver + vvp", {
    tools: { ...tools, ivlBase: null },
    engine: "spawn",
    sandbox: "off",
  }),
  await ours("plain: ivl + vvp", { engine: "spawn", sandbox: "off" }),
  ...(boxed ? [await ours("plain in bubblewrap", { engine: "spawn", sandbox: "required" })] : []),
  await ours("forked", { engine: "forked", sandbox: "off" }),
  ...(boxed ? [await ours("forked in bubblewrap", { engine: "forked", sandbox: "required" })] : []),
  ...(flags.baseline ? [baseline] : []),
];
const floors: number[] = [];
const measured = new Map<Row, { busy: Measured[]; alone: number[]; outcomes: Record<string, number> }>();
for (const row of rows) {
  measured.set(row, { busy: [], alone: [], outcomes: {} });
  await measure(row, cores, Math.min(500, forMs), {});
}
for (let r = 0; r < Number(flags.rounds); r++) {
  floors.push(await spawnFloor(cores, Math.min(1500, forMs)));
  for (const row of rows) {
    const m = measured.get(row)!;
    // One more than there are workers, so that none waits for Node to make its next job.
    m.busy.push(await measure(row, cores + 1, forMs, m.outcomes));
    m.alone.push(...(await measure(row, 1, forMs / 4, {})).latencies);
  }
}
for (const row of rows) await row.close();
rmSync(dir, { recursive: true, force: true });

const floor = median(floors);
const table = rows.map((row) => {
  const { busy, alone, outcomes } = measured.get(row)!;
  const rates = busy.map((b) => b.perSecond);
  const perSecond = median(rates);
  return {
    name: row.name,
    perSecond: round(perSecond),
    range: [round(Math.min(...rates)), round(Math.max(...rates))],
    ofFloor: round(perSecond / floor),
    cpuMs: {
      children: round(median(busy.map((b) => b.children))),
      node: round(median(busy.map((b) => b.node))),
    },
    latencyMs: { p50: round(quantile(alone, 0.5)), p95: round(quantile(alone, 0.95)) },
    isolation: row.isolation,
    outcomes,
  };
});
for (const t of [{ name: "floor: starting `true`", perSecond: round(floor), ofFloor: 1 }, ...table]) {
  const more =
    "cpuMs" in t
      ? `  ${t.cpuMs.children} + ${t.cpuMs.node} ms CPU  ${t.latencyMs.p50} / ${t.latencyMs.p95} ms`
      : "";
  console.error(`${t.name.padEnd(28)} ${String(t.perSecond).padStart(8)} /s  ${t.ofFloor} of floor${more}`);
}
const best = table.filter((t) => t.name.startsWith("forked")).at(-1)!;
console.log(
  JSON.stringify({
    figure: best.perSecond,
    unit: "verdicts/s",
    what: best.name,
    baseline: round(floor),
    baselineIs: "starting `true` once, from Node",
    ratio: best.ofFloor,
    rows: table,
    floorRange: [round(Math.min(...floors)), round(Math.max(...floors))],
    corpus: { name: corpus.name, designs: usable.length, candidates: cases.length, refused: refused.size },
    prepareMsPerGolden: round(prepareMs),
    concurrency: cores,
    seconds: Number(flags.seconds),
    rounds: Number(flags.rounds),
    machine,
  }),
);
