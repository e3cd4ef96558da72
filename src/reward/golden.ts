/**
 * From a golden's text to what candidates are checked with: gate, interface, stimuli, one traced simulation (beside
 * copies of the golden with other power-up values), open bits, and the signature from the very path a candidate takes.
 */

import { makeRng, type Rng } from "../core/rng.js";
import type { VerilogTask } from "../core/types.js";
import {
  chainLength,
  chooseRuns,
  coverable,
  runLength,
  type Scenario,
  scenarios,
  stillRegisters,
} from "./deep.js";
import { type Admitted, admit, tokenize, withSuffix } from "./gate.js";
import { readHeader } from "./header.js";
import { type DesignInterface, type InterfaceResult, outputBits } from "./interface.js";
import { cleanLog } from "./messages.js";
import { minedConstants } from "./numbers.js";
import { type PowerUp, withPowerUp } from "./powerup.js";
import {
  ignoreOf,
  PREPARED_VERSION,
  type Preparation,
  type Prepared,
  planOf,
  type StimulusFiles,
} from "./prepared.js";
import type { SimResult, Simulator } from "./simulator.js";
import {
  makeStimulus,
  type Run,
  runWords,
  type Stimulus,
  type StimulusOptions,
  stepWords,
} from "./stimulus.js";
import { contentKey } from "./store.js";
import type { BenchPlan, Names } from "./testbench.js";
import { rootName, signatureBench, traceBench } from "./testbench.js";
import { openBySlot, readCoverage, readTrace, type Sample } from "./trace.js";
import { readVerdictLine } from "./verdict-line.js";

export interface GoldenDeps {
  readonly simulator: Simulator;
  readonly names: () => Names;
  /** Puts words where the simulator can read them. */
  readonly place: (key: string, parts: { steps: string; runs: string; mask: string }) => StimulusFiles;
  readonly stimulus: StimulusOptions;
  readonly seed: number;
  readonly icarus: string;
}

/** Goldens that run in less wall time than this give candidates two CPU seconds, slower ones the configured limit. */
const QUICK_MS = 500;
const QUICK_CPU_SECONDS = 2;

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

export const goldenKey = (
  task: VerilogTask,
  seed: number,
  options: StimulusOptions,
  icarus: string,
): string => contentKey(PREPARED_VERSION, task.top, task.golden, seed, JSON.stringify(options), icarus);

/** Text rules for goldens, beyond the gate: no delays, no randomness, a top of that name. */
export function admitGolden(
  task: VerilogTask,
): { ok: true; admitted: Admitted } | { ok: false; reason: string } {
  const lexed = tokenize(task.golden);
  if (!lexed.ok) return { ok: false, reason: `golden, line ${lexed.line}: ${lexed.reason}` };
  const gated = admit(lexed.tokens);
  if (!gated.ok) return { ok: false, reason: `golden, ${gated.reason}` };
  const { admitted } = gated;
  if (!admitted.modules.includes(task.top)) {
    return { ok: false, reason: `golden has no module ${task.top} (it has ${admitted.modules.join(", ")})` };
  }
  const { tokens } = admitted;
  for (let i = 1; i < tokens.length; i++) {
    const t = tokens[i]!;
    if (t.kind === "sys" && /^\$u?random/.test(t.text)) {
      return { ok: false, reason: `golden, line ${t.line}: ${t.text} makes it nondeterministic` };
    }
    if (t.text !== "#") continue;
    const p = tokens[i - 1]!;
    // `name #(` is a parameter list, `<= #1` only shifts a register's update inside the settling time.
    const parameterList =
      p.kind === "id" &&
      tokens[i + 1]?.text === "(" &&
      !/^(begin|end|else|always|initial|assign)$/.test(p.text);
    if (!parameterList && p.text !== "<=")
      return { ok: false, reason: `golden, line ${t.line}: delays are not supported` };
  }
  return { ok: true, admitted };
}

/** Interface from the header when Yosys gave none; what the header says of ports always has to hold. */
export function interfaceOf(
  admitted: Admitted,
  top: string,
  netlist: InterfaceResult | null,
): InterfaceResult {
  const found = netlist?.ok === true ? netlist : readHeader(admitted.tokens, top);
  if (!found.ok) return found;
  if (found.iface.outputs.length === 0) return { ok: false, reason: "golden has no outputs" };
  if (found.iface.inputs.length === 0 && found.iface.stateful) {
    return { ok: false, reason: "golden has state but no inputs" };
  }
  return found;
}

