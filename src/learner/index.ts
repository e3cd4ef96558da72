/** The learners that `learner.engine` can name. A new one is a file beside this one and a line here. */

import type { SectionOf } from "../core/engine-table.js";
import { embedded } from "./embedded.js";
import { fake } from "./fake.js";
import type { LearnerEngine } from "./learner-engine.js";

export const LEARNERS = { embedded, fake };

export type LearnerSection = SectionOf<typeof LEARNERS>;

/** The engine that a section names. */
export const learnerEngine = (section: LearnerSection): LearnerEngine<LearnerSection> =>
  LEARNERS[section.engine];
