/** `train testbench`: a golden's stimuli and outputs as a testbench for any simulator, or as the JSON the rewarder keeps. */

import { basename } from "node:path";
import { TrainError } from "../../core/errors.js";
import type { CheckerOptions } from "../../equiv/checker.js";
import { benchOf } from "../../verify/bench-facts.js";
import type { Bench } from "../../verify/report.js";
import { type BenchSettings, type Machine, openChecker, readGolden } from "./design-check.js";
import { readSource, writeResult } from "./sources.js";

export interface TestbenchRequest extends BenchSettings {
  readonly cwd: string;
  readonly golden: string;
  readonly top: string | undefined;
  /** `.json`: the prepared golden; `-`: the text is returned and not written. */
  readonly out: string;
}

export interface Written {
  readonly kind: "testbench" | "prepared";
  readonly golden: string;
  readonly text: string;
  /** Comparisons of the testbench; moments of the prepared golden. */
  readonly samples: number;
  readonly bench: Bench;
  readonly icarus: string;
}

/** A golden of one's own may take its time. */
const LIMITS: NonNullable<CheckerOptions["limits"]> = {
  memoryBytes: 4 * 1024 ** 3,
  compileCpuSeconds: 120,
  runCpuSeconds: 120,
  wallMs: 300_000,
  fileBytes: 256 * 1024 ** 2,
};

/** @throws TrainError usage, data (the golden cannot serve), tool */
export async function writeTestbench(
  request: TestbenchRequest,
  machine: Machine,
  signal: AbortSignal,
): Promise<Written> {
  const golden = readSource(request.golden, "--golden", request.cwd);
  const read = readGolden(golden, request.top);
  const refused = (reason: string): TrainError =>
    new TrainError("data", `${golden.name} cannot serve as a golden`, {
      details: reason.replace(/\bline (\d+): /g, `${golden.name}:$1: `).split("\n"),
      hint: "docs/verify.md says what a golden may hold",
    });
  if (read.kind === "refused") throw refused(read.reason);
  const { problem } = read;
  const { tools, checker } = openChecker(machine, request, { limits: LIMITS });
  try {
    const state = await checker.prepare(problem, signal);
    if (state.kind === "refused") throw refused(state.reason);
    if (state.kind === "infra")
      throw new TrainError("tool", `the golden could not be prepared (${state.code}): ${state.log}`);
    const { preparation } = state;
    const facts = benchOf(preparation);
    const common = { golden: golden.name, bench: facts, icarus: tools.iverilog.version };
    if (request.out.endsWith(".json")) {
      const text = `${JSON.stringify({ task: problem.task, preparation })}\n`;
      writeResult(request.out, "--out", request.cwd, text);
      return { ...common, kind: "prepared", text, samples: preparation.samples };
    }
    const tb = request.out === "-" ? "tb.v" : basename(request.out);
    const made = await checker.testbench(
      problem,
      headOf(facts, basename(golden.name), tb, request.seed),
      signal,
    );
    if (request.out !== "-") writeResult(request.out, "--out", request.cwd, made.text);
    return { ...common, kind: "testbench", ...made };
  } finally {
    await checker.close();
  }
}

function headOf(b: Bench, golden: string, tb: string, seed: number): string[] {
  const edge = { pos: "rising edge", neg: "falling edge", both: "both edges" } as const;
  const clocks = b.iface.clocks.map((c) => `clock ${c.name} (${edge[c.edge]})`);
  const resets = b.iface.resets.map((r) => `reset ${r.name} (active ${r.active === 1 ? "high" : "low"})`);
  const stimuli = b.exhaustive
    ? `all ${b.vectors} input values`
    : `${b.vectors} ${clocks.length > 0 ? "cycles" : "vectors"}`;
  return [
    `Self-checking testbench for module ${b.top}, recorded from ${golden} with seed ${seed}.`,
    [
      stimuli,
      ...(b.longRuns.length > 0 ? [`${b.longRuns.length} long runs`] : []),
      ...clocks,
      ...resets,
    ].join(", "),
    "",
    `  iverilog -g2012 -o t ${tb} ${golden} && vvp t          (vvp t +vcd writes ${b.top}_tb.vcd)`,
    "",
    "The last line is PASS or FAIL; the exit status is 1 after FAIL. Without either line the design itself ended the run.",
  ];
}
