/** Goldens of the built-in problems: the only corpus that is always there. */

import { instances } from "../src/data/primer/index.js";
import { type Design, spread } from "./corpus.js";

/** `count` goldens, spread over all families. */
export const primerGoldens = (count: number): Design[] =>
  spread(instances(), count).map((i) => ({ name: i.id, golden: i.golden, top: "top_module" }));
