/** All pairs, by kind of design. */

import { clocking } from "./clocking.js";
import { combinational } from "./combinational.js";
import { counters } from "./counters.js";
import { machines } from "./machines.js";
import type { Case } from "./pair.js";
import { storage } from "./storage.js";

export type { Case, Variant } from "./pair.js";

export const CASES: readonly Case[] = [...combinational, ...counters, ...machines, ...storage, ...clocking];
