/**
 * One way to run Yosys, and the JSON that its `write_json` leaves. Candidates and goldens are untrusted text, so it runs
 * under limits, and in the sandbox where the caller has one.
 */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Ran, type RunLimits, runLimited } from "./run-limited.js";
import type { Wrap } from "./sandbox.js";

/** A net by number, or a constant: "0", "1", "x" or "z". */
export type YosysBit = number | string;

export interface YosysCell {
  readonly type: string;
  readonly parameters: Readonly<Record<string, string | number>>;
  readonly attributes?: Readonly<Record<string, string | number>>;
  /** Pin -> bits, least significant first. */
  readonly connections: Readonly<Record<string, readonly YosysBit[]>>;
  readonly port_directions?: Readonly<Record<string, string>>;
}

export interface YosysModule {
  readonly ports: Readonly<
    Record<string, { readonly direction: string; readonly bits: readonly YosysBit[] }>
  >;
  readonly cells: Readonly<Record<string, YosysCell>>;
  readonly netnames: Readonly<
    Record<
      string,
      {
        readonly hide_name: number;
        readonly bits: readonly YosysBit[];
        readonly attributes?: { readonly init?: string };
      }
    >
  >;
  readonly memories?: Readonly<Record<string, { readonly size: number; readonly width: number }>>;
}

/** A design to read from a file of the working folder, and the file that its netlist goes to. */
export interface YosysJob {
  readonly source: string;
  readonly top: string;
  readonly out: string;
}

/**
 * A script that turns several designs into netlists, one after the other; each is reset away before the next.
 * @param passes commands between the elaboration of a design and its netlist
 */
export const netlistsScript = (jobs: readonly YosysJob[], passes: readonly string[]): string =>
  jobs
    .flatMap((j) => [
      `read_verilog -sv ${j.source}`,
      `hierarchy -top ${j.top}`,
      ...passes,
      `write_json ${j.out}`,
      "design -reset",
    ])
    .map((line) => `${line}\n`)
    .join("");

export interface YosysRun {
  /** Path of the program. */
  readonly yosys: string;
  /** Working folder; the script is put there as `script.ys`. */
  readonly dir: string;
  readonly script: string;
  /** What to print: complaints only, or what commands report. */
  readonly prints: "complaints" | "reports";
  readonly limits: RunLimits;
  readonly wrap?: Wrap | undefined;
}

/** How the run ended. `done` with a code other than 0: a design that Yosys does not read, which is no `infra`. */
export function runYosys(run: YosysRun, signal: AbortSignal): Promise<Ran> {
  const { yosys, dir, script, prints, limits, wrap } = run;
  writeFileSync(join(dir, "script.ys"), script);
  const flags = prints === "complaints" ? ["-q"] : ["-Q", "-T"];
  return runLimited([yosys, ...flags, "-s", "script.ys"], dir, limits, wrap, signal);
}

/** A module of a netlist; null when it is not in it. @throws SyntaxError where the text was cut off */
export function moduleOf(json: string, top: string): YosysModule | null {
  const netlist = JSON.parse(json) as { readonly modules: Readonly<Record<string, YosysModule>> };
  return netlist.modules[top] ?? null;
}