export async function prepareGolden(
  task: VerilogTask,
  key: string,
  admitted: Admitted,
  netlist: InterfaceResult | null,
  deps: GoldenDeps,
  signal: AbortSignal,
): Promise<Preparation> {
  const refuse = (refused: string): Preparation => ({ version: PREPARED_VERSION, key, refused });
  const read = interfaceOf(admitted, task.top, netlist);
  if (!read.ok) return refuse(read.reason);
  const { iface } = read;
  const work: Work = { task, key, admitted, iface, deps, signal };
  const rng = makeRng(`stimulus/${key}/${deps.seed}`);
  const constants = minedConstants(admitted.tokens);
  const values = constants.map((c) => c.value);
  let stimulus = makeStimulus(iface, constants, rng, deps.stimulus);
  let traced = await traceGolden(work, stimulus);
  if (!traced.ok) return refuse(traced.reason);
  if (traced.moved !== null) {
    const runs = await findRuns(work, stimulus, traced.moved, values, rng);
    if (runs.length > 0) {
      const deep = { ...stimulus, runs };
      const again = await traceGolden(work, deep);
      if (again.ok) [stimulus, traced] = [deep, again];
    }
  }
  const width = outputBits(iface);
  if (traced.samples.some((s) => s.bits.length !== width)) {
    return refuse("golden's outputs are not as wide as its header says");
  }
  const open = openBySlot(traced.samples, stimulus.steps.length + stimulus.runs.length);
  const all = (1n << BigInt(width)) - 1n;
  const compared = new Set(traced.samples.map((s) => s.step));
  let everDefined = 0n;
  for (const step of compared) everDefined |= all & ~open[step]!;
  if (everDefined === 0n) return refuse("golden's outputs are never defined");
  return signed(work, {
    version: PREPARED_VERSION,
    key,
    top: task.top,
    iface,
    stimulus: shapeOf(stimulus),
    steps: stepWords(stimulus),
    runs: runWords(stimulus),
    ignore: packOpen(open, compared),
    checkpoints: checkpointsOf(stimulus).map((at) => ({ at, signature: "" })),
    signature: "",
    samples: 0,
    cpuSeconds: traced.ms < QUICK_MS ? QUICK_CPU_SECONDS : null,
    definedBits: countBits(everDefined),
    outputBits: width,
    icarus: deps.icarus,
  });
}

interface Work {
  readonly task: VerilogTask;
  readonly key: string;
  readonly admitted: Admitted;
  readonly iface: DesignInterface;
  readonly deps: GoldenDeps;
  readonly signal: AbortSignal;
}

type Traced =
  | {
      readonly ok: true;
      readonly samples: readonly Sample[];
      /** Register bits that have been both 0 and 1; null where nothing could be looked at. */
      readonly moved: string | null;
      readonly ms: number;
    }
  | { readonly ok: false; readonly reason: string };

const planFor = (w: Work, s: Stimulus): BenchPlan => {
  const files = w.deps.place(w.key, { steps: stepWords(s), runs: runWords(s), mask: "" });
  return { iface: w.iface, stimulus: shapeOf(s), stepsPath: files.steps, runsPath: files.runs };
};

/** The golden's outputs, beside copies that wake up differently, and which of its registers moved. */
async function traceGolden(w: Work, stimulus: Stimulus): Promise<Traced> {
  const names = w.deps.names();
  const plan = planFor(w, stimulus);
  const texts = variants(w.admitted, w.task.top, names);
  const cover = w.iface.clocks.length > 0 ? coverable(w.iface) : [];
  const attempt = (parts: typeof texts, covered: typeof cover): Promise<SimResult> => {
    const modules = parts.map((v) => v.module);
    const bench = traceBench(plan, names, modules, { cover: covered, runs: "open" });
    const source = bench + parts.map((v) => v.text).join("\n");
    return w.deps.simulator.run({ source, root: rootName(names), cpuSeconds: null }, w.signal);
  };
  // Names Yosys made up, or a register the language lets nobody else initialise, must not cost a good golden.
  let result = await attempt(texts, cover);
  if (result.kind === "compile" && cover.length > 0) result = await attempt(texts, []);
  if (result.kind === "compile" && texts.length > 1) result = await attempt(texts.slice(0, 1), []);
  if (result.kind !== "ran") return { ok: false, reason: failure(result, names) };
  const samples = readTrace(result.output, names.verdict);
  if (samples === null || samples.length === 0)
    return { ok: false, reason: "golden ends the simulation itself" };
  return { ok: true, samples, moved: readCoverage(result.output, names.verdict)[0] ?? null, ms: result.ms };
}

