/**
 * The simulations that a golden goes through while it is prepared: its trace beside copies with other power-up values,
 * the search for long runs, and the signature by the very path that a candidate takes.
 */

import type { Rng } from "../../core/rng.js";
import type { VerilogTask } from "../../core/types.js";
import type { SimResult, Simulator } from "../../sim/simulator.js";
import { type Admitted, withSuffix } from "../../verilog/gate.js";
import type { DesignInterface } from "../../verilog/interface.js";
import { minedConstants } from "../../verilog/numbers.js";
import type { Prover } from "../formal/proof.js";
import {
  chainLength,
  chooseRuns,
  coverable,
  runLength,
  type Scenario,
  scenarios,
  stillRegisters,
  type Watched,
} from "../stimulus/deep.js";
import { type Run, runWords, type Stimulus, type StimulusOptions, stepWords } from "../stimulus/stimulus.js";
import { cleanLog } from "../testbench/messages.js";
import { awakeVariants } from "../testbench/powerup.js";
import { type BenchPlan, type Names, rootName, signatureBench, traceBench } from "../testbench/testbench.js";
import { readCoverage, readTrace, type Sample } from "../testbench/trace.js";
import { readVerdictLine, type VerdictLine } from "../testbench/verdict-line.js";
import type { Prepared, StimulusFiles } from "./prepared.js";
import { ignoreOf, planOf } from "./prepared.js";

export interface GoldenDeps {
  readonly simulator: Simulator;
  readonly names: () => Names;
  /** Puts words where the simulator can read them. */
  readonly place: (key: string, parts: { steps: string; runs: string; mask: string }) => StimulusFiles;
  readonly stimulus: StimulusOptions;
  readonly seed: number;
  readonly icarus: string;
  /** Mutants that the bench is measured with; 0 or absent = it is not measured. */
  readonly mutants?: number;
  /** Decides what simulation leaves open; absent or null = nothing does. */
  readonly prover?: Prover | null;
  /** Seconds for one proof, 3 when absent. */
  readonly proofSeconds?: number;
}

/** The machinery failed while preparing: not the golden's fault, and nothing to cache. */
export class PrepareFault extends Error {
  readonly code: string;
  readonly retryable: boolean;
  /** A failed simulation has been retried where it failed; a file or Yosys has not. */
  readonly retried: boolean;
  constructor(fault: Extract<SimResult, { kind: "infra" }>, retried = true) {
    super(fault.log);
    this.retried = retried;
    this.code = fault.code;
    this.retryable = fault.retryable;
  }
}

export interface Work {
  readonly task: VerilogTask;
  readonly key: string;
  readonly admitted: Admitted;
  readonly iface: DesignInterface;
  readonly deps: GoldenDeps;
  readonly signal: AbortSignal;
}

export type Traced =
  | {
      readonly ok: true;
      readonly samples: readonly Sample[];
      /** Register bits that have been both 0 and 1; null where nothing could be looked at. */
      readonly moved: string | null;
      /** Copies with other power-up values took part. */
      readonly awake: boolean;
      readonly ms: number;
    }
  | { readonly ok: false; readonly reason: string };

export const planFor = (w: Work, s: Stimulus): BenchPlan => {
  const files = w.deps.place(w.key, { steps: stepWords(s), runs: runWords(s), mask: "" });
  return { iface: w.iface, stimulus: shapeOf(s), stepsPath: files.steps, runsPath: files.runs };
};

const watched = (w: Work): readonly Watched[] =>
  coverable(
    w.iface,
    minedConstants(w.admitted.tokens).map((c) => c.value),
  );

/** The golden's outputs, beside copies that wake up differently, and which of its registers moved. */
export async function traceGolden(w: Work, stimulus: Stimulus): Promise<Traced> {
  const names = w.deps.names();
  const plan = planFor(w, stimulus);
  const texts = awakeVariants(w.admitted, w.task.top, names);
  const cover = w.iface.clocks.length > 0 ? watched(w) : [];
  const attempt = (parts: typeof texts, covered: typeof cover): Promise<SimResult> => {
    const modules = parts.map((v) => v.module);
    const bench = traceBench(plan, names, modules, { cover: covered, runs: "open" });
    const source = bench + parts.map((v) => v.text).join("\n");
    return w.deps.simulator.run({ source, root: rootName(names), cpuSeconds: null }, w.signal);
  };
  // Names Yosys made up, or a register the language lets nobody else initialise, must not cost a good golden.
  let result = await attempt(texts, cover);
  let awake = texts.length > 1;
  if (result.kind === "compile" && cover.length > 0) result = await attempt(texts, []);
  if (result.kind === "compile" && awake) {
    awake = false;
    result = await attempt(texts.slice(0, 1), []);
  }
  if (result.kind !== "ran") return { ok: false, reason: failure(result, names, w.iface.loopLine) };
  const samples = readTrace(result.output, names.verdict);
  if (samples === null || samples.length === 0)
    return { ok: false, reason: "golden ends the simulation itself" };
  const moved = readCoverage(result.output, names.verdict)[0] ?? null;
  return { ok: true, samples, moved, awake, ms: result.ms };
}

