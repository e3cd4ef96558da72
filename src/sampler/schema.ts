import { z } from "zod";
import { SAMPLER_BACKENDS } from "../engine/accelerator/backends.js";

export const samplerSchema = z
  .strictObject({
    engine: z.enum(["embedded"]).default("embedded").describe("Which engine generates rollouts"),
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
    temperature: z.number().min(0).default(1).describe("Sampling temperature of training rollouts"),
    top_p: z
      .number()
      .gt(0)
      .max(1)
      .default(1)
      .describe("Nucleus mass; 1 keeps log-probs exact for the policy gradient"),
    max_tokens: z.int().min(1).default(192).describe("Longest completion in tokens"),
  })
  .prefault({});

export type SamplerSection = z.infer<typeof samplerSchema>;
