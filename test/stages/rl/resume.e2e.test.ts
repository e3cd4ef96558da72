/** Killed with -9 and resumed, a run writes the metrics it would have written; a stop by signal saves and exits 75. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { isWallClock } from "../../../src/run/keys.js";
import { REAL, start, workplace } from "../../cli/spawned.js";
import { until } from "../../until.js";

const SMALL = [
  "--config",
  "adaptive-dapo.yaml",
  "run.dir=runs",
  "run.save_every=2",
  "learner.threads=1",
  "rl.steps=7",
  "rl.groups=4",
  "rl.group_size=4",
  "rl.sampling.min_groups=1",
  "eval.every=3",
  "eval.problems=4",
  "eval.samples=1",
  "eval.final_problems=6",
  "eval.final_samples=2",
];
const train = (cwd: string, name: string, extra: readonly string[]) =>
  start(REAL, ["--stage", "rl", ...SMALL, "--name", name, ...extra], {
    cwd,
    env: { VERILOOP_CACHE: join(cwd, "cache") },
  });

/** Metrics records without what the clock decides. */
function metrics(run: string): unknown[] {
  return readFileSync(join(run, "metrics.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => Object.fromEntries(Object.entries(JSON.parse(line)).filter(([key]) => !isWallClock(key))));
}

const records = (run: string): number =>
  existsSync(join(run, "metrics.jsonl"))
    ? readFileSync(join(run, "metrics.jsonl"), "utf8").split("\n").length - 1
    : 0;

describe("a run that is interrupted", { timeout: 240_000 }, () => {
  it.each(["adaptive", "dynamic"])(
    "%s: kill -9 twice and resume equals the unbroken run",
    async (strategy) => {
      const cwd = workplace();
      const extra = [
        `rl.sampling.strategy=${strategy}`,
        ...(strategy === "adaptive" ? ["rl.sampling.n_min=2"] : []),
      ];
      const whole = await train(cwd, "whole", ["--json", ...extra]).ended;
      expect(whole.code, whole.stderr).toBe(0);
      const summary = JSON.parse(whole.stdout.trim().split("\n").at(-1)!);
      expect(Object.keys(summary)).toEqual(
        expect.arrayContaining(["run", "steps", "tokens", "rollouts", "seconds", "eval"]),
      );
      for (const point of [summary.eval.before, summary.eval.after]) {
        expect(point.lo).toBeLessThanOrEqual(point.pass1);
        expect(point.hi).toBeGreaterThanOrEqual(point.pass1);
      }

      const run = join(cwd, "runs/broken");
      for (const [attempt, lines] of [4, 7].entries()) {
        const running = train(cwd, "broken", attempt === 0 ? extra : ["--resume", ...extra]);
        await until(
          `${lines} records`,
          () => records(run),
          (seen) => seen >= lines,
        );
        running.child.kill("SIGKILL");
        await running.ended;
      }
      const last = await train(cwd, "broken", ["--resume", "--json", ...extra]).ended;
      expect(last.code, last.stderr).toBe(0);
      expect(metrics(run)).toEqual(metrics(join(cwd, "runs/whole")));
      const after = JSON.parse(last.stdout.trim().split("\n").at(-1)!);
      expect({ ...after.eval, tokens: after.tokens }).toEqual({ ...summary.eval, tokens: summary.tokens });
      expect(existsSync(join(run, "report.html"))).toBe(true);
      expect(readdirSync(join(run, "export")).sort()).toEqual(
        expect.arrayContaining(["config.json", "model.safetensors", "tokenizer.json"]),
      );
    },
  );

  it("SIGTERM saves, exits 75 and says how to go on; the run then ends as if nothing had been", async () => {
    const cwd = workplace();
    const running = train(cwd, "stopped", []);
    await running.said(/step 2\/7/);
    running.child.kill("SIGTERM");
    const ended = await running.ended;
    expect(ended.code, ended.stderr).toBe(75);
    expect(ended.stderr).toMatch(/--name stopped --resume/);
    const rest = await train(cwd, "stopped", ["--resume"]).ended;
    expect(rest.code, rest.stderr).toBe(0);
    expect(metrics(join(cwd, "runs/stopped")).filter((m) => "train/pass_rate" in (m as object))).toHaveLength(
      7,
    );
  });

  it("an existing name without --resume is refused and left alone", async () => {
    const cwd = workplace();
    expect((await train(cwd, "twice", ["rl.steps=1", "eval.every=0"]).ended).code).toBe(0);
    const before = readFileSync(join(cwd, "runs/twice/run.json"), "utf8");
    const again = await train(cwd, "twice", ["rl.steps=1", "eval.every=0"]).ended;
    expect(again.code).toBe(2);
    expect(again.stderr).toMatch(/--resume/);
    expect(readFileSync(join(cwd, "runs/twice/run.json"), "utf8")).toBe(before);
  });
});
