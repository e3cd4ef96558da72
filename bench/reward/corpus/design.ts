/** What every bench of the reward works on: one golden design with a name. */

import type { Problem } from "../../../src/core/types.js";
import { problemId } from "../../../src/core/units.js";

export interface Design {
  readonly name: string;
  /** Source text as it is in its corpus, comments included. */
  readonly golden: string;
  /** Name of its top module. */
  readonly top: string;
}

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
