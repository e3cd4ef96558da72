/** Interfaces of many goldens from one Yosys process; a design that stops it goes without, and the rest goes on. */

import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../../core/errors.js";
import { netlistsScript, runYosys } from "../../sim/yosys.js";
import type { InterfaceResult } from "../../verilog/interface.js";
import { forYosys } from "../../verilog/yosys-dialect.js";
import { PASSES, readInterface } from "./read-interface.js";
import { PrepareFault } from "./simulate.js";

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

const MEMORY_BYTES = 4 * 1024 ** 3;
const FILE_BYTES = 64 * 1024 ** 2;
const START_MS = 15_000;
const DESIGN_MS = 500;

let serial = 0;

/**
 * One result per job, in order; null where Yosys could not read the design.
 * @throws PrepareFault when Yosys itself failed, which says nothing about any of the designs
 */
export async function readInterfaces(
  jobs: readonly NetlistJob[],
  { yosys, scratchDir }: NetlistDeps,
  signal: AbortSignal,
): Promise<(InterfaceResult | null)[]> {
  const results: (InterfaceResult | null)[] = jobs.map(() => null);
  if (yosys === null || jobs.length === 0) return results;
  const dir = join(scratchDir, `y${process.pid}-${serial++}`);
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
      const limits = {
        wallMs: START_MS + DESIGN_MS * rest.length,
        memoryBytes: MEMORY_BYTES,
        fileBytes: FILE_BYTES,
      };
      const script = netlistsScript(rest, PASSES);
      const ran = await runYosys({ yosys, dir, script, prints: "complaints", limits }, signal);
      if (ran.kind === "infra") throw new PrepareFault(ran, false);
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
    return readInterface(json, top);
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return null;
    throw new Error(`netlist of ${top}: ${messageOf(thrown)}`, { cause: thrown });
  }
}
