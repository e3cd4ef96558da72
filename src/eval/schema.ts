import { z } from "zod";

export const evalSchema = z
  .strictObject({
    every: z
      .int()
      .min(0)
      .default(20)
      .describe("Steps between evaluations while training; 0 = only before and after"),
    problems: z
      .int()
      .min(1)
      .default(200)
      .describe("Test problems of an evaluation while training (fixed by the seed)"),
    samples: z.int().min(1).default(4).describe("Samples per problem of an evaluation while training"),
    final_problems: z.int().min(1).default(400).describe("Test problems of the evaluations before and after"),
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
