/** The learner on the embedded engine (src/engine): no Python, on the CPU or on one GPU. */

import { z } from "zod";
import type { Learner } from "../core/ports.js";
import { LEARNER_BACKENDS } from "../engine/accelerator/backends.js";
import type { Engine } from "../engine/client.js";
import { embeddedOf } from "../engine/engines.js";
import { saveModelDir } from "../model/hf.js";
import { type LearnerEngine, LOSS_OPTIONS, OPTIMIZER_KEYS } from "./learner-engine.js";

const schema = z.strictObject({
  engine: z.literal("embedded").default("embedded").describe("Which engine computes gradients"),
  backend: z
    .enum(["auto", ...LEARNER_BACKENDS])
    .default("auto")
    .describe(
      "What it runs on: onnxruntime on the CPU, WebGPU or CUDA, or TensorFlow's kernels through tfjs on the GPU or the " +
        "CPU; auto takes the fastest that is there, and run.json says which and why",
    ),
  checkpointing: z
    .enum(["auto", "on", "off"])
    .default("auto")
    .describe(
      "tfjs: make a block's activations again in the backward pass instead of keeping them; auto = where the device's " +
        "memory would not hold them",
    ),
  threads: z
    .int()
    .min(1)
    .default(2)
    .describe("Threads of one training kernel (capped at the machine's cores)"),
  ...OPTIMIZER_KEYS,
});

export const embedded = {
  schema,
  loss: new Set(LOSS_OPTIONS),
  gives: ["memory", "model-directory"],
  half: (section) => section,
  async open(_section, opening) {
    const engines = embeddedOf(opening);
    const { backend } = engines.learner.facts.learner;
    return {
      learner: embeddedLearner(engines.learner, { tokenizerDir: opening.dir }),
      memory: async () => (engines.learner === engines.sampler ? null : engines.learner.flatWeights()),
      label: `embedded (${backend})`,
      choices: engines.choicesOf("learner"),
    };
  },
} satisfies LearnerEngine<z.infer<typeof schema>>;

export interface EmbeddedLearnerOptions {
  /** Directory whose tokenizer files go into an export; null = weights and config only. */
  readonly tokenizerDir: string | null;
}

/** The engine stays the caller's: `close` leaves it running. */
export function embeddedLearner(engine: Engine, options: EmbeddedLearnerOptions): Learner {
  const { learner, parameters } = engine.facts;
  return {
    info: {
      engine: learner.runtime,
      device: learner.device,
      parameters,
      maxLength: engine.maxLength,
      vocabSize: engine.config.vocabSize,
    },
    step: (batch, hyper, signal) => engine.train(batch, hyper, signal),
    logprobs: (batch, signal) => engine.logprobs(batch, signal),
    async exportTo(dir, { dtype }) {
      await saveModelDir(dir, engine.config, await engine.weights(), {
        dtype,
        ...(options.tokenizerDir !== null && { tokenizerDir: options.tokenizerDir }),
      });
    },
    save: (dir) => engine.save(dir),
    restore: (dir) => engine.restore(dir),
    async close() {},
  };
}
