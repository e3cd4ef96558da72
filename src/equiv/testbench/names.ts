/** Names no candidate can know: fresh for every simulation, from the system's generator. */

import { randomBytes } from "node:crypto";
import type { Names } from "./testbench.js";

export function secretNames(): Names {
  const hex = randomBytes(24).toString("hex");
  // The verdict mark shares nothing with the scope names, which `%m` shows.
  return { scope: hex.slice(0, 12), suffix: `_${hex.slice(12, 22)}`, verdict: `v${hex.slice(22)}` };
}
