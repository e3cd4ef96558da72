/** The families of the hard level. */

import type { Family } from "../family.js";
import { arbiters } from "./arbiters.js";
import { codes } from "./codes.js";
import { mixed } from "./combined.js";
import { hierarchy } from "./hierarchy.js";
import { intervals } from "./intervals.js";
import { hardMachines } from "./machines.js";
import { multicycle } from "./multicycle.js";
import { queues } from "./queues.js";
import { serial } from "./serial.js";
import { storage } from "./storage.js";
import { fresh } from "./unseen.js";
import { wide } from "./wide.js";

export const HARD_FAMILIES: readonly Family[] = [
  ...queues,
  ...arbiters,
  ...hardMachines,
  ...serial,
  ...multicycle,
  ...codes,
  ...wide,
  ...storage,
  ...intervals,
  ...hierarchy,
  ...mixed,
  ...fresh,
];
