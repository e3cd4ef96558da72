/** The stages by name, loaded when they are asked for, so that `--help` stays quick. */

import type { Stage } from "./stage.js";

// biome-ignore lint/suspicious/noExplicitAny: the config type of a stage is known to the stage alone
export const STAGES: Readonly<Record<"rl" | "distill" | "eval" | "sweep", () => Promise<Stage<any>>>> = {
  rl: async () => (await import("./rl/stage.js")).rlStage,
  distill: async () => (await import("./distill/stage.js")).distillStage,
  eval: async () => (await import("./eval/stage.js")).evalStage,
  sweep: async () => (await import("./sweep/stage.js")).sweepStage,
};
