/** Finds the run that a command line names. */

import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { nearNames } from "../config/nearest.js";
import { TrainError } from "../core/errors.js";
import { runsOf } from "../run/directory.js";
import { RUNS_DIR } from "./runs-dir.js";
import type { Shell } from "./shell.js";

/**
 * The folder of a run given by name or by path; `verb` is the command that asks, for the hint.
 *
 * @throws TrainError usage: there is no such run
 */
export function findRun(
  shell: Shell,
  request: { readonly run: string; readonly dir: string | undefined },
  verb: string,
): string {
  const dir = resolve(shell.cwd, request.dir ?? RUNS_DIR);
  const run = [resolve(dir, request.run), resolve(shell.cwd, request.run)].find((p) =>
    existsSync(join(p, "run.json")),
  );
  if (run !== undefined) return run;
  const near = nearNames(
    request.run,
    runsOf(dir).map((r) => r.name),
    1,
  )[0];
  throw new TrainError("usage", `there is no run ${request.run} in ${dir}`, {
    hint: near === undefined ? "train ls" : `did you mean: train ${verb} ${near}`,
  });
}
