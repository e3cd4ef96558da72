/** What every learner and every sampler must do, over the tables that the config chooses from. */

import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Sampler } from "../../src/core/ports.js";
import { policyVersion } from "../../src/core/units.js";
import { acceleratorRoot, readInstalled } from "../../src/engine/accelerator/installed.js";
import { type Engine, startEngine } from "../../src/engine/client.js";
import { type EmbeddedEngines, type Opening, openEmbedded } from "../../src/engine/engines.js";
import { embeddedLearner } from "../../src/learner/embedded.js";
import { LEARNERS, learnerEngine } from "../../src/learner/index.js";
import type { OpenedLearner } from "../../src/learner/learner-engine.js";
import { learnerSchema } from "../../src/learner/schema.js";
import { loadModelDir } from "../../src/model/hf.js";
import { embeddedSampler } from "../../src/sampler/embedded.js";
import { SAMPLERS, samplerEngine } from "../../src/sampler/index.js";
import { samplerSchema } from "../../src/sampler/schema.js";
import { CLIP, HYPER, tinyBatch, tinyConfig, tinyRequests, tinyWeights } from "../engine/tiny.js";
import { writeTinyTokenizer } from "../engine/tiny-tokenizer.js";

const none = new AbortController().signal;
const tfjs = readInstalled(acceleratorRoot()).kind === "there";
let root: string;
let engines: EmbeddedEngines;
let opening: Opening;
let tensorflow: Engine | null = null;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "learner-"));
  await writeTinyTokenizer(root, tinyConfig.vocabSize);
  engines = await openEmbedded({
    config: { ...tinyConfig, maxPositionEmbeddings: 64 },
    weights: tinyWeights(),
    learner: LEARNERS.embedded.schema.parse({}),
    sampler: SAMPLERS.embedded.schema.parse({}),
    rowTokens: 64,
    cores: 1,
    apart: false,
    warn: () => {},
  });
  opening = {
    dir: root,
    config: { ...tinyConfig, maxPositionEmbeddings: 64 },
    embedded: engines,
    warn: () => {},
  };
  if (!tfjs) return;
  tensorflow = await startEngine({
    model: { config: tinyConfig, weights: tinyWeights() },
    maxLength: 64,
    learner: ["tfjs-node"],
  });
});
afterAll(async () => {
  await engines.close();
  await tensorflow?.close();
  await rm(root, { recursive: true });
});

const openLearner = (name: string): Promise<OpenedLearner> => {
  const section = learnerSchema.parse({ engine: name });
  return learnerEngine(section).open(section, opening);
};
const openSampler = (name: string) => {
  const section = samplerSchema.parse({ engine: name });
  return samplerEngine(section).open(section, opening);
};

describe("the tables", () => {
  it("name each engine as its section does, and have one default", () => {
    for (const [table, schema] of [
      [LEARNERS, learnerSchema],
      [SAMPLERS, samplerSchema],
    ] as const) {
      for (const name of Object.keys(table)) expect(schema.parse({ engine: name }).engine).toBe(name);
      expect(schema.parse(undefined).engine).toBe("embedded");
      expect(schema.parse({}).engine).toBe("embedded");
    }
  });
});

/** The learners of the table, and the embedded one on other kernels where these are installed. */
const learners: [string, () => Promise<OpenedLearner>][] = [
  ...Object.keys(LEARNERS).map(
    (name) => [name, () => openLearner(name)] as [string, () => Promise<OpenedLearner>],
  ),
  ...(tfjs
    ? [
        [
          "embedded tfjs-node",
          async () => ({
            learner: embeddedLearner(tensorflow!, { tokenizerDir: root }),
            memory: () => tensorflow!.flatWeights(),
            label: "",
            choices: {},
          }),
        ] as [string, () => Promise<OpenedLearner>],
      ]
    : []),
];
it.skipIf(tfjs)("the tfjs-node learner (skipped: tfjs is not installed: scripts/setup --cpu-tfjs)", () => {});

