/**
 * Kills short runs with SIGKILL at random moments and resumes them, again and again, and compares what they recorded with
 * the unbroken run. `npm run build && npx tsx test/endurance/resume.ts [--kills 200] [--parallel 2] [--seed 1]`; the last line is
 * one JSON object. A checkpoint is written at every step, so that kills fall inside checkpoint writes too.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { makeRng } from "../../src/core/rng.js";
import { makeCheckpointStore } from "../../src/run/checkpoints.js";
import { isWallClock } from "../../src/run/keys.js";

const root = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");
const option = (name: string, otherwise: number): number => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? otherwise : Number(process.argv[at + 1]);
};
const KILLS = option("kills", 200);
const rng = makeRng(`resume/${option("seed", 1)}`);

const STRATEGIES = ["fixed", "dynamic", "batch_min", "batch_window", "adaptive"] as const;
const ARMS = STRATEGIES.flatMap((strategy) => [0, 1].map((lag) => ({ strategy, lag })));
type Arm = (typeof ARMS)[number];

const place = mkdtempSync(join(tmpdir(), "resume-"));
process.on("exit", () => rmSync(place, { recursive: true, force: true }));

const words = (arm: Arm, name: string): string[] => [
  ...["--stage", "rl", "--config", join(root, "configs/adaptive-dapo.yaml"), "--name", name, "--quiet"],
  ...["run.dir=runs", "run.save_every=1", "run.keep_last=2", "run.keep_best=0", "learner.threads=1"],
  ...["rl.steps=6", "rl.groups=3", "rl.group_size=4", "rl.sampling.min_groups=1", "rl.sampling.n_min=2"],
  ...["eval.every=3", "eval.problems=4", "eval.samples=1", "eval.final_problems=4", "eval.final_samples=1"],
  ...["reward.engine=fake", "sampler.max_tokens=96", "sampler.temperature=0.8"],
  ...[`rl.sampling.strategy=${arm.strategy}`, `rl.async.max_lag=${arm.lag}`],
];

interface Run {
  readonly child: ChildProcess;
  readonly ended: Promise<{ readonly code: number | null; readonly said: string }>;
}

function start(more: readonly string[]): Run {
  const child = spawn(process.execPath, [join(root, "dist/cli/main.js"), ...more], {
    cwd: place,
    env: { ...process.env, NO_COLOR: "1" },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr!.on("data", (d) => (said += d));
  return { child, ended: new Promise((r) => child.once("close", (code) => r({ code, said }))) };
}

/** Records without what the clock decides. */
const recordsOf = (name: string): string =>
  readFileSync(join(place, "runs", name, "metrics.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => {
      const kept = Object.entries(JSON.parse(line)).filter(([key]) => !isWallClock(key));
      return JSON.stringify(Object.fromEntries(kept));
    })
    .join("\n");

/** The newest checkpoint whose checksums hold; -1 before the first. @throws when those that exist are corrupt */
async function newestStep(name: string): Promise<number> {
  const runDir = join(place, "runs", name);
  if (!existsSync(runDir)) return -1;
  const store = makeCheckpointStore({
    runDir,
    keepLast: 2,
    keepBest: 0,
    version: "",
    configHash: "",
    warn: (text) => faults.push(`${name}: ${text}`),
  });
  return (await store.latest())?.step ?? -1;
}

const faults: string[] = [];
let kills = 0;
let chains = 0;
let different = 0;
const moments: Record<string, number> = {};

async function chain(arm: Arm, index: number, whole: { records: string; ms: number }): Promise<void> {
  const name = `${arm.strategy}-${arm.lag}-${index}`;
  let newest = -1;
  for (let attempt = 0; ; attempt++) {
    const resume = existsSync(join(place, "runs", name, "run.json"));
    const run = start([...words(arm, name), ...(resume ? ["--resume"] : [])]);
    // The first second goes on starting; a chain must get on, so later attempts live longer.
    const delay = whole.ms * (0.15 + rng.uniform() * 0.85) * (attempt > 8 ? 2 : 1);
    const timer = setTimeout(() => run.child.kill("SIGKILL"), delay);
    const { code, said } = await run.ended;
    clearTimeout(timer);
    if (code === 0) break;
    if (code !== null) {
      faults.push(`${name}: exit ${code}: ${said.trim().split("\n").slice(0, 3).join(" | ")}`);
      return;
    }
    kills++;
    const step = await newestStep(name);
    moments[step] = (moments[step] ?? 0) + 1;
    if (step < newest) faults.push(`${name}: checkpoint ${newest} is lost, ${step} is the newest`);
    newest = Math.max(newest, step);
  }
  chains++;
  if (recordsOf(name) !== whole.records) {
    different++;
    faults.push(`${name}: its metrics differ from the unbroken run's`);
  }
  rmSync(join(place, "runs", name), { recursive: true, force: true });
}

const wholes = new Map<Arm, { records: string; ms: number }>();
for (const arm of ARMS) {
  const began = performance.now();
  const { code, said } = await start(words(arm, `whole-${arm.strategy}-${arm.lag}`)).ended;
  if (code !== 0) throw new Error(`the unbroken run of ${arm.strategy} ended with ${code}: ${said}`);
  wholes.set(arm, {
    records: recordsOf(`whole-${arm.strategy}-${arm.lag}`),
    ms: performance.now() - began,
  });
}
let next = 0;
const lane = async (): Promise<void> => {
  while (kills < KILLS && faults.length < 20) {
    const index = next++;
    const arm = ARMS[index % ARMS.length]!;
    await chain(arm, index, wholes.get(arm)!);
    process.stderr.write(`\r${kills} of ${KILLS} kills, ${chains} runs finished, ${faults.length} faults `);
  }
};
await Promise.all(Array.from({ length: option("parallel", Math.min(2, availableParallelism())) }, lane));
process.stderr.write("\n");
for (const fault of faults) console.log(fault);
console.log(
  JSON.stringify({
    figure: faults.length,
    unit: "faults",
    baseline: 0,
    kills,
    runs: chains,
    different,
    killsByNewestCheckpoint: moments,
    arms: ARMS.map((a) => `${a.strategy}${a.lag > 0 ? "+overlap" : ""}`),
    machine: { cpu: cpus()[0]?.model.trim(), cores: availableParallelism(), node: process.version },
    date: new Date().toISOString().slice(0, 10),
  }),
);
process.exitCode = faults.length === 0 ? 0 : 1;
