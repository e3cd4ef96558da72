import { z } from "zod";
import { LEARNER_BACKENDS } from "../engine/accelerator/backends.js";

export const learnerSchema = z
  .strictObject({
    engine: z.enum(["embedded"]).default("embedded").describe("Which engine computes gradients"),
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
    micro_batch_tokens: z.int().min(64).default(4096).describe("Padded tokens in one micro-batch at most"),
    lr: z.number().positive().default(1e-4).describe("Peak learning rate of AdamW"),
    warmup_steps: z.int().min(0).default(5).describe("Steps of linear warm-up from zero"),
    schedule: z
      .enum(["constant", "cosine", "linear"])
      .default("constant")
      .describe("Learning rate after the warm-up; cosine and linear end at final_lr_ratio"),
    final_lr_ratio: z
      .number()
      .min(0)
      .max(1)
      .default(0.1)
      .describe("Last learning rate as a share of the peak"),
    beta1: z.number().min(0).lt(1).default(0.9).describe("AdamW first-moment decay"),
    beta2: z.number().min(0).lt(1).default(0.99).describe("AdamW second-moment decay"),
    eps: z.number().positive().default(1e-8).describe("AdamW epsilon"),
    weight_decay: z
      .number()
      .min(0)
      .default(0.01)
      .describe("Decoupled weight decay; not applied to norms and biases"),
    max_grad_norm: z.number().positive().default(1).describe("Largest global gradient norm"),
  })
  .prefault({});

export type LearnerSection = z.infer<typeof learnerSchema>;
