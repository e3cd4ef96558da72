/** A small config of two stages, and a folder to write config files into. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";
import { z } from "zod";
import { type LoadedConfig, loadConfig } from "../../src/config/load.js";
import { TrainError } from "../../src/core/errors.js";

const run = z
  .strictObject({
    name: z
      .string()
      .regex(/^[\w.-]{1,80}$/, "1 to 80 letters, digits and . _ -")
      .nullable()
      .default(null),
    dir: z.string().default("checkpoints/runs"),
    seed: z.int().min(0).max(4294967295).default(1),
  })
  .prefault({});
const learner = z
  .strictObject({ lr: z.number().positive().default(1e-4), tokens: z.int().min(1).default(8192) })
  .prefault({});

export const schemas = {
  rl: z.strictObject({
    run,
    learner,
    rl: z
      .strictObject({
        steps: z.int().min(0).default(60),
        groups: z.int().min(1).default(32),
        strategy: z.enum(["fixed", "dynamic", "adaptive"]).default("adaptive"),
        bank: z.boolean().default(true),
        share: z.number().min(0).lt(1).default(0.1),
        minutes: z.number().positive().nullable().default(null),
        families: z.array(z.string()).default([]),
        weights: z.record(z.string(), z.number()).default({}),
        clip: z
          .strictObject({ low: z.number().gt(0).lt(1).default(0.2), high: z.number().gt(0).default(0.28) })
          .superRefine((c, ctx) => {
            if (c.high < c.low)
              ctx.addIssue({ code: "custom", path: ["high"], message: `must be >= low (${c.low})` });
          })
          .prefault({}),
      })
      .prefault({}),
  }),
  distill: z.strictObject({
    run,
    learner,
    distill: z.strictObject({ steps: z.int().min(1).default(600) }).prefault({}),
  }),
};

export interface Folder {
  readonly path: string;
  write(name: string, text: string): void;
  load(
    configs: readonly string[],
    overrides?: readonly string[],
    stage?: keyof typeof schemas,
  ): LoadedConfig<Rl>;
  /** The error's lines: message, details, hint. */
  mistakes(configs: readonly string[], overrides?: readonly string[], stage?: keyof typeof schemas): string[];
}
export type Rl = z.infer<typeof schemas.rl>;

export function folder(files: Readonly<Record<string, string>> = {}): Folder {
  const path = mkdtempSync(join(tmpdir(), "config-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  const write = (name: string, text: string): void => {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), text);
  };
  for (const [name, text] of Object.entries(files)) write(name, text);
  const load: Folder["load"] = (configs, overrides = [], stage = "rl") =>
    loadConfig<Rl>({ stage, schemas, configs, overrides, cwd: path, root: join(path, "package") });
  return {
    path,
    write,
    load,
    mistakes: (configs, overrides, stage) => {
      try {
        load(configs, overrides, stage);
      } catch (error) {
        if (!(error instanceof TrainError)) throw error;
        return [error.message, ...error.details, ...(error.hint === undefined ? [] : [`-> ${error.hint}`])];
      }
      return [];
    },
  };
}
