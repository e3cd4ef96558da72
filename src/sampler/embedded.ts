/** The sampler on the embedded engine (src/engine): onnxruntime in this program, on the CPU or on one GPU. */

import { z } from "zod";
import type { Intake } from "../core/handover.js";
import type { Sampler } from "../core/ports.js";
import { type PolicyVersion, policyVersion } from "../core/units.js";
import { SAMPLER_BACKENDS } from "../engine/accelerator/backends.js";
import type { Engine } from "../engine/client.js";
import { embeddedOf } from "../engine/engines.js";
import { loadModelDir } from "../model/hf.js";
import { SAMPLING_KEYS, type SamplerEngine } from "./sampler-engine.js";

const schema = z.strictObject({
  engine: z.literal("embedded").default("embedded").describe("Which engine generates rollouts"),
  backend: z
    .enum(["auto", ...SAMPLER_BACKENDS])
    .default("auto")
    .describe(
      "What it runs on: onnxruntime on the CPU, CUDA or WebGPU; auto takes CUDA where it is installed",
    ),
  threads: z.int().min(1).default(1).describe("Threads of one sampling kernel; the other cores simulate"),
  slots: z
    .int()
    .min(1)
    .max(4096)
    .nullable()
    .default(null)
    .describe("Rollouts decoded side by side; null = 64 on a CPU, 1024 on a GPU"),
  ...SAMPLING_KEYS,
});

export const embedded = {
  schema,
  takes: ["memory", "model-directory"],
  weightType: "F32",
  half: (section) => section,
  async open(_section, opening) {
    const engines = embeddedOf(opening);
    const { backend } = engines.sampler.facts.sampler;
    return {
      ...embeddedSampler(engines.sampler),
      label: `embedded (${backend})`,
      choices: engines.choicesOf("sampler"),
    };
  },
} satisfies SamplerEngine<z.infer<typeof schema>>;

export interface EmbeddedSampler {
  readonly sampler: Sampler;
  readonly intake: Required<Pick<Intake, "memory" | "model-directory">>;
}

/** The engine stays the caller's: `close` leaves it running. */
export function embeddedSampler(engine: Engine): EmbeddedSampler {
  let version: PolicyVersion = policyVersion(0);
  const { sampler } = engine.facts;
  // The engine takes calls in the order in which they are made, so the version changes with the call, not with its end.
  const labelled = async (next: PolicyVersion, adopting: Promise<void> | null): Promise<void> => {
    version = next;
    await adopting;
  };
  return {
    sampler: {
      info: {
        engine: sampler.runtime,
        device: sampler.device,
        maxLength: engine.maxLength,
        vocabSize: engine.config.vocabSize,
      },
      async *generate(requests, signal) {
        yield* engine.generate(requests, signal, version);
      },
      async close() {},
    },
    intake: {
      memory: (next, weights) => labelled(next, weights === null ? null : engine.adopt(weights)),
      async "model-directory"(next, dir) {
        const { weights } = await loadModelDir(dir, { tokenizer: false });
        await labelled(next, engine.adoptModel(weights));
      },
    },
  };
}