describe.each(learners)("the %s learner", (name, open) => {
  it("restore and k steps equals k steps, the count of updates included", async () => {
    const { learner } = await open();
    const dir = join(root, `${name}-state`);
    await mkdir(dir);
    const batch = tinyBatch([20, 15], CLIP);
    const { updates } = await learner.step(batch, HYPER, none);
    await learner.save(dir);
    const first = await learner.step(batch, HYPER, none);
    await learner.restore(dir);
    const again = await learner.step(batch, HYPER, none);
    expect({ ...again, seconds: 0 }).toEqual({ ...first, seconds: 0 });
    expect([first.skipped, first.updates]).toEqual([false, updates + 1]);
  });

  it("gives one log-prob for each token, none for the first of a row", async () => {
    const { learner } = await open();
    const logp = await learner.logprobs(tinyBatch([20, 15], CLIP), none);
    expect(logp.length).toBe(35);
    expect([...logp.keys()].filter((n) => !(logp[n]! < 0))).toEqual([0, 20]);
  });

  it("says what it is, once it is open", async () => {
    const { learner } = await open();
    expect(learner.info).toMatchObject({ maxLength: 64, vocabSize: tinyConfig.vocabSize });
  });

  it("leaves the weights alone when its signal has aborted", async () => {
    const { learner } = await open();
    const reason = new Error("enough");
    const batch = tinyBatch([20, 15], CLIP);
    const before = await learner.logprobs(batch, none);
    await expect(learner.step(batch, HYPER, AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(await learner.logprobs(batch, none)).toEqual(before);
  });

  it("exports into an empty directory", async () => {
    const { learner } = await open();
    const dir = join(root, `${name}-export`);
    await mkdir(dir);
    await learner.exportTo(dir, { dtype: "BF16" });
    expect((await readdir(dir)).length).toBeGreaterThan(0);
  });
});

describe.each(Object.keys(LEARNERS))("the %s learner's row", (name) => {
  it("names memory as a way exactly when it gives weights by it", async () => {
    const section = learnerSchema.parse({ engine: name });
    const { memory } = await openLearner(name);
    expect(learnerEngine(section).gives.includes("memory")).toBe(memory !== undefined);
  });
});

describe.skipIf(!tfjs)("a learner on tfjs with a sampler on onnxruntime", () => {
  it("shares its weights when they are wanted, in one engine and between two", async () => {
    const both = tensorflow!;
    const wanted = tinyRequests(4, { temperature: 0, maxTokens: 4 });
    const sample = async (from: Sampler) => {
      const all = [];
      for await (const c of from.generate(wanted, none))
        all.push([c.id, c.completionIds.join(), [...c.logprobs]] as const);
      return all.sort();
    };
    const inside = embeddedSampler(both).sampler;
    const { sampler: beside, intake } = embeddedSampler(engines.sampler);
    const before = await sample(inside);
    await both.train(tinyBatch([30, 30], CLIP), { ...HYPER, lr: 0.1 });
    const after = await sample(inside);
    expect(after).not.toEqual(before);
    await intake.memory(policyVersion(1), await both.flatWeights());
    expect(await sample(beside)).toEqual(after);
    expect(await engines.sampler.flatWeights()).toEqual(await both.flatWeights());
  });

  it("says what computes", () => {
    expect(tensorflow!.facts.learner).toMatchObject({ backend: "tfjs-node", device: "cpu" });
    expect(tensorflow!.facts.learner.runtime).toMatch(/^tfjs-node 4.*TensorFlow 2/);
    expect(tensorflow!.facts.sampler.runtime).toMatch(/^onnxruntime-node/);
  });
});

describe("an export of the embedded learner", () => {
  it("is a model directory with the tokenizer, equal to the engine's weights", async () => {
    const dir = join(root, "export");
    await mkdir(dir);
    await embeddedLearner(engines.learner, { tokenizerDir: root }).exportTo(dir, { dtype: "F32" });
    const text = (at: string) => readFile(join(at, "tokenizer.json"), "utf8");
    expect(await text(dir)).toBe(await text(root));
    expect(await readdir(dir)).toContain("model.safetensors");
    const loaded = await loadModelDir(dir, { tokenizer: false });
    expect(loaded.config).toEqual(engines.learner.config);
    const weights = await engines.learner.weights();
    for (const [name, values] of loaded.weights) expect(values).toEqual(weights.get(name));
  });
});

describe.each(Object.keys(SAMPLERS))("the %s sampler", (name) => {
  it("takes weights by the ways of its row, no more and no less", async () => {
    const section = samplerSchema.parse({ engine: name });
    const { intake } = await openSampler(name);
    expect(Object.keys(intake).sort()).toEqual([...samplerEngine(section).takes].sort());
  });

  it("says what it is, once it is open", async () => {
    const { sampler } = await openSampler(name);
    expect(sampler.info).toMatchObject({ maxLength: 64, vocabSize: tinyConfig.vocabSize });
  });

  it("yields every request once, as version 0 before the first publication", async () => {
    const { sampler } = await openSampler(name);
    const requests = tinyRequests(20, { maxTokens: 8 });
    const ids: string[] = [];
    for await (const c of sampler.generate(requests, none)) {
      ids.push(c.id);
      expect(c.policyVersion).toBe(0);
      expect(c.logprobs.length).toBe(c.completionIds.length);
      expect(c.completionIds.length).toBeGreaterThan(0);
    }
    expect(ids.sort()).toEqual(requests.map((r) => r.id).sort());
  });

  it("gives the same tokens for the same seeds", async () => {
    const { sampler } = await openSampler(name);
    const requests = tinyRequests(8, { maxTokens: 8 });
    const run = async () => {
      const all = [];
      for await (const c of sampler.generate(requests, none)) all.push([c.id, c.completionIds.join()]);
      return all.sort();
    };
    expect(await run()).toEqual(await run());
  });

  it("throws the reason of an abort", async () => {
    const reason = new Error("enough");
    const { sampler } = await openSampler(name);
    const iterate = async () => {
      for await (const _ of sampler.generate(tinyRequests(4), AbortSignal.abort(reason))) {
        // never reached
      }
    };
    await expect(iterate()).rejects.toBe(reason);
  });
});
