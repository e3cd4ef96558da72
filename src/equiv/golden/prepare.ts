/**
 * From a golden's text to what candidates are checked with: gate, interface, stimuli, one traced simulation (beside
 * copies of the golden with other power-up values), open bits, the signature from the very path a candidate takes, a
 * second look with other stimuli, and the measure of the bench by mutants.
 */

import { makeRng, type Rng } from "../../core/rng.js";
import type { VerilogTask } from "../../core/types.js";
import { type Admitted, admit, tokenize } from "../../verilog/gate.js";
import { readHeader } from "../../verilog/header.js";
import { type InterfaceResult, outputBits, unusable } from "../../verilog/interface.js";
import { type Mined, minedConstants } from "../../verilog/numbers.js";
import { placeOf } from "../../verilog/ports.js";
import {
  makeStimulus,
  runWords,
  type Stimulus,
  type StimulusOptions,
  stepWords,
} from "../stimulus/stimulus.js";
import { signatureOf } from "../testbench/signature.js";
import { openBySlot, type Sample } from "../testbench/trace.js";
import { measure } from "./measure.js";
import { PREPARED_VERSION, type Preparation, type Prepared } from "./prepared.js";
import {
  findRuns,
  type GoldenDeps,
  shapeOf,
  signGolden,
  type Traced,
  traceGolden,
  type Work,
} from "./simulate.js";
import { contentKey } from "./store.js";

export { type GoldenDeps, PrepareFault } from "./simulate.js";

/** Goldens that run in less wall time than this give candidates two CPU seconds, slower ones the configured limit. */
const QUICK_MS = 500;
const QUICK_CPU_SECONDS = 2;

/** `measuring`: what else decides which vectors the bench has. */
export const goldenKey = (
  task: VerilogTask,
  seed: number,
  options: StimulusOptions,
  icarus: string,
  measuring: { readonly mutants?: number; readonly prover?: object | null } = {},
): string =>
  contentKey(
    PREPARED_VERSION,
    task.top,
    task.golden,
    seed,
    JSON.stringify(options),
    icarus,
    measuring.mutants ?? 0,
    measuring.prover == null ? "simulated" : "proved",
  );

/** Names the random stream that a golden's stimuli come from. */
export const stimulusLabel = (task: VerilogTask, seed: number): string =>
  `stimulus/${contentKey(task.top, task.golden)}/${seed}`;

/** The rules of the gate, and a top of that name. */
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
  // A port that is no bundle of bits is not among the netlist's.
  const header = found.iface.outputs.length === 0 ? readHeader(admitted.tokens, top) : found;
  if (!header.ok) return header;
  const reason = unusable(found.iface, placeOf(admitted.tokens, top));
  return reason === null ? found : { ok: false, reason };
}

export type Drafted =
  | {
      readonly ok: true;
      readonly draft: Prepared;
      readonly open: readonly bigint[];
      readonly samples: readonly Sample[];
    }
  | { readonly ok: false; readonly reason: string };

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
  // Of the design alone: what measures a bench leaves its first vectors as they are.
  const rng = makeRng(stimulusLabel(task, deps.seed));
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
  const first = draftOf(work, stimulus, traced);
  if (!first.ok) return refuse(first.reason);
  const unstable = await secondSeed(work, constants, rng.fork("second"));
  if (unstable !== null) return refuse(unstable);
  const measured = await measure(work, { stimulus, open: first.open }, traced, constants, rng, async (s) => {
    const made = await benchOf(work, s);
    return made.ok ? { stimulus: s, open: made.open, draft: made.draft } : null;
  });
  const draft = measured.better?.draft ?? first.draft;
  const signed = await signGolden(work, draft);
  if (!signed.ok) return refuse(signed.reason);
  const { line } = signed;
  return {
    ...draft,
    samples: line.samples,
    checkpoints: draft.checkpoints.map((c, k) => ({ at: c.at, signature: line.atCheckpoint[k]! })),
    signature: line.signature,
    quality: measured.quality,
  };
}

/** A golden under a stimulus: what it leaves open, and the draft of a preparation. */
export async function benchOf(w: Work, stimulus: Stimulus): Promise<Drafted> {
  const traced = await traceGolden(w, stimulus);
  return traced.ok ? draftOf(w, stimulus, traced) : traced;
}

/** Everything but the signature, from a trace. */
function draftOf(w: Work, stimulus: Stimulus, traced: Extract<Traced, { ok: true }>): Drafted {
  const { samples } = traced;
  const width = outputBits(w.iface);
  if (samples.some((s) => s.bits.length !== width)) {
    return { ok: false, reason: "golden's outputs are not as wide as its header says" };
  }
  const open = openBySlot(samples, stimulus.steps.length + stimulus.runs.length);
  const all = (1n << BigInt(width)) - 1n;
  const compared = new Set(samples.map((s) => s.step));
  let everDefined = 0n;
  for (const step of compared) everDefined |= all & ~open[step]!;
  if (everDefined === 0n)
    return {
      ok: false,
      reason: `golden's outputs are never defined (${placeOf(w.admitted.tokens, w.task.top)})`,
    };
  const draft: Prepared = {
    version: PREPARED_VERSION,
    key: w.key,
    top: w.task.top,
    iface: w.iface,
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
    icarus: w.deps.icarus,
    quality: null,
    provable: null,
  };
  return { ok: true, draft, open, samples };
}

/** Vectors of the second look. */
const SECOND_VECTORS = 150;

/**
 * The golden under stimuli of another seed: alone it has to do what it did beside its copies. Why not, or null; a
 * function of its inputs (by Yosys) has nothing that could differ.
 */
async function secondSeed(w: Work, constants: readonly Mined[], rng: Rng): Promise<string | null> {
  if (!w.iface.stateful && w.iface.source === "yosys") return null;
  const vectors = Math.min(SECOND_VECTORS, w.deps.stimulus.vectors);
  const stimulus = makeStimulus(w.iface, constants, rng, { ...w.deps.stimulus, vectors });
  const second = await benchOf(w, stimulus);
  if (!second.ok) return `on another seed, ${second.reason}`;
  const signed = await signGolden(w, second.draft);
  if (!signed.ok) return `on another seed, ${signed.reason}`;
  return signatureOf(second.samples, second.open) === signed.line.signature
    ? null
    : "golden fails its own check on another seed: its outputs differ from run to run";
}

/** Step indices after which about 32 and 128 vectors have been compared. */
function checkpointsOf(s: Stimulus): number[] {
  const perVector = Math.max(1, s.steps.length / 1000);
  return [32, 128]
    .map((v) => s.start + Math.round(v * perVector * 1))
    .filter((at) => at < s.steps.length / 2);
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

function countBits(v: bigint): number {
  let n = 0;
  for (const c of v.toString(2)) if (c === "1") n++;
  return n;
}
