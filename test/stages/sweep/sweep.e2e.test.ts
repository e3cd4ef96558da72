/** A sweep: members in processes of their own, killed and resumed, compared at the end. */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { REAL, start, workplace } from "../../cli/spawned.js";

const SMALL = [
  "--config",
  "sweep/strategies.yaml",
  "run.dir=runs",
  "sweep.seeds=1",
  "sweep.baseline=adaptive",
  "reward.engine=fake",
  "rl.steps=2",
  "rl.groups=2",
  "rl.group_size=2",
  "rl.sampling.min_groups=1",
  "eval.every=1",
  "eval.problems=4",
  "eval.final_problems=4",
  "sampler.max_tokens=64",
];
const sweep = (cwd: string, extra: readonly string[]) =>
  start(REAL, ["--stage", "sweep", ...SMALL, ...extra], { cwd, env: { VERILOOP_CACHE: join(cwd, "cache") } });
const arms = "sweep.arms=[{name: adaptive, set: {}}, {name: dynamic, set: {rl.sampling.strategy: dynamic}}]";

describe("train --stage sweep", { timeout: 240_000 }, () => {
  it("runs the members, writes the report, and skips what is done when it is resumed", async () => {
    const cwd = workplace();
    const first = await sweep(cwd, [arms, "--name", "s", "--json"]).ended;
    expect(first.code, first.stderr).toBe(0);
    const summary = JSON.parse(first.stdout.trim().split("\n").at(-1)!);
    expect(summary).toMatchObject({ state: "done", members: 2, done: 2, failed: [], baseline: "adaptive" });
    const dir = join(cwd, "runs", "s");
    expect(existsSync(join(dir, "members", "dynamic-s1", "metrics.jsonl"))).toBe(true);
    const page = readFileSync(join(dir, "report.html"), "utf8");
    expect(page).toContain("2 of 2 members done");
    expect(page.match(/<svg/g)!.length).toBeGreaterThanOrEqual(4);
    expect(JSON.parse(readFileSync(join(dir, "leaderboard.json"), "utf8")).arms).toHaveLength(2);
  });

  it("a failed member leaves exit code 8, and --resume tries it again", async () => {
    const cwd = workplace();
    // A model that is not there fails in the member, after its config was found good.
    const bad = "sweep.arms=[{name: adaptive, set: {}}, {name: gone, set: {model.path: nowhere}}]";
    const first = await sweep(cwd, [bad, "--name", "s", "--json"]).ended;
    expect(first.code).toBe(8);
    expect(JSON.parse(first.stdout.trim().split("\n").at(-1)!)).toMatchObject({
      done: 1,
      failed: ["gone-s1"],
    });
    const again = await sweep(cwd, [bad, "--name", "s", "--resume"]).ended;
    expect(again.code).toBe(8);
    expect(again.stderr).toContain("adaptive-s1: was done already");
  });

  it("finds a mistake in any arm before anything starts", async () => {
    const cwd = workplace();
    const wrong = await sweep(cwd, [
      "sweep.arms=[{name: adaptive, set: {}}, {name: b, set: {rl.grups: 3}}]",
      "--name",
      "s",
    ]).ended;
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toMatch(/arm b of the sweep/);
    expect(wrong.stderr).toMatch(/rl\.groups/);
    expect(existsSync(join(cwd, "runs"))).toBe(false);
  });
});
