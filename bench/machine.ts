/** What a result has to say about where it was measured. */

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { locateTools, type Tools } from "../src/sim/tools.js";

export interface BenchMachine {
  readonly cpu: string;
  /** Cores this process may use. */
  readonly cores: number;
  readonly node: string;
  readonly iverilog: string;
  readonly yosys: string | null;
  /** One-minute load average when asked; null where the system has none. */
  readonly load: number | null;
  readonly git: string | null;
  /** ISO 8601, day only. */
  readonly date: string;
}

export function benchMachine(tools: Tools = locateTools(process.env.PATH ?? "")): BenchMachine {
  return {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: availableParallelism(),
    node: process.version,
    iverilog: tools.iverilog.version,
    yosys: tools.yosys?.version ?? null,
    load: attempt(() => Number(readFileSync("/proc/loadavg", "utf8").split(" ")[0])),
    git: attempt(() =>
      execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8", stdio: "pipe" }).trim(),
    ),
    date: new Date().toISOString().slice(0, 10),
  };
}

function attempt<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}