/** Long runs that move register bits the steps left alone: of the length those ask for, then for chains of counters. */
async function findRuns(
  w: Work,
  stimulus: Stimulus,
  before: string,
  constants: readonly bigint[],
  rng: Rng,
): Promise<readonly Run[]> {
  const registers = coverable(w.iface);
  const first = runLength(stillRegisters(registers, before), constants);
  if (first === 0) return [];
  const ordinary = await explore(w, stimulus, scenarios(w.iface, stimulus.fields, first, rng), before);
  const chain = chainLength(registers, stillRegisters(registers, ordinary.moved));
  if (chain <= first) return ordinary.runs;
  const deep = await explore(
    w,
    stimulus,
    scenarios(w.iface, stimulus.fields, Math.floor(chain), rng, 3),
    ordinary.moved,
  );
  return [...ordinary.runs, ...deep.runs];
}

async function explore(
  w: Work,
  stimulus: Stimulus,
  found: readonly Scenario[],
  before: string,
): Promise<ReturnType<typeof chooseRuns>> {
  if (found.length === 0) return { runs: [], moved: before };
  const names = w.deps.names();
  const plan = planFor(w, { ...stimulus, runs: found.flat() });
  let last = -1;
  const scenarioEnds = found.map((s) => {
    last += s.length;
    return last;
  });
  const module = `${w.task.top}${names.suffix}`;
  const bench = traceBench(plan, names, [module], { cover: coverable(w.iface), scenarioEnds, runs: "open" });
  const result = await w.deps.simulator.run(
    { source: bench + withSuffix(w.admitted, names.suffix), root: rootName(names), cpuSeconds: null },
    w.signal,
  );
  if (result.kind === "infra") throw new PrepareFault(result);
  // A golden too slow for long runs goes without them.
  const reports = result.kind === "ran" ? readCoverage(result.output, names.verdict).slice(1) : [];
  return chooseRuns(found, before, reports);
}

/** Signatures by the path a candidate takes: a golden that fails its own check is refused here. */
async function signed(w: Work, draft: Prepared): Promise<Preparation> {
  const refuse = (refused: string): Preparation => ({ version: PREPARED_VERSION, key: w.key, refused });
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
  if (result.kind !== "ran") return refuse(failure(result, names));
  const line = readVerdictLine(result.output, names.verdict, draft.checkpoints.length);
  if (line === null) return refuse("golden ends the simulation itself");
  if (/[xz]/.test(line.signature))
    return refuse("golden fails its own check: its outputs differ from run to run");
  return {
    ...draft,
    samples: line.samples,
    checkpoints: draft.checkpoints.map((c, k) => ({ at: c.at, signature: line.atCheckpoint[k]! })),
    signature: line.signature,
  };
}

const shapeOf = (s: Stimulus) => ({
  bits: s.bits,
  fields: s.fields,
  start: s.start,
  numSteps: s.steps.length,
  numRuns: s.runs.length,
  exhaustive: s.exhaustive,
});

/** Step indices after which about 32 and 128 vectors have been compared. */
function checkpointsOf(s: Stimulus): number[] {
  const perVector = Math.max(1, s.steps.length / 1000);
  return [32, 128]
    .map((v) => s.start + Math.round(v * perVector * 1))
    .filter((at) => at < s.steps.length / 2);
}

function variants(admitted: Admitted, top: string, names: Names): { module: string; text: string }[] {
  const base = { module: `${top}${names.suffix}`, text: withSuffix(admitted, names.suffix) };
  const kinds: PowerUp[] = ["zeros", "ones", "mixed"];
  const others = kinds.map((kind, k) => {
    const awake = withPowerUp(admitted, kind, `${names.scope}${k}`);
    const suffix = `${names.suffix}${k}`;
    return awake === null ? null : { module: `${top}${suffix}`, text: withSuffix(awake, suffix) };
  });
  return [base, ...others.filter((v) => v !== null)];
}

function packOpen(open: readonly bigint[], compared: ReadonlySet<number>): Prepared["ignore"] {
  let first: bigint | null = null;
  let constant = true;
  for (const step of compared) {
    first ??= open[step]!;
    if (open[step] !== first) constant = false;
  }
  if (constant)
    return first === null || first === 0n ? { kind: "none" } : { kind: "constant", text: first.toString(16) };
  return { kind: "file", text: open.map((o) => o.toString(16)).join("\n") };
}

function failure(result: Exclude<SimResult, { kind: "ran" }>, names: Names): string {
  if (result.kind === "infra") throw new PrepareFault(result);
  if (result.kind === "compile") return `golden does not compile: ${cleanLog(result.log, names)}`;
  if (result.kind === "timeout") return `golden is too slow: ${result.log}`;
  return `golden crashes the simulator: ${cleanLog(result.log, names)}`;
}

function countBits(v: bigint): number {
  let n = 0;
  for (const c of v.toString(2)) if (c === "1") n++;
  return n;
}
