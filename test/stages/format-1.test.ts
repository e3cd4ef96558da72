/**
 * A run directory of an earlier version still opens. `format-1/` holds what that version wrote, weights left out: a run
 * of stage rl that was killed after step 3 with a checkpoint of step 2, and a distillation's checkpoint of step 6.
 */

import { cpSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { makeRng } from "../../src/core/rng.js";
import { SftSchedule } from "../../src/data/sft.js";
import { loadRound, recordedPlan } from "../../src/rl/loop/stored-round.js";
import { type Checkpoint, makeCheckpointStore } from "../../src/run/checkpoints.js";
import { runsOf } from "../../src/run/directory.js";
import { distillStateOfFormat1, roundsOfRun } from "../../src/stages/format-1.js";
import { writeReport } from "../../src/stages/report.js";
import { openDump, rlForm } from "../../src/stages/rl/trainer.js";
import { loadState, type StateForm } from "../../src/stages/saved-state.js";
import { rejectionOf, scratch } from "../run/help.js";

const FIXTURE = fileURLToPath(new URL("format-1", import.meta.url));

/** A copy of the old run. */
function oldRun(name: "rl" | "distill"): { readonly dir: string; readonly checkpoint: Checkpoint } {
  const dir = join(scratch(), name);
  cpSync(join(FIXTURE, name), dir, { recursive: true });
  const store = makeCheckpointStore({
    runDir: dir,
    keepLast: 2,
    keepBest: 1,
    version: "now",
    configHash: "h",
    warn: () => {},
  });
  return { dir, checkpoint: store.list()[0]! };
}
const json = (path: string) => JSON.parse(readFileSync(path, "utf8"));

describe("a checkpoint of format 1", () => {
  it("gives the state of an rl run from its manifest, tokens as typed arrays", async () => {
    const { checkpoint } = oldRun("rl");
    const state = await loadState(checkpoint, rlForm);
    const { extra } = json(join(FIXTURE, "rl/step-000002/manifest.json"));
    expect(state.trainer.counters).toEqual(extra.trainer.counters);
    expect(state.trainer.counters.step).toBe(2);
    expect(state.trainer.strategy).toEqual(extra.trainer.strategy);
    expect(state).toMatchObject({ lastEval: extra.lastEval, seconds: extra.seconds });
    expect(state.course).toEqual({
      split: extra.split,
      before: { test: extra.before },
      after: null,
      health: extra.health,
      recent: [],
    });
    expect(state.trainer.bank).toHaveLength(1);
    const [group, old] = [state.trainer.bank[0]!, extra.trainer.bank[0]];
    expect(group.prior).toEqual(old.prior);
    expect(group.members.length).toBe(old.members.length);
    group.members.forEach(({ rollout, verdict }, i) => {
      const { promptIds, completionIds, logprobs, ...rest } = old.members[i].rollout;
      expect(rollout).toEqual({
        ...rest,
        promptIds: Int32Array.from(promptIds),
        completionIds: Int32Array.from(completionIds),
        logprobs: Float32Array.from(logprobs),
      });
      expect(verdict).toEqual(old.members[i].verdict);
    });
  });

  it("survives the way into the form of today", async () => {
    const { trainer } = await loadState(oldRun("rl").checkpoint, rlForm);
    const { json, arrays } = rlForm.pack(trainer);
    expect(rlForm.unpack({ json: JSON.parse(JSON.stringify(json)), arrays })).toEqual(trainer);
  });

  it("gives a distillation its place among the traces", async () => {
    const rows = Array.from({ length: 30 }, (_, i) => ({
      promptIds: new Int32Array(3).fill(i),
      completionIds: new Int32Array(1 + (i % 5)).fill(i),
    }));
    const make = () => new SftSchedule(rows.length, (i) => rows[i]!, 24, makeRng(1));
    const whole = make();
    for (let i = 0; i < 6; i++) whole.next();
    const form: StateForm<unknown> = {
      stage: "distill",
      version: () => 0,
      pack: (json) => ({ json, arrays: {} }),
      unpack: ({ json }) => json,
      fromFormat1: (extra, step) => distillStateOfFormat1(extra, step, make(), 8),
    };
    const { checkpoint } = oldRun("distill");
    const { extra } = json(join(FIXTURE, "distill/step-000006/manifest.json"));
    const state = await loadState(checkpoint, form);
    expect(state).toMatchObject({ lastEval: 6, trainer: { step: 6, ...extra, schedule: whole.state() } });
    // The last evaluation was made after the last checkpoint, so it has to be made now.
    expect(distillStateOfFormat1(extra, 8, make(), 8).lastEval).toBe(-1);
  });

  it("that is broken is refused with the file's name and what to type", async () => {
    const { checkpoint } = oldRun("rl");
    const { trainer, ...rest } = checkpoint.manifest.extra as { trainer: { counters: object } };
    const counters = { ...trainer.counters, version: -1 };
    const broken = {
      ...checkpoint,
      manifest: { ...checkpoint.manifest, extra: { ...rest, trainer: { ...trainer, counters } } },
    };
    const error = await rejectionOf(loadState(broken, rlForm));
    expect(error.code).toBe("data");
    expect(error.message).toContain(
      `${join(checkpoint.dir, "manifest.json")}: expected the state of stage rl in format 1: trainer.counters.version: `,
    );
    expect(error.hint).toMatch(/resume the run with veriloop 0.1.0, which wrote it, or start another run/);
  });
});

describe("rounds of format 1", () => {
  it("are read, plan and rollouts", async () => {
    const { dir } = oldRun("rl");
    const value = await roundsOfRun(dir).load(3, 0);
    const packed = readFileSync(join(FIXTURE, "rl/rounds/step-000003.0.json.gz"));
    const old = JSON.parse(gunzipSync(packed).toString("utf8"));
    const plan = recordedPlan(value)!;
    expect(plan.map((p) => [p.problem, p.rollouts])).toEqual(old.plan);
    const round = loadRound(value, plan)!;
    expect(round).toMatchObject({ tokens: old.collected.tokens, rollouts: old.collected.rollouts });
    const ids = (x: {
      groups: readonly { members: readonly { rollout: { completionIds: Iterable<number> } }[] }[];
    }) => x.groups.map((g) => g.members.map((m) => [...m.rollout.completionIds]));
    expect(ids(round)).toEqual(ids(old.collected));
    expect(await roundsOfRun(dir).load(4, 0)).toBeNull();
  });

  it("are seen by --train-only, which says what is missing", async () => {
    const { dir } = oldRun("rl");
    const value = recordedPlan(await roundsOfRun(dir).load(3, 0))!;
    const problems = Array.from({ length: 400 }, (_, i) => ({ id: `x${i}` }));
    for (const { problem, id } of value) problems[problem] = { id };
    const error = await rejectionOf(openDump(dir, problems as never));
    expect(error.message).toContain("the rollouts of its first steps are missing");
  });
});

it("a run directory of an earlier version is listed and reported", async () => {
  const { dir } = oldRun("rl");
  expect(runsOf(join(dir, ".."))).toMatchObject([{ name: "rl", stage: "rl", step: 2 }]);
  await writeReport(dir);
  expect(existsSync(join(dir, "report.html"))).toBe(true);
});
