import { engineSection } from "../core/engine-table.js";
import { SAMPLERS } from "./index.js";

export const samplerSchema = engineSection(SAMPLERS);
