/** The samplers that `sampler.engine` can name. A new one is a file beside this one and a line here. */

import type { SectionOf } from "../core/engine-table.js";
import { embedded } from "./embedded.js";
import { fake } from "./fake.js";
import type { SamplerEngine } from "./sampler-engine.js";

export const SAMPLERS = { embedded, fake };

export type SamplerSection = SectionOf<typeof SAMPLERS>;

/** The engine that a section names. */
export const samplerEngine = (section: SamplerSection): SamplerEngine<SamplerSection> =>
  SAMPLERS[section.engine];
