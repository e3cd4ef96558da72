/** `fixed`: GRPO's sampling (arXiv 2402.03300). B problems with G rollouts each, one round, nothing filtered. */

import type { Strategy } from "../strategy.js";
import type { StrategyKind } from "./kind.js";
import { type UniformOptions, uniform } from "./uniform.js";

export const fixedStrategy = (options: UniformOptions): Strategy =>
  uniform("fixed", "all", options, (needed, round) => (round === 0 ? needed : 0));

export const fixed = {
  name: "fixed",
  describe: "GRPO",
  knobs: {},
  estimates: false,
  keep: () => ({ kind: "all" }),
  make: (_knobs, { problems, groupSize, rng }) =>
    fixedStrategy({ problems: problems.length, groupSize, rng }),
} as const satisfies StrategyKind<Record<never, never>>;
