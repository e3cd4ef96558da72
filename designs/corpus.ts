/** Designs of the public benchmarks, as problems that the reward's tests and benches take. */

import type { Problem } from "../src/core/types.js";
import { problemId } from "../src/core/units.js";
import type { Design } from "../src/eval/suites/design.js";

export type { Design } from "../src/eval/suites/design.js";
export { asDut, type RtllmDesign, type RtllmVersion, rtllm } from "../src/eval/suites/rtllm.js";
export { VERILOG_EVAL_SETS, type VerilogEvalSet, verilogEval } from "../src/eval/suites/verilog-eval.js";

/** The design as a problem that `Rewarder.prepare` and `score` take; candidates define a module called `top`. */
export const problemOf = (design: Design): Problem => ({
  id: problemId(design.name),
  prompt: [],
  task: { golden: design.golden, top: design.top },
  meta: { source: "bench", split: "train" },
});

/** `count` of the items, spread evenly over the list; all of them when `count` is larger. */
export const spread = <T>(items: readonly T[], count: number): T[] =>
  items.length <= count
    ? [...items]
    : Array.from({ length: count }, (_, k) => items[Math.floor((k * items.length) / count)]!);
