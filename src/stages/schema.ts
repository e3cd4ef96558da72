/** The config of each stage: the sections it reads, each defined beside the code that reads it. */

import { z } from "zod";
import { KNOB_RULES } from "../core/knobs.js";
import { dataSchema } from "../data/schema.js";
import { evalSchema } from "../eval/schema.js";
import { learnerSchema } from "../learner/schema.js";
import { LEARNER_LOSS, unsupportedLoss } from "../learner/supports.js";
import { architectureSchema, modelSchema } from "../model/schema.js";
import { rewardSchema } from "../reward/schema.js";
import { OVERLONG, RL_KNOBS, rlSchema } from "../rl/schema.js";
import { runSchema } from "../run/schema.js";
import { trackSchema } from "../run/trackers/index.js";
import { samplerSchema } from "../sampler/schema.js";
import { sweepSchema } from "../sweep/schema.js";

export const rlStageSchema = z
  .strictObject({
    run: runSchema,
    track: trackSchema,
    model: modelSchema,
    data: dataSchema,
    sampler: samplerSchema,
    reward: rewardSchema,
    learner: learnerSchema,
    rl: rlSchema,
    eval: evalSchema,
  })
  .superRefine(({ rl: { loss }, learner, sampler }, ctx) => {
    const refuse = (key: string, message: string) =>
      ctx.addIssue({ code: "custom", path: ["rl", "loss", key], message });
    for (const key of unsupportedLoss(loss, LEARNER_LOSS[learner.engine])) {
      refuse(key, `the ${learner.engine} learner does not compute it`);
    }
    if (loss.overlong === "punish" && (loss.overlong_buffer ?? OVERLONG.buffer) > sampler.max_tokens) {
      refuse("overlong_buffer", `must be <= sampler.max_tokens (${sampler.max_tokens})`);
    }
  });
KNOB_RULES.add(rlStageSchema, { rules: RL_KNOBS });
export type RlConfig = z.infer<typeof rlStageSchema>;

const distillSection = z
  .strictObject({
    init: z
      .enum(["scratch", "model"])
      .default("scratch")
      .describe("scratch = fresh weights and tokenizer by `architecture`; model = continue from model.path"),
    out: z
      .string()
      .nullable()
      .default(null)
      .describe("Where the distilled policy is written besides the run directory"),
    steps: z.int().min(1).default(600).describe("Optimizer steps"),
    batch_tokens: z.int().min(256).default(8192).describe("Tokens in an optimizer step, prompts included"),
    samples: z.int().min(1).default(24000).describe("Primer: teacher's traces drawn before training starts"),
    rl_only_share: z
      .number()
      .min(0)
      .lt(1)
      .default(0.2)
      .describe("Primer: share of train problems that distillation does not see, left to RL"),
    path: z
      .string()
      .nullable()
      .default(null)
      .describe("data.source jsonl: traces, one {prompt, completion} a line"),
    tokenizer_samples: z.int().min(100).default(8000).describe("scratch: traces the tokenizer is trained on"),
    dtype: z.enum(["float32", "bfloat16"]).default("bfloat16").describe("Type of the written weights"),
  })
  .prefault({});

export const distillStageSchema = z.strictObject({
  run: runSchema,
  track: trackSchema,
  model: modelSchema,
  architecture: architectureSchema,
  data: dataSchema,
  distill: distillSection,
  learner: learnerSchema,
  sampler: samplerSchema,
  reward: rewardSchema,
  eval: evalSchema,
});
export type DistillConfig = z.infer<typeof distillStageSchema>;

export const evalStageSchema = z.strictObject({
  run: runSchema,
  track: trackSchema,
  model: modelSchema,
  data: dataSchema,
  sampler: samplerSchema,
  reward: rewardSchema,
  eval: evalSchema,
});
export type EvalConfig = z.infer<typeof evalStageSchema>;

export const sweepStageSchema = z.strictObject({ run: runSchema, track: trackSchema, sweep: sweepSchema });
export type SweepConfig = z.infer<typeof sweepStageSchema>;
