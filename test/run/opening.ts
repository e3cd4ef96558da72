import type { OpenRun } from "../../src/run/directory.js";

export const CONFIG = "run:\n  name: a\n  keep_last: 2\nlearner:\n  lr: 0.0001\n";

export const opening = (root: string, over: Partial<OpenRun> = {}): OpenRun => ({
  root,
  name: "a",
  base: "adaptive-dapo",
  stage: "rl",
  resume: false,
  configText: CONFIG,
  configHash: "hash-1",
  command: "train --stage rl",
  seed: 1,
  versions: { veriloop: "0.1.0" },
  ...over,
});
