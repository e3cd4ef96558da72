/** Config section `eval`. */

import { z } from "zod";
import { entryMistake, setName } from "./suites/index.js";

const setEntry = z.union([z.string(), z.strictObject({ suite: z.string(), path: z.string().min(1) })]);

const sets = z
  .array(setEntry)
  .min(1)
  .superRefine((entries, ctx) => {
    entries.forEach((entry, i) => {
      const mistake = entryMistake(entry);
      if (mistake !== null) ctx.addIssue({ code: "custom", path: [i], message: mistake });
      else if (entries.findIndex((e) => setName(e) === setName(entry)) !== i)
        ctx.addIssue({ code: "custom", path: [i], message: `${setName(entry)} is named twice` });
    });
  });

export const evalSchema = z
  .strictObject({
    sets: sets
      .default(["test"])
      .describe(
        "Evaluation sets: test, or {suite: NAME, path: DIR} for a public benchmark; the first ranks checkpoints",
      ),
    every: z
      .int()
      .min(0)
      .default(20)
      .describe("Steps between evaluations while training; 0 = only before and after"),
    problems: z
      .int()
      .min(1)
      .default(200)
      .describe("Problems of each set in an evaluation while training (fixed by the seed)"),
    samples: z.int().min(1).default(4).describe("Samples per problem of an evaluation while training"),
    final_problems: z
      .int()
      .min(1)
      .default(400)
      .describe("Problems of each set in the evaluations before and after"),
    final_samples: z
      .int()
      .min(1)
      .default(8)
      .describe("Samples per problem of the evaluations before and after"),
    temperature: z.number().min(0).default(1).describe("Sampling temperature of evaluations"),
    top_p: z.number().gt(0).max(1).default(1).describe("Nucleus mass of evaluations"),
  })
  .prefault({});

export type EvalSection = z.infer<typeof evalSchema>;
