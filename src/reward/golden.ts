/**
 * From a golden's text to what candidates are checked with: gate, interface, stimuli, one traced simulation (beside
 * copies of the golden with other power-up values), open bits, and the signature from the very path a candidate takes.
 */

import { makeRng } from "../core/rng.js";
import type { VerilogTask } from "../core/types.js";
import { type Admitted, admit, tokenize, withSuffix } from "./gate.js";
import { readHeader } from "./header.js";
import { type InterfaceResult, outputBits } from "./interface.js";
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
import { makeStimulus, runWords, type Stimulus, type StimulusOptions, stepWords } from "./stimulus.js";
import { contentKey } from "./store.js";
import type { Names } from "./testbench.js";
import { rootName, signatureBench, traceBench } from "./testbench.js";
import { openBySlot, readTrace } from "./trace.js";
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

/** The machinery failed while preparing: not the golden's fault, and nothing to cache. */
export class PrepareFault extends Error {
  readonly code: string;
  readonly retryable: boolean;
  constructor(fault: Extract<SimResult, { kind: "infra" }>) {
    super(fault.log);
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
  const rng = makeRng(`stimulus/${key}/${deps.seed}`);
  const stimulus = makeStimulus(iface, minedConstants(admitted.tokens), rng, deps.stimulus);
  const steps = stepWords(stimulus);
  const runs = runWords(stimulus);
  const shape = shapeOf(stimulus);
  let files = deps.place(key, { steps, runs, mask: "" });
  const plan = { iface, stimulus: shape, stepsPath: files.steps, runsPath: files.runs };

  // Trace, beside copies of the golden that wake up differently.
  const names = deps.names();
  const texts = variants(admitted, task.top, names);
  const job = (parts: typeof texts) => ({
    source:
      traceBench(
        plan,
        names,
        parts.map((v) => v.module),
      ) + parts.map((v) => v.text).join("\n"),
    root: rootName(names),
    cpuSeconds: null,
  });
  let traced = await deps.simulator.run(job(texts), signal);
  if (traced.kind === "compile" && texts.length > 1)
    traced = await deps.simulator.run(job(texts.slice(0, 1)), signal);
  if (traced.kind !== "ran") return refuse(failure(traced, names));
  const seconds = traced.ms / 1000;
  const samples = readTrace(traced.output, names.verdict);
  if (samples === null || samples.length === 0) return refuse("golden ends the simulation itself");

  const width = outputBits(iface);
  if (samples.some((s) => s.bits.length !== width))
    return refuse("golden's outputs are not as wide as its header says");
  const open = openBySlot(samples, shape.numSteps + shape.numRuns);
  const all = (1n << BigInt(width)) - 1n;
  const compared = new Set(samples.map((s) => s.step));
  let everDefined = 0n;
  for (const step of compared) everDefined |= all & ~open[step]!;
  if (everDefined === 0n) return refuse("golden's outputs are never defined");
  const ignore = packOpen(open, compared);
  files = deps.place(key, { steps, runs, mask: ignore.kind === "file" ? ignore.text : "" });

  const draft: Prepared = {
    version: PREPARED_VERSION,
    key,
    top: task.top,
    iface,
    stimulus: shape,
    steps,
    runs,
    ignore,
    checkpoints: checkpointsOf(stimulus).map((at) => ({ at, signature: "" })),
    signature: "",
    samples: samples.length,
    cpuSeconds: Math.ceil(1 + 20 * seconds),
    definedBits: countBits(everDefined),
    outputBits: width,
    icarus: deps.icarus,
  };
  // The signature comes from the path a candidate takes: a golden that fails its own check is refused here.
  const own = deps.names();
  const ran = await deps.simulator.run(
    {
      source:
        signatureBench(
          planOf(draft, files),
          own,
          task.top,
          ignoreOf(draft, files),
          draft.checkpoints.map((c) => ({ at: c.at, signature: null })),
        ) + withSuffix(admitted, own.suffix),
      root: rootName(own),
      cpuSeconds: null,
    },
    signal,
  );
  if (ran.kind !== "ran") return refuse(failure(ran, own));
  const line = readVerdictLine(ran.output, own.verdict, draft.checkpoints.length);
  if (line === null || line.samples !== draft.samples) return refuse("golden ends the simulation itself");
  if (/x/.test(line.signature))
    return refuse("golden fails its own check: its outputs differ from run to run");
  return {
    ...draft,
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
