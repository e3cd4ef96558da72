/**
 * Kills short runs with SIGKILL at random moments and resumes them, again and again: every run ends with the metrics of
 * the unbroken one, and no checkpoint is lost. A checkpoint is written at every step, so that kills fall inside
 * checkpoint writes too. Run by `scripts/test --nightly`; RESUME_KILLS and RESUME_SEED change how many and which.
 */

import { existsSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { makeRng } from "../../src/core/rng.js";
import { STRATEGY_NAMES } from "../../src/rl/algo/strategies/index.js";
import { makeCheckpointStore } from "../../src/run/checkpoints.js";
import { isWallClock } from "../../src/run/keys.js";
import { REAL, root, start, workplace } from "../cli/spawned.js";

const KILLS = Number(process.env.RESUME_KILLS ?? 100);
const SEED = Number(process.env.RESUME_SEED ?? 1);
/** Nobody reads on after so many. */
const MOST_FAULTS = 20;

const ARMS = STRATEGY_NAMES.flatMap((strategy) => [0, 1].map((lag) => ({ strategy, lag })));
type Arm = (typeof ARMS)[number];

const words = (arm: Arm, name: string): string[] => [
  ...["--stage", "rl", "--config", join(root, "configs/adaptive-dapo.yaml"), "--name", name, "--quiet"],
  ...["run.dir=runs", "run.save_every=1", "run.keep_last=2", "run.keep_best=0", "learner.threads=1"],
  ...["rl.steps=6", "rl.groups=3", "rl.group_size=4", "rl.sampling.min_groups=1"],
  ...["eval.every=3", "eval.problems=4", "eval.samples=1", "eval.final_problems=4", "eval.final_samples=1"],
  ...["reward.engine=fake", "sampler.max_tokens=96", "sampler.temperature=0.8"],
  ...[`rl.sampling.strategy=${arm.strategy}`, `rl.async.max_lag=${arm.lag}`],
  ...(arm.strategy === "adaptive" ? ["rl.sampling.n_min=2"] : []),
];

/** Records without what the clock decides. */
const recordsOf = (runDir: string): string =>
  readFileSync(join(runDir, "metrics.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => {
      const kept = Object.entries(JSON.parse(line)).filter(([key]) => !isWallClock(key));
      return JSON.stringify(Object.fromEntries(kept));
    })
    .join("\n");

/** The newest checkpoint whose checksums hold; -1 before the first. @throws when those that exist are corrupt */
async function newestStep(runDir: string, warn: (text: string) => void): Promise<number> {
  if (!existsSync(runDir)) return -1;
  const store = makeCheckpointStore({ runDir, keepLast: 2, keepBest: 0, version: "", configHash: "", warn });
  return (await store.latest())?.step ?? -1;
}

interface Whole {
  readonly records: string;
  readonly ms: number;
}

it(`${KILLS} kills change no run's metrics and lose no checkpoint`, { timeout: 6 * 3600_000 }, async () => {
  const place = workplace();
  const runs = join(place, "runs");
  const rng = makeRng(`resume/${SEED}`);
  const faults: string[] = [];
  const moments: Record<string, number> = {};
  let kills = 0;
  let chains = 0;

  /** One run, killed and resumed until it ends by itself. */
  const chain = async (arm: Arm, index: number, whole: Whole): Promise<void> => {
    const name = `${arm.strategy}-${arm.lag}-${index}`;
    const runDir = join(runs, name);
    let newest = -1;
    for (let attempt = 0; ; attempt++) {
      const resume = existsSync(join(runDir, "run.json"));
      const run = start(REAL, [...words(arm, name), ...(resume ? ["--resume"] : [])], { cwd: place });
      // The first second goes on starting; a chain must get on, so later attempts live longer.
      const delay = whole.ms * (0.15 + rng.uniform() * 0.85) * (attempt > 8 ? 2 : 1);
      const timer = setTimeout(() => run.child.kill("SIGKILL"), delay);
      const { code, stderr } = await run.ended;
      clearTimeout(timer);
      if (code === 0) break;
      if (code !== null) {
        faults.push(`${name}: exit ${code}: ${stderr.trim().split("\n").slice(0, 3).join(" | ")}`);
        return;
      }
      kills++;
      const step = await newestStep(runDir, (text) => faults.push(`${name}: ${text}`));
      moments[step] = (moments[step] ?? 0) + 1;
      if (step < newest) faults.push(`${name}: checkpoint ${newest} is lost, ${step} is the newest`);
      newest = Math.max(newest, step);
    }
    chains++;
    if (recordsOf(runDir) !== whole.records)
      faults.push(`${name}: its metrics differ from the unbroken run's`);
    rmSync(runDir, { recursive: true, force: true });
  };

  const wholes = new Map<Arm, Whole>();
  for (const arm of ARMS) {
    const name = `whole-${arm.strategy}-${arm.lag}`;
    const began = performance.now();
    const { code, stderr } = await start(REAL, words(arm, name), { cwd: place }).ended;
    expect(code, stderr).toBe(0);
    wholes.set(arm, { records: recordsOf(join(runs, name)), ms: performance.now() - began });
  }
  let next = 0;
  const lane = async (): Promise<void> => {
    while (kills < KILLS && faults.length < MOST_FAULTS) {
      const index = next++;
      const arm = ARMS[index % ARMS.length]!;
      await chain(arm, index, wholes.get(arm)!);
      console.error(`${kills} of ${KILLS} kills, ${chains} runs finished, ${faults.length} faults`);
    }
  };
  await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, lane));
  console.error(`kills by the newest checkpoint: ${JSON.stringify(moments)}`);
  expect(faults).toEqual([]);
  expect(kills).toBeGreaterThanOrEqual(KILLS);
});
