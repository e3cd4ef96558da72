/** The built-in problems: what the rest of the project uses. */

export type { Family } from "./family.js";
export { FAMILIES, familiesOf, type Instance, instanceOf, instances } from "./instance.js";
export { LEVELS, type Level } from "./level.js";
export {
  type DistillText,
  isRlOnly,
  type PrimerOptions,
  type PrimerTextsOptions,
  primerSource,
  primerTexts,
} from "./source.js";
export { completionText, type Lesson, promptOf, teach } from "./teacher.js";
