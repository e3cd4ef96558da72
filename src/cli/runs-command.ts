/** `train ls` and `train report`: what run directories hold. */

import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { nearNames } from "../config/nearest.js";
import { TrainError } from "../core/errors.js";
import { runsOf } from "../run/directory.js";
import { systemHost } from "../run/host.js";
import { livingOwner } from "../run/owner.js";
import { type RunRecord, readRecord } from "../run/record.js";
import type { Shell } from "./shell.js";
import { printable, table } from "./text.js";

const DEFAULT_DIR = join("checkpoints", "runs");

interface Listed {
  readonly name: string;
  readonly stage: string;
  readonly step: number;
  /** `killed`: the record says running, but nobody runs it. */
  readonly state: RunRecord["state"] | "killed";
  readonly created: string;
  readonly pass1: number | null;
}

export async function listCommand(
  shell: Shell,
  request: { dir: string | undefined; json: boolean },
): Promise<void> {
  const dir = resolve(shell.cwd, request.dir ?? DEFAULT_DIR);
  const host = systemHost();
  const runs = runsOf(dir)
    .map((r): Listed => {
      const path = join(dir, r.name);
      const state = r.state === "running" && livingOwner(path, host) === null ? "killed" : r.state;
      return {
        name: r.name,
        stage: r.stage,
        step: r.step,
        state,
        created: r.created,
        pass1: lastPass1(path),
      };
    })
    .sort((a, b) => (a.created < b.created ? -1 : 1));
  if (request.json) {
    shell.stdout.write(`${JSON.stringify({ dir, runs })}\n`);
    return;
  }
  if (runs.length === 0) {
    shell.stdout.write(
      `no runs in ${dir}\n\nnext:\n  ${shell.program} --stage rl --config adaptive-dapo.yaml\n`,
    );
    return;
  }
  const rows = runs.map((r) => [
    r.name,
    r.stage,
    String(r.step),
    r.state,
    r.pass1 === null ? "-" : `${(100 * r.pass1).toFixed(1)}%`,
  ]);
  shell.stdout.write(printable(`${table([["run", "stage", "step", "state", "pass@1"], ...rows])}\n`));
  shell.stdout.write(`\nnext:\n  ${shell.program} report ${runs.at(-1)?.name}\n`);
}

/** The latest pass@1 in metrics.jsonl, 0 to 1; null before the first evaluation. */
function lastPass1(run: string): number | null {
  const path = join(run, "metrics.jsonl");
  if (!existsSync(path)) return null;
  const lines = readFileSync(path, "utf8").split("\n");
  for (let i = lines.length - 1; i >= 0; i--) {
    if (!lines[i]!.includes('/pass@1"')) continue;
    try {
      const entry = Object.entries(JSON.parse(lines[i]!) as Record<string, unknown>).find(([k]) =>
        /^eval\/.*\/pass@1$/.test(k),
      );
      if (typeof entry?.[1] === "number") return entry[1];
    } catch {
      // A line torn by a crash: the one before it is whole.
    }
  }
  return null;
}

export async function reportCommand(
  shell: Shell,
  request: { run: string; dir: string | undefined; json: boolean },
): Promise<void> {
  const run = findRun(shell, request, "report");
  const sweep = readRecord(run)?.stage === "sweep";
  const path = sweep
    ? await (await import("../stages/sweep/report.js")).writeSweepReport(run)
    : await (await import("../stages/report.js")).writeReport(run);
  shell.stdout.write(request.json ? `${JSON.stringify({ report: path })}\n` : `${path}\n`);
}

/** The folder of a run given by name or by path. @throws TrainError usage */
export function findRun(
  shell: Shell,
  request: { readonly run: string; readonly dir: string | undefined },
  verb: string,
): string {
  const dir = resolve(shell.cwd, request.dir ?? DEFAULT_DIR);
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
