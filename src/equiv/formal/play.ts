/**
 * A counterexample played in the simulator, golden and candidate each alone, judged by the rule that candidates are
 * judged by: bits that the golden leaves open, by X or by its power-up values, are not compared; X from a candidate
 * counts only if it stays wrong from some power-up value. A difference that needs a particular unset register is
 * therefore no difference here.
 */

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { SimResult, Simulator } from "../../sim/simulator.js";
import { type Admitted, withSuffix } from "../../verilog/gate.js";
import type { DesignInterface } from "../../verilog/interface.js";
import { rowOf } from "../stimulus/rows.js";
import { layoutOf } from "../stimulus/stimulus.js";
import { awakenings, awakeVariants, POWER_UPS } from "../testbench/powerup.js";
import { type BenchPlan, type Names, rootName, traceBench } from "../testbench/testbench.js";
import { firstDifference, openBySlot, readTrace, type Sample } from "../testbench/trace.js";
import type { Counterexample, CycleInputs } from "./proof.js";

export interface ReplayDeps {
  readonly simulator: Simulator;
  readonly names: () => Names;
  readonly scratchDir: string;
}

export interface ReplayJob {
  readonly golden: Admitted;
  readonly candidate: Admitted;
  readonly top: string;
  readonly iface: DesignInterface;
}

export type Replayed = { readonly kind: "shown" | "not shown" } | Extract<SimResult, { kind: "infra" }>;

/**
 * Assignments of all inputs, clocks included, in the order in which a bench plays them. A cycle that does not name
 * its clock is three of them: inputs change, the clock goes, the clock comes back; the last cycle stops before.
 */
export function assignments(cycles: readonly CycleInputs[], iface: DesignInterface): CycleInputs[] {
  const idle: Record<string, string> = {};
  const gone: Record<string, string> = {};
  for (const c of iface.clocks) {
    idle[c.name] = c.edge === "neg" ? "1" : "0";
    gone[c.name] = c.edge === "neg" ? "0" : "1";
  }
  const ports = new Map(iface.inputs.map((p) => [p.name, "0".repeat(p.width)]));
  const out: CycleInputs[] = [];
  cycles.forEach((cycle, k) => {
    const full: Record<string, string> = {};
    for (const [name, zeros] of ports) full[name] = cycle[name] ?? idle[name] ?? zeros;
    out.push(full);
    const silent = iface.clocks.filter((c) => cycle[c.name] === undefined).map((c) => c.name);
    if (k === cycles.length - 1 || silent.length === 0) return;
    const at = (levels: Record<string, string>): CycleInputs => ({
      ...full,
      ...Object.fromEntries(silent.map((name) => [name, levels[name]!])),
    });
    out.push(at(gone), at(idle));
  });
  return out;
}

let serial = 0;

export async function replay(
  found: Counterexample,
  job: ReplayJob,
  deps: ReplayDeps,
  signal: AbortSignal,
): Promise<Replayed> {
  const steps = assignments(found.cycles, job.iface);
  const { fields, bits } = layoutOf(job.iface);
  const words = steps.map((s) => rowOf(fields, s).toString(16));
  const dir = join(deps.scratchDir, `r${process.pid}-${serial++}`);
  mkdirSync(dir, { recursive: true });
  try {
    const path = join(dir, "steps");
    writeFileSync(path, words.join("\n"));
    const plan: BenchPlan = {
      iface: job.iface,
      // Only the last assignment is judged: resets have been applied by then, and it is where the engine saw it.
      stimulus: { bits, fields, start: steps.length - 1, numSteps: steps.length, numRuns: 0 },
      stepsPath: path,
      runsPath: "",
    };
    const trace = async (texts: readonly { module: string; text: string }[], names: Names) => {
      const bench = traceBench(
        plan,
        names,
        texts.map((t) => t.module),
        { runs: "skip" },
      );
      const source = bench + texts.map((t) => t.text).join("\n");
      const ran = await deps.simulator.run({ source, root: rootName(names), cpuSeconds: null }, signal);
      return ran.kind === "ran" ? readTrace(ran.output, names.verdict) : ran;
    };
    return await judge(job, deps.names, trace, steps.length);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

type Trace = (
  texts: readonly { module: string; text: string }[],
  names: Names,
) => Promise<readonly Sample[] | null | Exclude<SimResult, { kind: "ran" }>>;

async function judge(job: ReplayJob, fresh: () => Names, trace: Trace, slots: number): Promise<Replayed> {
  const names = fresh();
  const plain = (a: Admitted, n: Names) => ({
    module: `${job.top}${n.suffix}`,
    text: withSuffix(a, n.suffix),
  });
  const variants = awakeVariants(job.golden, job.top, names);
  let golden = await trace(variants, names);
  if (golden !== null && "kind" in golden && golden.kind === "compile" && variants.length > 1) {
    golden = await trace(variants.slice(0, 1), names);
  }
  if (golden === null) return { kind: "not shown" };
  if ("kind" in golden) return golden.kind === "infra" ? golden : { kind: "not shown" };
  const open = openBySlot(golden, slots);

  const differs = async (
    a: Admitted,
  ): Promise<"no" | "unknown" | "defined" | "broken" | Extract<SimResult, { kind: "infra" }>> => {
    const n = fresh();
    const got = await trace([plain(a, n)], n);
    if (got === null) return "broken";
    if ("kind" in got) return got.kind === "infra" ? got : "broken";
    const at = firstDifference(golden as readonly Sample[], got, open);
    if (at === null) return "no";
    const s = got[at.sample];
    // Any bit that differs with a defined level settles it; the first one may be X where a later one is not.
    return s !== undefined && definedDifference((golden as readonly Sample[])[at.sample]!, s, open[at.step]!)
      ? "defined"
      : "unknown";
  };
  const first = await differs(job.candidate);
  if (typeof first === "object") return first;
  if (first !== "unknown") return { kind: first === "defined" ? "shown" : "not shown" };
  for (const [k, how] of POWER_UPS.entries()) {
    let agrees = false;
    for (const awake of awakenings(job.candidate, how, `${fresh().scope}${k}`)) {
      const again = await differs(awake);
      if (typeof again === "object") return again;
      agrees = again === "no";
      if (agrees) break;
    }
    if (!agrees) return { kind: "shown" };
  }
  return { kind: "not shown" };
}

function definedDifference(golden: Sample, candidate: Sample, open: bigint): boolean {
  const n = golden.bits.length;
  for (let bit = 0; bit < n; bit++) {
    const g = golden.bits[n - 1 - bit];
    const c = candidate.bits[n - 1 - bit];
    if (g !== c && (c === "0" || c === "1") && ((open >> BigInt(bit)) & 1n) === 0n) return true;
  }
  return false;
}
