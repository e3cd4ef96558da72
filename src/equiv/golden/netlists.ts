/** Runs Yosys over many goldens in one process; one that stops it goes without, and the rest goes on. */

import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../../core/errors.js";
import type { InterfaceResult } from "../../verilog/interface.js";
import { forYosys } from "../../verilog/yosys-dialect.js";
import { readNetlist, yosysScript } from "./yosys.js";

export interface NetlistJob {
  /** Gated and expanded text. */
  readonly source: string;
  readonly top: string;
}

export interface NetlistDeps {
  /** Path of the program; null = none, and nothing is read. */
  readonly yosys: string | null;
  readonly scratchDir: string;
}

let serial = 0;

/** One result per job, in order; null where Yosys could not read it. */
export async function readInterfaces(
  jobs: readonly NetlistJob[],
  deps: NetlistDeps,
  signal: AbortSignal,
): Promise<(InterfaceResult | null)[]> {
  const results: (InterfaceResult | null)[] = jobs.map(() => null);
  if (deps.yosys === null || jobs.length === 0) return results;
  const dir = join(deps.scratchDir, `y${process.pid}-${serial++}`);
  mkdirSync(dir, { recursive: true });
  try {
    jobs.forEach((j, k) => {
      writeFileSync(join(dir, `${k}.sv`), forYosys(j.source));
    });
    let from = 0;
    while (from < jobs.length) {
      const rest = jobs
        .slice(from)
        .map((j, k) => ({ source: `${from + k}.sv`, top: j.top, out: `${from + k}.json` }));
      writeFileSync(join(dir, "script.ys"), yosysScript(rest));
      await runYosys(deps.yosys, dir, 15_000 + 500 * rest.length, signal);
      let next = from;
      while (next < jobs.length && existsSync(join(dir, `${next}.json`))) {
        results[next] = parse(readFileSync(join(dir, `${next}.json`), "utf8"), jobs[next]!.top);
        next++;
      }
      from = next + 1; // the one that stopped it keeps null
    }
    return results;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** A file cut off by a kill is like no file: the header reader takes over. */
function parse(json: string, top: string): InterfaceResult | null {
  try {
    return readNetlist(json, top);
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return null;
    throw new Error(`netlist of ${top}: ${messageOf(thrown)}`, { cause: thrown });
  }
}

function runYosys(path: string, dir: string, wallMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(
      "/bin/sh",
      ["-c", 'ulimit -c 0; ulimit -v 4194304 2>/dev/null; ulimit -f 131072; exec "$0" -q -s script.ys', path],
      {
        cwd: dir,
        env: { PATH: "/usr/bin:/bin", LC_ALL: "C", TMPDIR: dir },
        stdio: "ignore",
        detached: true,
      },
    );
    const kill = (): void => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
      } catch {
        // it has ended
      }
    };
    const timer = setTimeout(kill, wallMs);
    signal.addEventListener("abort", kill, { once: true });
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", kill);
    };
    child.once("error", (fault) => {
      done();
      reject(fault);
    });
    child.once("exit", () => {
      done();
      if (signal.aborted) reject(signal.reason);
      else resolve();
    });
  });
}
