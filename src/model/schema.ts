import { z } from "zod";

/** A model directory in Hugging Face layout. */
export const modelSchema = z
  .strictObject({
    path: z
      .string()
      .default("checkpoints/primer-base")
      .describe("Model directory in Hugging Face layout (config.json, model.safetensors, tokenizer.json)"),
  })
  .prefault({});

/** A fresh model, for distillation from scratch. */
export const architectureSchema = z
  .strictObject({
    vocab_size: z.int().min(300).default(1024).describe("Tokenizer vocabulary, special tokens included"),
    hidden_size: z.int().min(16).default(192).describe("Width d of the residual stream"),
    layers: z.int().min(1).default(4).describe("Transformer blocks"),
    heads: z.int().min(1).default(6).describe("Query heads"),
    kv_heads: z.int().min(1).default(2).describe("Key and value heads (grouped-query attention)"),
    intermediate_size: z.int().min(16).default(512).describe("Width of the SwiGLU feed-forward"),
    max_length: z.int().min(64).default(512).describe("Longest sequence, prompt and completion, in tokens"),
    rope_theta: z.number().positive().default(10000).describe("Base of the rotary position embedding"),
  })
  .superRefine((c, ctx) => {
    if (c.heads % c.kv_heads !== 0) {
      ctx.addIssue({ code: "custom", path: ["kv_heads"], message: `must divide heads (${c.heads})` });
    }
    if (c.hidden_size % c.heads !== 0 || (c.hidden_size / c.heads) % 2 !== 0) {
      ctx.addIssue({
        code: "custom",
        path: ["hidden_size"],
        message: `must be an even multiple of heads (${c.heads})`,
      });
    }
  })
  .prefault({});

export type ModelSection = z.infer<typeof modelSchema>;
export type ArchitectureSection = z.infer<typeof architectureSchema>;
