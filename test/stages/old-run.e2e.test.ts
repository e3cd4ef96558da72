/**
 * A run that an earlier version began and that was killed goes on with this version to the end it would have had. The old
 * run is made from a new one: its checkpoints and rounds are rewritten as the earlier version wrote them, which
 * `format-1.test.ts` holds against files that it really wrote.
 */

import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import type { Group } from "../../src/core/types.js";
import { loadRound, recordedPlan } from "../../src/rl/loop/stored-round.js";
import { type Checkpoint, makeCheckpointStore } from "../../src/run/checkpoints.js";
import { isWallClock } from "../../src/run/keys.js";
import { roundFileName, roundFiles, roundsKept } from "../../src/run/round-files.js";
import { rlForm } from "../../src/stages/rl/trainer.js";
import { loadState } from "../../src/stages/saved-state.js";
import { REAL, start, workplace } from "../cli/spawned.js";

const RL = [
  ...[
    "--stage",
    "rl",
    "--config",
    "adaptive-dapo.yaml",
    "run.dir=runs",
    "run.save_every=2",
    "run.keep_last=4",
  ],
  ...["reward.engine=fake", "sampler.max_tokens=96", "rl.steps=5", "rl.groups=3", "rl.group_size=4"],
  ...["rl.sampling.min_groups=1", "rl.sampling.n_min=2", "eval.every=0", "eval.problems=4"],
  ...["eval.final_problems=4", "eval.final_samples=1"],
];
const DISTILL = [
  ...["--stage", "distill", "--config", "distill-primer.yaml", "run.dir=runs", "run.save_every=3"],
  ...["learner.threads=1", "distill.steps=8", "distill.batch_tokens=1024", "distill.samples=400"],
  ...["distill.tokenizer_samples=400", "architecture.vocab_size=400", "architecture.hidden_size=32"],
  ...["architecture.layers=2", "architecture.heads=2", "architecture.kv_heads=1"],
  ...["architecture.intermediate_size=64", "eval.every=0", "eval.final_problems=3", "eval.final_samples=1"],
];
const train = (cwd: string, words: readonly string[]) =>
  start(REAL, words, { cwd, env: { VERILOOP_CACHE: join(cwd, "cache") } });

const lines = (run: string): Record<string, unknown>[] =>
  existsSync(join(run, "metrics.jsonl"))
    ? readFileSync(join(run, "metrics.jsonl"), "utf8")
        .split("\n")
        .slice(0, -1)
        .map((line) => JSON.parse(line))
    : [];
const metrics = (run: string) =>
  lines(run).map((record) => Object.fromEntries(Object.entries(record).filter(([key]) => !isWallClock(key))));

/** Starts a run, and kills it when it has recorded `step`. */
async function killedAfter(step: number, cwd: string, words: readonly string[], run: string): Promise<void> {
  const running = train(cwd, words);
  const recorded = () => lines(run).some((record) => record.step === step);
  for (let i = 0; i < 12_000 && !recorded(); i++) await new Promise((r) => setTimeout(r, 10));
  running.child.kill("SIGKILL");
  const { stderr } = await running.ended;
  expect(recorded(), stderr).toBe(true);
}

const checkpointsOf = (run: string): Checkpoint[] =>
  makeCheckpointStore({
    runDir: run,
    keepLast: 9,
    keepBest: 9,
    version: "now",
    configHash: "h",
    warn: () => {},
  }).list();

/** The manifest as format 1 has it, with the state in it and no files for the state. */
function intoManifest({ dir, manifest }: Checkpoint, extra: unknown): void {
  const { "state.json": _, "state.safetensors": __, ...files } = manifest.files;
  writeFileSync(join(dir, "manifest.json"), JSON.stringify({ ...manifest, format: 1, files, extra }));
  rmSync(join(dir, "state.json"));
  rmSync(join(dir, "state.safetensors"), { force: true });
}

const asNumbers = (groups: readonly Group[]) =>
  groups.map((group) => ({
    ...group,
    members: group.members.map(({ verdict, rollout }) => ({
      verdict,
      rollout: {
        ...rollout,
        promptIds: [...rollout.promptIds],
        completionIds: [...rollout.completionIds],
        logprobs: [...rollout.logprobs],
      },
    })),
  }));

async function downgradeRl(run: string): Promise<void> {
  for (const checkpoint of checkpointsOf(run)) {
    const { trainer, course, ...rest } = await loadState(checkpoint, rlForm);
    const { recent: _, ...kept } = course;
    const points = { before: course.before?.test ?? null, after: course.after?.test ?? null };
    intoManifest(checkpoint, {
      ...rest,
      ...kept,
      ...points,
      trainer: { ...trainer, bank: asNumbers(trainer.bank) },
    });
  }
  for (const { step, round } of roundsKept(run)) {
    const value = await roundFiles(run).load(step, round);
    const plan = recordedPlan(value)!;
    const collected = loadRound(value, plan)!;
    const old = {
      format: 1,
      plan: plan.map((p) => [p.problem, p.rollouts]),
      collected: { ...collected, groups: asNumbers(collected.groups) },
    };
    rmSync(join(run, "rounds", roundFileName(step, round)));
    const path = join(run, "rounds", roundFileName(step, round, "json.gz"));
    writeFileSync(path, gzipSync(JSON.stringify(old)));
  }
}

describe("a run that an earlier version began", { timeout: 240_000 }, () => {
  it("of stage rl goes on from its checkpoint and its rounds", async () => {
    const cwd = workplace();
    const whole = await train(cwd, [...RL, "--name", "whole"]).ended;
    expect(whole.code, whole.stderr).toBe(0);
    const run = join(cwd, "runs/old");
    await killedAfter(3, cwd, [...RL, "--name", "old"], run);
    await downgradeRl(run);
    expect(readdirSync(run).filter((name) => name.startsWith("step-"))).toContain("step-000002");
    const rest = await train(cwd, [...RL, "--name", "old", "--resume"]).ended;
    expect(rest.code, rest.stderr).toBe(0);
    expect(rest.stderr).toMatch(/resuming old from step [24]/);
    expect(metrics(run)).toEqual(metrics(join(cwd, "runs/whole")));
    expect(readdirSync(join(run, "rounds"))).toEqual([]);
  });

  it("of stage distill finds its place among the traces", async () => {
    const cwd = workplace();
    const whole = await train(cwd, [...DISTILL, "--name", "whole"]).ended;
    expect(whole.code, whole.stderr).toBe(0);
    const run = join(cwd, "runs/old");
    await killedAfter(4, cwd, [...DISTILL, "--name", "old"], run);
    for (const checkpoint of checkpointsOf(run)) {
      const { state } = JSON.parse(readFileSync(join(checkpoint.dir, "state.json"), "utf8"));
      intoManifest(checkpoint, { seen: state.trainer.seen, trained: state.trainer.trained });
    }
    const rest = await train(cwd, [...DISTILL, "--name", "old", "--resume"]).ended;
    expect(rest.code, rest.stderr).toBe(0);
    expect(rest.stderr).toMatch(/resuming old from step [36]/);
    expect(metrics(run)).toEqual(metrics(join(cwd, "runs/whole")));
  });
});
