import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Learner, Sampler } from "../../src/core/ports.js";
import { type PolicyVersion, policyVersion } from "../../src/core/units.js";
import { acceleratorRoot, readInstalled } from "../../src/engine/accelerator/installed.js";
import { type Engine, startEngine } from "../../src/engine/client.js";
import { embeddedLearner } from "../../src/learner/embedded.js";
import { fakeLearner } from "../../src/learner/fake.js";
import { loadModelDir } from "../../src/model/hf.js";
import { embeddedSampler } from "../../src/sampler/embedded.js";
import { fakeSampler } from "../../src/sampler/fake.js";
import { CLIP, HYPER, tinyBatch, tinyConfig, tinyRequests, tinyWeights } from "../engine/tiny.js";

const none = new AbortController().signal;
const tfjs = readInstalled(acceleratorRoot()).kind === "there";
let root: string;
let engine: Engine;
let tensorflow: Engine | null = null;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "learner-"));
  engine = await startEngine({ model: { config: tinyConfig, weights: tinyWeights() }, maxLength: 64 });
  if (!tfjs) return;
  tensorflow = await startEngine({
    model: { config: tinyConfig, weights: tinyWeights() },
    maxLength: 64,
    learner: ["tfjs-node"],
  });
});
afterAll(async () => {
  await engine.close();
  await tensorflow?.close();
  await rm(root, { recursive: true });
});

/** What every learner must do. */
const learners: [string, () => Promise<Learner>][] = [
  ["embedded", async () => embeddedLearner(engine, { tokenizerDir: null })],
  ["fake", async () => fakeLearner({ vocabSize: tinyConfig.vocabSize, maxLength: 64 })],
  ...(tfjs
    ? [
        ["tfjs-node", async () => embeddedLearner(tensorflow!, { tokenizerDir: null })] as [
          string,
          () => Promise<Learner>,
        ],
      ]
    : []),
];
it.skipIf(tfjs)("the tfjs-node learner (skipped: tfjs is not installed: scripts/setup --cpu-tfjs)", () => {});

describe.each(learners)("the %s learner", (name, make) => {
  it("restore and k steps equals k steps", async () => {
    const learner = await make();
    const dir = join(root, `${name}-state`);
    await mkdir(dir);
    const batch = tinyBatch([20, 15], CLIP);
    await learner.step(batch, HYPER, none);
    await learner.save(dir);
    const first = await learner.step(batch, HYPER, none);
    await learner.restore(dir);
    const again = await learner.step(batch, HYPER, none);
    expect({ ...again, seconds: 0 }).toEqual({ ...first, seconds: 0 });
    expect(first.skipped).toBe(false);
  });

  it("gives one log-prob for each token, none for the first of a row", async () => {
    const learner = await make();
    const batch = tinyBatch([20, 15], CLIP);
    const logp = await learner.logprobs(batch, none);
    expect(logp.length).toBe(35);
    expect([...logp.keys()].filter((n) => !(logp[n]! < 0))).toEqual([0, 20]);
  });

  it("says what it is", async () => {
    const { info } = await make();
    expect(info).toMatchObject({ maxLength: 64, vocabSize: tinyConfig.vocabSize });
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
    const { sampler: beside, intake } = embeddedSampler(engine);
    const before = await sample(inside);
    await both.train(tinyBatch([30, 30], CLIP), { ...HYPER, lr: 0.1 });
    const after = await sample(inside);
    expect(after).not.toEqual(before);
    await intake.memory(policyVersion(1), await both.flatWeights());
    expect(await sample(beside)).toEqual(after);
    expect(await engine.flatWeights()).toEqual(await both.flatWeights());
  });

  it("says what computes", () => {
    expect(tensorflow!.facts.learner).toMatchObject({ backend: "tfjs-node", device: "cpu" });
    expect(tensorflow!.facts.learner.runtime).toMatch(/^tfjs-node 4.*TensorFlow 2/);
    expect(tensorflow!.facts.sampler.runtime).toMatch(/^onnxruntime-node/);
  });
});

describe("an export of the embedded learner", () => {
  it("is a model directory with the tokenizer, equal to the engine's weights", async () => {
    const tokenizerDir = join(root, "tokenizer");
    const dir = join(root, "export");
    await mkdir(tokenizerDir);
    await mkdir(dir);
    const vocab = Object.fromEntries(Array.from({ length: tinyConfig.vocabSize }, (_, i) => [`t${i}`, i]));
    const tokenizer = JSON.stringify({ model: { type: "BPE", vocab, merges: [] }, added_tokens: [] });
    await writeFile(join(tokenizerDir, "tokenizer.json"), tokenizer);
    const learner = embeddedLearner(engine, { tokenizerDir });
    await learner.exportTo(dir, { dtype: "F32" });
    expect(await readFile(join(dir, "tokenizer.json"), "utf8")).toBe(tokenizer);
    expect(await readdir(dir)).toContain("model.safetensors");
    const loaded = await loadModelDir(dir, { tokenizer: false });
    expect(loaded.config).toEqual(tinyConfig);
    const weights = await engine.weights();
    for (const [name, values] of loaded.weights) expect(values).toEqual(weights.get(name));
  });
});

/** What every sampler must do. */
const samplers: [string, () => { sampler: Sampler; label: (v: PolicyVersion) => Promise<void> | void }][] = [
  [
    "embedded",
    () => {
      const { sampler, intake } = embeddedSampler(engine);
      return { sampler, label: (v) => intake.memory(v, null) };
    },
  ],
  [
    "fake",
    () => {
      const sampler = fakeSampler({ vocabSize: tinyConfig.vocabSize, maxLength: 64 });
      return { sampler, label: sampler.label };
    },
  ],
];
describe.each(samplers)("the %s sampler", (_, make) => {
  it("yields every request once, with the published version", async () => {
    const { sampler, label } = make();
    await label(policyVersion(3));
    const requests = tinyRequests(20, { maxTokens: 8 });
    const ids: string[] = [];
    for await (const c of sampler.generate(requests, none)) {
      ids.push(c.id);
      expect(c.policyVersion).toBe(3);
      expect(c.logprobs.length).toBe(c.completionIds.length);
      expect(c.completionIds.length).toBeGreaterThan(0);
    }
    expect(ids.sort()).toEqual(requests.map((r) => r.id).sort());
  });

  it("gives the same tokens for the same seeds", async () => {
    const { sampler } = make();
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
    const iterate = async () => {
      for await (const _ of make().sampler.generate(tinyRequests(4), AbortSignal.abort(reason))) {
        // never reached
      }
    };
    await expect(iterate()).rejects.toBe(reason);
  });
});
