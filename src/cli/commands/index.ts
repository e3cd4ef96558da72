/** The commands of `train`, in the order of `--help`. */

import type { Command } from "./command.js";
import { completion } from "./completion.js";
import { config } from "./config.js";
import { doctor } from "./doctor.js";
import { ls } from "./ls.js";
import { replay } from "./replay.js";
import { report } from "./report.js";
import { testbench } from "./testbench.js";
import { train } from "./train.js";
import { verify } from "./verify.js";

export const COMMANDS: readonly Command[] = [
  train,
  config,
  doctor,
  ls,
  report,
  replay,
  verify,
  testbench,
  completion,
];
