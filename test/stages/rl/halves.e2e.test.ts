/** A step looked into: rollouts without an update, updates on kept rollouts, a step done again. */

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { REAL, start, workplace } from "../../cli/spawned.js";

const SMALL = [
  ...["--stage", "rl", "--config", "adaptive-dapo.yaml"],
  ...["run.dir=runs", "run.save_every=2", "run.keep_last=4", "reward.engine=fake", "sampler.max_tokens=96"],
  ...["rl.steps=3", "rl.groups=3", "rl.group_size=4", "rl.sampling.min_groups=1", "rl.sampling.n_min=2"],
  ...["eval.every=0", "eval.problems=4", "eval.final_problems=4", "eval.final_samples=1"],
];
const train = (cwd: string, words: readonly string[]) =>
  start(REAL, words, { cwd, env: { VERILOOP_CACHE: join(cwd, "cache") } }).ended;
const steps = (run: string): Record<string, number>[] =>
  readFileSync(join(run, "metrics.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line))
    .filter((record) => "train/rollouts" in record);

describe("half a step", { timeout: 240_000 }, () => {
  it("--rollouts-only keeps rollouts and changes no weight; --train-only updates on them and samples nothing", async () => {
    const cwd = workplace();
    const first = await train(cwd, [...SMALL, "--name", "a", "--rollouts-only"]);
    expect(first.code, first.stderr).toBe(0);
    const a = join(cwd, "runs", "a");
    expect(readdirSync(join(a, "rounds")).length).toBeGreaterThanOrEqual(2);
    expect(steps(a).map((s) => s["policy/version"])).toEqual([0, 0, 0]);
    const second = await train(cwd, [...SMALL, "--name", "b", "--train-only", "runs/a"]);
    expect(second.code, second.stderr).toBe(0);
    const b = steps(join(cwd, "runs", "b"));
    expect(b.at(-1)!["policy/version"]).toBeGreaterThan(0);
    expect(b.map((s) => s["train/tokens"])).toEqual(steps(a).map((s) => s["train/tokens"]));
  });

  it("--train-only names what is missing", async () => {
    const cwd = workplace();
    const gone = await train(cwd, [...SMALL, "--name", "b", "--train-only", "runs/a"]);
    expect(gone.code).toBe(3);
    expect(gone.stderr).toMatch(/holds no rollouts/);
    const lone = await train(cwd, [...SMALL, "--name", "b", "rl.rollouts=runs/a"]);
    expect(lone.code).toBe(2);
    expect(lone.stderr).toMatch(/only: training/);
  });
});

describe("train replay", { timeout: 240_000 }, () => {
  it("does a step again to the same values, and shows those that were not", async () => {
    const cwd = workplace();
    const run = await train(cwd, [...SMALL, "--name", "a"]);
    expect(run.code, run.stderr).toBe(0);
    const same = await train(cwd, ["replay", "a", "--dir", "runs", "--step", "3", "--json"]);
    expect(same.code, same.stderr + same.stdout).toBe(0);
    const result = JSON.parse(same.stdout);
    expect(result).toMatchObject({ run: "a", from: 2, step: 3, differences: [] });
    expect(result.compared).toBeGreaterThan(40);
    const path = join(cwd, "runs", "a", "metrics.jsonl");
    writeFileSync(path, readFileSync(path, "utf8").replaceAll(/"policy\/loss":[^,]+/g, '"policy/loss":7'));
    const other = await train(cwd, ["replay", "a", "--dir", "runs", "--step", "3"]);
    expect(other.code).toBe(1);
    expect(other.stdout).toMatch(/step 3 of a, done again from checkpoint 2: 1 of \d+ values differ/);
    expect(other.stdout).toMatch(/policy\/loss\s+7\s/);
    const far = await train(cwd, ["replay", "a", "--dir", "runs", "--step", "9"]);
    expect(far.code).toBe(2);
    expect(far.stderr).toMatch(/name a step from 1 to 3/);
  });
});
