/** What `verify` and `testbench` stand on: the golden's file read, and a checker for it. */

import { join } from "node:path";
import { nearNames } from "../../config/nearest.js";
import { TrainError } from "../../core/errors.js";
import { CHECKER_DEFAULTS, type Checker, type CheckerOptions, makeChecker } from "../../equiv/checker.js";
import { locateTools, type Tools } from "../../sim/tools.js";
import { type GoldenText, goldenText } from "../../verify/golden-text.js";
import { scratchRoot } from "../rewards.js";
import type { Source } from "./sources.js";

export interface Machine {
  readonly cacheDir: string;
  readonly searchPath: string;
  readonly cores: number;
}

export interface BenchSettings {
  readonly seed: number;
  readonly vectors: number;
}

export const DEFAULT_SETTINGS: BenchSettings = {
  seed: CHECKER_DEFAULTS.seed,
  vectors: CHECKER_DEFAULTS.stimulus.vectors,
};

/**
 * The golden's text, and which of its modules is meant.
 * @throws TrainError usage: the top is ambiguous or not there
 */
export function readGolden(
  golden: Source,
  top: string | undefined,
): Extract<GoldenText, { kind: "golden" | "refused" }> {
  const read = goldenText(golden.name, golden.text, top);
  if (read.kind === "no such top") {
    throw new TrainError(
      "usage",
      `--top ${top}: ${golden.name} has no such module; it has ${read.modules.join(", ")}`,
      { hint: `--top ${nearNames(top!, read.modules, 1)[0] ?? read.likely}` },
    );
  }
  if (read.kind === "ambiguous") {
    const { tops } = read;
    throw new TrainError(
      "usage",
      `${golden.name} has ${tops.length} modules that no other one instantiates: ${tops.join(", ")}`,
      { hint: `say which is the design: --top ${tops.at(-1)}` },
    );
  }
  return read;
}

export interface OpenedChecker {
  readonly tools: Tools;
  readonly checker: Checker;
}

/** @throws TrainError tool, with what to type, when the simulator is missing */
export function openChecker(
  machine: Machine,
  { seed, vectors }: BenchSettings,
  more: Pick<CheckerOptions, "limits"> = {},
): OpenedChecker {
  const tools = locateTools(machine.searchPath);
  const checker = makeChecker({
    tools,
    cacheDir: join(machine.cacheDir, "goldens"),
    scratchDir: scratchRoot(),
    concurrency: machine.cores,
    seed,
    stimulus: { ...CHECKER_DEFAULTS.stimulus, vectors },
    // A handful of simulations: what fork servers save, starting them costs.
    engine: "spawn",
    ...more,
  });
  return { tools, checker };
}
