/**
 * `dynamic`: DAPO's dynamic sampling (arXiv 2503.14476, section 3.2). Rounds of `oversample` times what is missing, all-equal
 * groups dropped, until enough are left.
 */

import { z } from "zod";
import type { Strategy } from "../strategy.js";
import type { StrategyKind } from "./kind.js";
import { type UniformOptions, uniform } from "./uniform.js";

export const dynamicStrategy = (options: UniformOptions & { readonly oversample: number }): Strategy =>
  uniform("dynamic", "mixed", options, (needed) => Math.ceil(needed * options.oversample));

const knobs = {
  oversample: z
    .number()
    .min(1)
    .default(1.5)
    .describe("problems drawn in a round, as a multiple of what is missing"),
};

export const dynamic = {
  name: "dynamic",
  describe: "DAPO's refill",
  knobs,
  estimates: false,
  keep: () => ({ kind: "mixed" }),
  make: ({ oversample }, { problems, groupSize, rng }) =>
    dynamicStrategy({ problems: problems.length, groupSize, rng, oversample }),
} as const satisfies StrategyKind<typeof knobs>;
