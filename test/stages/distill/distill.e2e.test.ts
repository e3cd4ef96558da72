/** Distillation from scratch: the same command makes the same bytes, broken off or not; and RL starts from what it wrote. */

import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { REAL, start, workplace } from "../../cli/spawned.js";
import { until } from "../../until.js";

const SMALL = [
  "--stage",
  "distill",
  "--config",
  "distill-primer.yaml",
  "run.dir=runs",
  "run.save_every=3",
  "learner.threads=1",
  "distill.steps=8",
  "distill.batch_tokens=1024",
  "distill.samples=400",
  "distill.tokenizer_samples=400",
  "architecture.vocab_size=400",
  "architecture.hidden_size=32",
  "architecture.layers=2",
  "architecture.heads=2",
  "architecture.kv_heads=1",
  "architecture.intermediate_size=64",
  "eval.final_problems=3",
  "eval.final_samples=1",
];
const sha = (path: string): string => createHash("sha256").update(readFileSync(path)).digest("hex");

describe("distillation", { timeout: 240_000 }, () => {
  it("makes the same weights with one thread and with two, at the size of the shipped policy", async () => {
    const cwd = workplace();
    const made = [1, 2].map(async (threads) => {
      const words = [
        "--stage",
        "distill",
        "--config",
        "distill-primer.yaml",
        "run.dir=runs",
        "--name",
        `t${threads}`,
      ];
      const small = [
        "distill.steps=4",
        "distill.samples=400",
        "eval.final_problems=2",
        "eval.final_samples=1",
      ];
      const ended = await start(REAL, [...words, ...small, `learner.threads=${threads}`], {
        cwd,
        env: { VERILOOP_CACHE: join(cwd, "cache") },
      }).ended;
      expect(ended.code, ended.stderr).toBe(0);
      return sha(join(cwd, `runs/t${threads}/export/model.safetensors`));
    });
    const [one, two] = await Promise.all(made);
    expect(two).toBe(one);
  });

  it("makes the same weights again, also when killed with -9 and resumed; the loss falls; RL and eval read them", async () => {
    const cwd = workplace();
    const env = { VERILOOP_CACHE: join(cwd, "cache") };
    const run = (name: string, extra: readonly string[]) =>
      start(REAL, [...SMALL, "--name", name, `distill.out=${name}-out`, ...extra], { cwd, env });
    const one = await run("one", ["--json"]).ended;
    expect(one.code, one.stderr).toBe(0);
    const summary = JSON.parse(one.stdout.trim().split("\n").at(-1)!);
    expect(summary).toMatchObject({ steps: 8, policy: "one-out" });

    const metrics = join(cwd, "runs/two/metrics.jsonl");
    const killed = run("two", []);
    const records = () => (existsSync(metrics) ? readFileSync(metrics, "utf8").split("\n").length - 1 : 0);
    await until("five records", records, (seen) => seen >= 5);
    killed.child.kill("SIGKILL");
    await killed.ended;
    const two = await run("two", ["--resume"]).ended;
    expect(two.code, two.stderr).toBe(0);
    for (const file of ["model.safetensors", "config.json", "tokenizer.json"]) {
      expect(sha(join(cwd, "two-out", file)), file).toBe(sha(join(cwd, "one-out", file)));
    }
    const losses = readFileSync(metrics, "utf8")
      .trim()
      .split("\n")
      .flatMap((l) => JSON.parse(l)["policy/loss"] ?? []);
    expect(losses).toHaveLength(8);
    expect(losses.at(-1)).toBeLessThan(losses[0]);

    const evaluated = await start(
      REAL,
      [
        "--stage",
        "eval",
        "--config",
        "eval.yaml",
        "run.dir=runs",
        "model.path=one-out",
        "eval.final_problems=3",
        "eval.final_samples=2",
        "--json",
      ],
      { cwd, env },
    ).ended;
    expect(evaluated.code, evaluated.stderr).toBe(0);
    expect(JSON.parse(evaluated.stdout.trim().split("\n").at(-1)!)).toMatchObject({
      problems: 3,
      samples: 2,
    });
  });
});
