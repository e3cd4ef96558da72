/** Config section `sweep`. */

import { z } from "zod";

const value = z.union([z.number(), z.string(), z.boolean(), z.null()]);
/** Keys of the members' config, dotted or nested. */
const settings = z.record(z.string(), z.unknown());

export const sweepSchema = z
  .strictObject({
    stage: z.enum(["rl", "distill", "eval"]).default("rl").describe("Stage of the members"),
    config: z
      .string()
      .default("adaptive-dapo.yaml")
      .describe("Config of the members, found as --config finds it"),
    set: settings.default({}).describe("Settings that all members share, by key of their config"),
    axes: settings
      .default({})
      .describe("Key of the members' config -> list of values; every combination becomes an arm"),
    arms: z
      .array(z.strictObject({ name: z.string().regex(/^[\w.=+-]{1,60}$/), set: settings }))
      .default([])
      .describe("Named arms; with axes, every arm is combined with every combination"),
    seeds: z
      .union([z.int().min(1).max(1000), z.array(z.int().min(0).max(0xffffffff)).min(1)])
      .default(3)
      .describe("Seeds of every arm: a list, or a number n for seeds 1 to n"),
    max_generated_tokens: z
      .int()
      .positive()
      .nullable()
      .default(null)
      .describe("Budget of every member: it evaluates and ends after this many sampled tokens"),
    cores: z.int().min(1).default(1).describe("CPU cores of one member"),
    parallel: z
      .int()
      .min(1)
      .nullable()
      .default(null)
      .describe("Members at the same time; null = the machine's cores divided by `cores`"),
    retries: z.int().min(0).default(1).describe("How often a member that failed is started again"),
    eval_set: z
      .string()
      .default("test")
      .describe("Evaluation set whose pass@1 is compared; one of the members' eval.sets"),
    baseline: z
      .string()
      .nullable()
      .default(null)
      .describe("Arm whose final pass@1 is the target of tokens-to-target; null = the first arm"),
    target: z
      .number()
      .gt(0)
      .lt(1)
      .nullable()
      .default(null)
      .describe("A fixed pass@1 as the target instead of the baseline's final one"),
    bootstrap: z.int().min(100).default(2000).describe("Resamples behind the intervals of tokens-to-target"),
  })
  .prefault({});

export type SweepSection = z.infer<typeof sweepSchema>;
export type SettingValue = z.infer<typeof value> | readonly unknown[];
