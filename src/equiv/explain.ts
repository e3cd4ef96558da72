/**
 * The first difference, in words: where, which output, expected and got, and what led there. Golden and candidate run
 * side by side for it, which no verdict ever rests on: that comes from signatures, the golden outside the process.
 */

import type { SimResult } from "../sim/simulator.js";
import { type Admitted, withSuffix } from "../verilog/gate.js";
import type { CheckDeps } from "./check.js";
import { ignoreOf, type Prepared, planOf, type StimulusFiles } from "./golden/prepared.js";
import { type Moment, momentsOf, type Script, whereOf } from "./moments.js";
import type { Run } from "./stimulus/stimulus.js";
import { type CompareOptions, compareBench, type Played, readComparison } from "./testbench/compare-bench.js";
import { cleanLog } from "./testbench/messages.js";
import { rootName } from "./testbench/testbench.js";

export interface Explanation {
  readonly equal: boolean;
  readonly text: string;
  readonly first: {
    /** Compared moments up to this one. */
    readonly sample: number;
    readonly where: string;
    readonly signal: string;
    /** Binary, as wide as the signal. */
    readonly expected: string;
    readonly got: string;
    readonly inputs: Readonly<Record<string, string>>;
  } | null;
  /** Moments around the difference (of a run without one: the first), oldest first. */
  readonly moments: readonly Moment[];
}

export type Explained =
  | { readonly kind: "explained"; readonly explanation: Explanation }
  /** It could not be simulated side by side; `why` is for people. */
  | { readonly kind: "unexplained"; readonly why: string }
  | Extract<SimResult, { kind: "infra" }>;

/** About two hundred cycles, and a few after the difference. */
export const DEFAULT_RECORDING: CompareOptions = { keep: 1024, after: 24, record: "latest" };

export async function explainCandidate(
  golden: Prepared,
  files: StimulusFiles,
  designs: { readonly golden: Admitted; readonly candidate: Admitted },
  deps: CheckDeps,
  signal: AbortSignal,
  record: CompareOptions["record"],
): Promise<Explained> {
  const options = { ...DEFAULT_RECORDING, record };
  const plan = planOf(golden, files);
  const script = scriptOf(golden);
  const played: Played = {
    bits: plan.stimulus.bits,
    fields: plan.stimulus.fields,
    outputs: plan.iface.outputs,
    clocks: plan.iface.clocks.map((c) => c.name),
    start: plan.stimulus.start,
    numSteps: plan.stimulus.numSteps,
    numRuns: plan.stimulus.numRuns,
    steps: { path: plan.stepsPath },
    runsPath: plan.runsPath,
  };
  return compareDesigns(played, script, golden.top, ignoreOf(golden, files), designs, deps, signal, options);
}

/** Both designs under what `played` says; also for stimuli of other origin, a counterexample for example. */
export async function compareDesigns(
  played: Played,
  script: Script,
  top: string,
  ignore: ReturnType<typeof ignoreOf>,
  designs: { readonly golden: Admitted; readonly candidate: Admitted },
  deps: CheckDeps,
  signal: AbortSignal,
  options: CompareOptions,
): Promise<Explained> {
  const names = deps.names();
  const suffix = { golden: `${names.suffix}g`, candidate: `${names.suffix}c` };
  const bench = compareBench(
    played,
    names,
    { golden: top + suffix.golden, candidate: top + suffix.candidate },
    ignore,
    options,
  );
  const source = `${bench}${withSuffix(designs.candidate, suffix.candidate)}\n\`default_nettype wire\n${withSuffix(designs.golden, suffix.golden)}`;
  const result = await deps.simulator.run({ source, root: rootName(names), cpuSeconds: null }, signal);
  if (result.kind === "infra") return result;
  if (result.kind !== "ran") {
    return { kind: "unexplained", why: `${result.kind}: ${cleanLog(result.log, names)}` };
  }
  const comparison = readComparison(result.output, names.verdict, played);
  if (comparison === null) return { kind: "unexplained", why: "the simulation ended before its last vector" };
  const moments = momentsOf(comparison, script);
  const at = moments.find((m) => m.index === comparison.differsAt);
  if (at === undefined) {
    const text = `equal in ${comparison.compared} samples, side by side with the golden`;
    return { kind: "explained", explanation: { equal: true, text, first: null, moments } };
  }
  const signalName = at.wrong[0] ?? script.iface.outputs[0]!.name;
  const where = whereOf(at, script.iface.clocks);
  const expected = at.expected[signalName]!;
  const got = at.got[signalName]!;
  const inputs = Object.entries(at.inputs)
    .map(([k, v]) => `${k}=${v}`)
    .join(" ");
  return {
    kind: "explained",
    explanation: {
      equal: false,
      text: `${where}: ${signalName} is ${got}, expected ${expected}; inputs ${inputs}`,
      first: { sample: comparison.compared, where, signal: signalName, expected, got, inputs: at.inputs },
      moments,
    },
  };
}

const words = (text: string): bigint[] => (text === "" ? [] : text.split("\n").map((w) => BigInt(`0x${w}`)));

/** What a prepared golden plays, as numbers. */
export function scriptOf(p: Prepared): Script {
  const low = (1n << BigInt(p.stimulus.bits)) - 1n;
  const open = p.ignore.kind === "file" ? words(p.ignore.text) : [];
  const constant = p.ignore.kind === "constant" ? BigInt(`0x${p.ignore.text}`) : 0n;
  return {
    iface: p.iface,
    fields: p.stimulus.fields,
    steps: words(p.steps).map((w) => w & low),
    runs: words(p.runs).map(
      (w): Run => ({
        value: w & low,
        cycles: Number((w >> BigInt(p.stimulus.bits)) & 0xffffffn),
        vary: w >> BigInt(p.stimulus.bits + 24) !== 0n,
      }),
    ),
    open: (place) => open[place] ?? constant,
  };
}
