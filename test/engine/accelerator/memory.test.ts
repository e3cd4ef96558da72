import { describe, expect, it } from "vitest";
import { activationBytes, memoryPlan } from "../../../src/engine/accelerator/memory.js";
import { chooseBackends, planMemory } from "../../../src/engine/choices.js";
import { LEARNERS } from "../../../src/learner/index.js";
import type { Qwen2Config } from "../../../src/model/config.js";
import { countParameters } from "../../../src/model/parameters.js";

/** A model of 121 million parameters. */
const config: Qwen2Config = {
  vocabSize: 8192,
  hiddenSize: 1024,
  numLayers: 10,
  numHeads: 16,
  numKvHeads: 4,
  headDim: 64,
  intermediateSize: 2816,
  ropeTheta: 10000,
  rmsNormEps: 1e-6,
  tieWordEmbeddings: true,
  maxPositionEmbeddings: 1024,
  eosTokenIds: [],
  initializerRange: 0.02,
};
const GIB = 2 ** 30;

describe("the memory plan", () => {
  it("has eight copies of the parameters, and activations that grow with the micro-batch", () => {
    const plan = memoryPlan(config, 8192, 1024, "off", null);
    expect(plan.weights + plan.gradients + plan.moments).toBe(8 * 4 * countParameters(config));
    const more = memoryPlan(config, 16384, 1024, "off", null);
    expect(more.activations / plan.activations).toBeGreaterThan(1.8);
  });

  it("makes activations again where the device would not hold them, and not before", () => {
    expect(memoryPlan(config, 8192, 1024, "auto", 140 * GIB).again).toBe(false);
    const tight = memoryPlan(config, 32768, 1024, "auto", 40 * GIB);
    expect(tight.again).toBe(true);
    expect(tight.activations).toBeLessThan(activationBytes(config, 32768, 1024, false));
  });

  it("refuses what the GPU cannot hold, with what to change", async () => {
    const section = LEARNERS.embedded.schema.parse({ micro_batch_tokens: 65536, checkpointing: "off" });
    const backends = {
      ...(await chooseBackends(null, { backend: "auto", top_p: 1 }, 1)),
      learner: { order: ["tfjs-node-gpu" as const], reason: "" },
      machine: { gpu: "Small GPU", gpuBytes: 8 * GIB, missing: { "ort-cuda": null, "tfjs-node-gpu": null } },
    };
    expect(() => planMemory(backends, config, section, 1024)).toThrow(
      /^Small GPU cannot hold this training: weights 1\.4 GiB/,
    );
    expect(
      planMemory(backends, config, { ...section, micro_batch_tokens: 1024, checkpointing: "on" }, 1024),
    ).toContain("made again");
    const cpu = { ...backends, learner: { order: ["ort-cpu" as const], reason: "" } };
    expect(planMemory(cpu, config, section, 1024)).toBe(null);
  });
});
