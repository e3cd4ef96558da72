import { z } from "zod";

export const runSchema = z
  .strictObject({
    name: z
      .string()
      .regex(/^[\w.-]{1,80}$/, "1 to 80 letters, digits and . _ -")
      .nullable()
      .default(null)
      .describe("Name of the run directory; null makes one from the config's name and the time"),
    dir: z.string().default("checkpoints/runs").describe("Folder that holds run directories"),
    seed: z
      .int()
      .min(0)
      .max(0xffffffff)
      .default(1)
      .describe("Root seed; every random stream is forked from it"),
    save_every: z.int().min(1).default(10).describe("Steps between checkpoints"),
    keep_last: z.int().min(1).default(2).describe("Newest checkpoints that are kept"),
    keep_best: z.int().min(0).default(1).describe("Checkpoints kept for the best evaluation"),
    heartbeat_s: z
      .number()
      .positive()
      .default(30)
      .describe("Seconds of silence before a line says what is waited for"),
  })
  .prefault({});

export type RunSection = z.infer<typeof runSchema>;