/** Long runs that move register bits the steps left alone: of the length those ask for, then for chains of counters. */
export async function findRuns(
  w: Work,
  stimulus: Stimulus,
  before: string,
  constants: readonly bigint[],
  rng: Rng,
): Promise<readonly Run[]> {
  const registers = watched(w);
  const first = runLength(stillRegisters(registers, before), constants);
  if (first === 0) return [];
  // Waits look at one moment; what only they reached is worth a run still.
  const drawn = { ...stimulus, steps: stimulus.steps.slice(0, stimulus.drawn) };
  const ordinary = await explore(w, drawn, scenarios(w.iface, stimulus.fields, first, rng), null);
  const chain = chainLength(registers, stillRegisters(registers, ordinary.moved));
  if (chain <= first) return ordinary.runs;
  const deep = await explore(
    w,
    drawn,
    scenarios(w.iface, stimulus.fields, Math.floor(chain), rng, 3),
    ordinary.moved,
  );
  return [...ordinary.runs, ...deep.runs];
}

/** Runs that move more than `before`, null = than the steps did. */
async function explore(
  w: Work,
  stimulus: Stimulus,
  found: readonly Scenario[],
  before: string | null,
): Promise<ReturnType<typeof chooseRuns>> {
  if (found.length === 0) return { runs: [], moved: before ?? "" };
  const names = w.deps.names();
  const plan = planFor(w, { ...stimulus, runs: found.flat() });
  let last = -1;
  const scenarioEnds = found.map((s) => {
    last += s.length;
    return last;
  });
  const module = `${w.task.top}${names.suffix}`;
  const bench = traceBench(plan, names, [module], { cover: watched(w), scenarioEnds, runs: "open" });
  const result = await w.deps.simulator.run(
    { source: bench + withSuffix(w.admitted, names.suffix), root: rootName(names), cpuSeconds: null },
    w.signal,
  );
  if (result.kind === "infra") throw new PrepareFault(result);
  // A golden too slow for long runs goes without them.
  const [steps = "", ...reports] = result.kind === "ran" ? readCoverage(result.output, names.verdict) : [];
  return chooseRuns(found, before ?? steps, reports);
}

/** The verdict line of the golden, by the path that a candidate takes. */
export async function signGolden(w: Work, draft: Prepared): Promise<Signed> {
  const mask = draft.ignore.kind === "file" ? draft.ignore.text : "";
  const files = w.deps.place(w.key, { steps: draft.steps, runs: draft.runs, mask });
  const names = w.deps.names();
  const bench = signatureBench(
    planOf(draft, files),
    names,
    w.task.top,
    ignoreOf(draft, files),
    draft.checkpoints.map((c) => ({ at: c.at, signature: null })),
  );
  const result = await w.deps.simulator.run(
    { source: bench + withSuffix(w.admitted, names.suffix), root: rootName(names), cpuSeconds: null },
    w.signal,
  );
  if (result.kind !== "ran") return { ok: false, reason: failure(result, names, w.iface.loopLine) };
  const line = readVerdictLine(result.output, names.verdict, draft.checkpoints.length);
  if (line === null) return { ok: false, reason: "golden ends the simulation itself" };
  if (/[xz]/.test(line.signature))
    return { ok: false, reason: "golden fails its own check: its outputs differ from run to run" };
  return { ok: true, line };
}

export type Signed =
  | { readonly ok: true; readonly line: VerdictLine }
  | { readonly ok: false; readonly reason: string };

export const shapeOf = (s: Stimulus) => ({
  bits: s.bits,
  fields: s.fields,
  start: s.start,
  numSteps: s.steps.length,
  numRuns: s.runs.length,
  exhaustive: s.exhaustive,
});

function failure(
  result: Exclude<SimResult, { kind: "ran" }>,
  names: Names,
  loopLine: number | null | undefined,
): string {
  if (result.kind === "infra") throw new PrepareFault(result);
  if (result.kind === "compile") return `golden does not compile: ${cleanLog(result.log, names)}`;
  if (result.kind === "timeout") {
    const where =
      loopLine == null ? "" : ` (line ${loopLine}: logic feeds back into itself and may never settle)`;
    return `golden is too slow: ${result.log}${where}`;
  }
  return `golden crashes the simulator: ${cleanLog(result.log, names)}`;
}
