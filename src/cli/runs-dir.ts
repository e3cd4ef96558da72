/** The folder of runs that commands look into. */

import { join } from "node:path";
import { text } from "./commands/command.js";

/** Where runs lie when nobody says otherwise, from the working folder. */
export const RUNS_DIR = join("checkpoints", "runs");

export const runsDirOption = { dir: text("Folder of runs [checkpoints/runs]") };
