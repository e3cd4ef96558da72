/** One candidate against one prepared golden: compile, simulate alone, compare signatures, judge. */

import type { Outcome, Reached } from "../core/types.js";
import type { SimResult, Simulator } from "../sim/simulator.js";
import type { Admitted } from "../verilog/gate.js";
import { withSuffix } from "../verilog/gate.js";
import { portMisfit } from "../verilog/ports.js";
import { ignoreOf, type Prepared, planOf, type StimulusFiles } from "./golden/prepared.js";
import { cleanLog } from "./testbench/messages.js";
import { awakenings, TRIED_IN_TURN } from "./testbench/powerup.js";
import { type Names, rootName, signatureBench, traceBench } from "./testbench/testbench.js";
import { readTrace, type Sample } from "./testbench/trace.js";
import { readVerdictLine } from "./testbench/verdict-line.js";

export type Judged =
  | { readonly kind: "judged"; readonly outcome: Outcome; readonly reached: Reached; readonly log: string }
  | Extract<SimResult, { kind: "infra" }>;

export interface CheckDeps {
  readonly simulator: Simulator;
  readonly names: () => Names;
}

const judged = (outcome: Outcome, reached: Reached, log: string): Judged => ({
  kind: "judged",
  outcome,
  reached,
  log,
});

export async function checkCandidate(
  golden: Prepared,
  files: StimulusFiles,
  candidate: Admitted,
  deps: CheckDeps,
  signal: AbortSignal,
): Promise<Judged> {
  if (!candidate.modules.includes(golden.top)) {
    return judged(
      "compile",
      "elaborate",
      `no module ${golden.top}: the text defines ${candidate.modules.join(", ")}`,
    );
  }
  const misfit = portMisfit(candidate.tokens, golden.top, golden.iface);
  if (misfit !== null) return judged("compile", "elaborate", misfit);
  const first = await simulate(golden, files, candidate, deps, signal);
  if (first.kind !== "signed") return first;
  if (first.equal) return judged("pass", "match", "");
  if (!first.unknown)
    return judged("mismatch", "simulate", `outputs differ from the golden's (${first.where})`);
  // Unknown where the golden is defined: wrong, unless the level is the same whatever the registers wake up with.
  for (const how of TRIED_IN_TURN) {
    let agrees = false;
    for (const awake of awakenings(candidate, how, deps.names().scope)) {
      const again = await simulate(golden, files, awake, deps, signal);
      if (again.kind === "infra") return again;
      agrees = again.kind === "signed" && again.equal;
      if (agrees) break;
    }
    if (!agrees) return unknownOutputs(first.where);
  }
  return judged("pass", "match", "");
}

const unknownOutputs = (where: string): Judged =>
  judged(
    "mismatch",
    "simulate",
    `outputs are unknown (X) or unconnected (Z) where the golden's are defined (${where})`,
  );

type Signed = {
  readonly kind: "signed";
  readonly equal: boolean;
  readonly unknown: boolean;
  readonly where: string;
};

async function simulate(
  golden: Prepared,
  files: StimulusFiles,
  candidate: Admitted,
  deps: CheckDeps,
  signal: AbortSignal,
): Promise<Signed | Judged> {
  const names = deps.names();
  const bench = signatureBench(
    planOf(golden, files),
    names,
    golden.top,
    ignoreOf(golden, files),
    golden.checkpoints,
  );
  const result = await deps.simulator.run(
    {
      source: bench + withSuffix(candidate, names.suffix),
      root: rootName(names),
      cpuSeconds: golden.cpuSeconds,
    },
    signal,
  );
  if (result.kind !== "ran") return failed(result, names);
  const line = readVerdictLine(result.output, names.verdict, golden.checkpoints.length);
  if (line === null) return judged("crash", "simulate", "the simulation ended before its last vector");
  const equal = line.samples === golden.samples && line.signature === golden.signature;
  const at = golden.checkpoints.findIndex((c, k) => line.atCheckpoint[k] !== c.signature);
  return {
    kind: "signed",
    equal,
    unknown: /[xz]/.test(line.signature),
    where: at < 0 ? `in ${golden.samples} samples` : `within the first ${line.samples} samples`,
  };
}

function failed(result: Exclude<SimResult, { kind: "ran" }>, names: Names): Judged {
  if (result.kind === "infra") return result;
  if (result.kind === "compile") return judged("compile", "elaborate", cleanLog(result.log, names));
  const reached: Reached = result.stage === "compile" ? "elaborate" : "simulate";
  return judged(result.kind === "timeout" ? "timeout" : "crash", reached, cleanLog(result.log, names));
}

/** Every output at every compared moment; for people and for partial credit, never for the verdict. */
export async function traceDesign(
  golden: Prepared,
  files: StimulusFiles,
  design: Admitted,
  deps: CheckDeps,
  signal: AbortSignal,
): Promise<{ readonly kind: "traced"; readonly samples: readonly Sample[] } | Judged> {
  const names = deps.names();
  const result = await deps.simulator.run(
    {
      source:
        traceBench(planOf(golden, files), names, [`${golden.top}${names.suffix}`], { runs: "skip" }) +
        withSuffix(design, names.suffix),
      root: rootName(names),
      cpuSeconds: golden.cpuSeconds,
    },
    signal,
  );
  if (result.kind !== "ran") return failed(result, names);
  const samples = readTrace(result.output, names.verdict);
  return samples === null
    ? judged("crash", "simulate", "the simulation ended before its last vector")
    : { kind: "traced", samples };
}
