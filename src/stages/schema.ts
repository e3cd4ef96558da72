/** The config of each stage: the sections it reads, each defined beside the code that reads it. */

import { z } from "zod";
import { WAYS, type Way, wayBetween } from "../core/handover.js";
import { KNOB_RULES } from "../core/knobs.js";
import { dataSchema } from "../data/schema.js";
import { evalSchema } from "../eval/schema.js";
import { LEARNERS, type LearnerSection, learnerEngine } from "../learner/index.js";
import { unsupportedLoss } from "../learner/learner-engine.js";
import { learnerSchema } from "../learner/schema.js";
import { architectureSchema, modelSchema } from "../model/schema.js";
import { rewardSchema } from "../reward/schema.js";
import { OVERLONG, RL_KNOBS, rlSchema } from "../rl/schema.js";
import { runSchema } from "../run/schema.js";
import { trackSchema } from "../run/trackers/index.js";
import { SAMPLERS, type SamplerSection, samplerEngine } from "../sampler/index.js";
import { samplerSchema } from "../sampler/schema.js";
import { sweepSchema } from "../sweep/schema.js";

/** A learner and a sampler between which weights cannot travel are refused with the names of those that could. */
function refusePair(
  { learner, sampler }: { readonly learner: LearnerSection; readonly sampler: SamplerSection },
  ctx: z.RefinementCtx,
): void {
  const { gives } = learnerEngine(learner);
  const { takes } = samplerEngine(sampler);
  if (wayBetween(gives, takes) !== null) return;
  const samplers = Object.entries(SAMPLERS).filter(([, s]) => wayBetween(gives, s.takes) !== null);
  const learners = Object.entries(LEARNERS).filter(([, l]) => wayBetween(l.gives, takes) !== null);
  const names = (rows: readonly (readonly [string, unknown])[]) => rows.map(([name]) => name).join(", ");
  ctx.addIssue({
    code: "custom",
    path: ["sampler", "engine"],
    message:
      `the ${learner.engine} learner gives its weights ${ways(gives)}, which the ${sampler.engine} sampler does not take; ` +
      `use it with sampler.engine: ${names(samplers)}, or this sampler with learner.engine: ${names(learners)}`,
  });
}

const ways = (all: readonly Way[]): string => all.map((way) => WAYS[way]).join(" or ");

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
    refusePair({ learner, sampler }, ctx);
    const refuse = (key: string, message: string) =>
      ctx.addIssue({ code: "custom", path: ["rl", "loss", key], message });
    for (const key of unsupportedLoss(loss, learnerEngine(learner).loss)) {
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

export const distillStageSchema = z
  .strictObject({
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
  })
  .superRefine(refusePair);
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
