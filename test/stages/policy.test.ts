/** Opening a policy: which engines it has, what is read for them, and what a resumed run's sampler is told. */

import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { policyVersion, problemId } from "../../src/core/units.js";
import { learnerSchema } from "../../src/learner/schema.js";
import { openModelDir } from "../../src/model/hf.js";
import { samplerSchema } from "../../src/sampler/schema.js";
import {
  type OpenPolicy,
  openPolicy,
  planEngines,
  restoreCheckpoint,
  saveCheckpoint,
} from "../../src/stages/policy.js";
import { CLIP, HYPER, tinyBatch, tinyRequests } from "../engine/tiny.js";
import { writeTinyModel } from "./tiny.js";

const none = new AbortController().signal;
let root: string;
let dir: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "policy-"));
  dir = await writeTinyModel(root);
});
afterAll(() => rm(root, { recursive: true }));

/** A policy's opening, and how often its weights were read. */
async function opening(engine: "embedded" | "fake") {
  const { config, weights } = await openModelDir(dir);
  let reads = 0;
  const model = {
    config,
    weights: () => {
      reads++;
      return weights();
    },
  };
  const open = {
    dir,
    model,
    learner: learnerSchema.parse({ engine }),
    sampler: samplerSchema.parse({ engine }),
    cores: 1,
    warn: () => {},
  } satisfies OpenPolicy;
  return { open, reads: () => reads };
}

it("reads weights once for the embedded engine and for no other", async () => {
  for (const [engine, expected] of [
    ["embedded", 1],
    ["fake", 0],
  ] as const) {
    const { open, reads } = await opening(engine);
    const policy = await openPolicy(open);
    expect([engine, reads(), policy.contextTokens]).toEqual([engine, expected, 256]);
    expect(policy.parameters).toBeGreaterThan(1000);
    await policy.close();
    const plan = await planEngines(open, open.model.config);
    expect(plan.learner).toMatch(engine === "fake" ? /^fake$/ : /^[\w-]+: /);
    expect(reads()).toBe(expected);
  }
});

it("records the engines of a pair as before, and those of others by name", async () => {
  const labels = [];
  for (const engine of ["embedded", "fake"] as const) {
    const policy = await openPolicy((await opening(engine)).open);
    labels.push([policy.label, Object.keys(policy.choices)]);
    await policy.close();
  }
  expect(labels).toEqual([
    [
      expect.stringMatching(/^embedded \(learner [\w-]+, sampler [\w-]+\)$/),
      ["learner.backend", "sampler.backend"],
    ],
    ["learner fake, sampler fake", []],
  ]);
});

it.each(["embedded", "fake"] as const)(
  "%s: a restored checkpoint is sampled as the version that the loop had given it, not as the count of updates",
  async (engine) => {
    const policy = await openPolicy((await opening(engine)).open);
    const at = join(root, `checkpoint-${engine}`);
    await mkdir(at);
    const ids = new Set<number>();
    try {
      const batch = tinyBatch([20, 15], CLIP);
      for (let k = 1; k <= 4; k++) expect((await policy.learner.step(batch, HYPER, none)).updates).toBe(k);
      await saveCheckpoint(at, policy);
      await restoreCheckpoint(at, policy, policyVersion(2), none);
      for await (const c of policy.sampler.generate(tinyRequests(4, { maxTokens: 4 }), none))
        ids.add(c.policyVersion);
      expect([...ids]).toEqual([2]);
      expect((await policy.learner.step(batch, HYPER, none)).updates).toBe(5);
    } finally {
      await policy.close();
    }
  },
);

it("a policy without a learner has nothing to publish", async () => {
  const policy = await openPolicy({ ...(await opening("fake")).open, learner: null });
  expect([policy.learner, policy.label]).toEqual([null, "learner none, sampler fake"]);
  await expect(policy.handover.publish(policyVersion(1), none)).rejects.toMatchObject({ code: "bug" });
  const problem = {
    id: problemId("p"),
    prompt: [{ role: "user", content: "an and gate" }],
    task: { golden: "", top: "top_module" },
    meta: { source: "test", split: "train" },
  } as const;
  expect(policy.promptIds(problem)).toBe(policy.promptIds(problem));
  await policy.close();
});
