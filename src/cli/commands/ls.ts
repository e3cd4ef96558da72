/** `train ls`: the runs of a folder. */

import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { RunRecord } from "../../run/record.js";
import { RUNS_DIR, runsDirOption } from "../runs-dir.js";
import type { Shell } from "../shell.js";
import { printable, table } from "../text.js";
import { single } from "../usage.js";
import { type Command, flag } from "./command.js";

export const ls: Command = {
  name: "ls",
  describe: "List the runs",
  options: () => ({ ...runsDirOption, json: flag("Print the runs as one JSON object") }),
  async run(shell, _parts, args) {
    const dir = resolve(shell.cwd, single("dir", args.dir) ?? RUNS_DIR);
    const runs = await runsIn(dir);
    shell.stdout.write(
      args.json === true ? `${JSON.stringify({ dir, runs })}\n` : listText(dir, runs, shell),
    );
    return 0;
  },
};

interface Listed {
  readonly name: string;
  readonly stage: string;
  readonly step: number;
  /** `killed`: the record says running, but nobody runs it. */
  readonly state: RunRecord["state"] | "killed";
  readonly created: string;
  readonly pass1: number | null;
}

/** Oldest first. */
async function runsIn(dir: string): Promise<readonly Listed[]> {
  const [{ runsOf }, { systemHost }, { livingOwner }] = await Promise.all([
    import("../../run/directory.js"),
    import("../../run/host.js"),
    import("../../run/owner.js"),
  ]);
  const host = systemHost();
  return runsOf(dir)
    .map((r): Listed => {
      const path = join(dir, r.name);
      const killed = r.state === "running" && livingOwner(path, host) === null;
      return {
        name: r.name,
        stage: r.stage,
        step: r.step,
        state: killed ? "killed" : r.state,
        created: r.created,
        pass1: lastPass1(path),
      };
    })
    .sort((a, b) => (a.created < b.created ? -1 : 1));
}

function listText(dir: string, runs: readonly Listed[], shell: Shell): string {
  if (runs.length === 0)
    return `no runs in ${dir}\n\nnext:\n  ${shell.program} --stage rl --config adaptive-dapo.yaml\n`;
  const rows = runs.map((r) => [
    r.name,
    r.stage,
    String(r.step),
    r.state,
    r.pass1 === null ? "-" : `${(100 * r.pass1).toFixed(1)}%`,
  ]);
  const listed = printable(`${table([["run", "stage", "step", "state", "pass@1"], ...rows])}\n`);
  return `${listed}\nnext:\n  ${shell.program} report ${runs.at(-1)?.name}\n`;
}

/** The latest pass@1 in metrics.jsonl of the set that ranks, 0 to 1; null before the first evaluation. */
function lastPass1(run: string): number | null {
  const path = join(run, "metrics.jsonl");
  if (!existsSync(path)) return null;
  const lines = readFileSync(path, "utf8").split("\n");
  // The first set of the first evaluation is the one that ranks.
  const set = /"eval\/([^/"]+)\/pass@1"/.exec(lines.find((l) => l.includes('/pass@1"')) ?? "")?.[1];
  if (set === undefined) return null;
  const key = `eval/${set}/pass@1`;
  for (let i = lines.length - 1; i >= 0; i--) {
    if (!lines[i]!.includes(`"${key}"`)) continue;
    try {
      const value = (JSON.parse(lines[i]!) as Record<string, unknown>)[key];
      if (typeof value === "number") return value;
    } catch {
      // A line torn by a crash: the one before it is whole.
    }
  }
  return null;
}
