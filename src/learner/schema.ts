import { engineSection } from "../core/engine-table.js";
import { LEARNERS } from "./index.js";

export const learnerSchema = engineSection(LEARNERS);
