/** `train verify`: one candidate against one golden. */

import { PrepareFault } from "../../equiv/golden/simulate.js";
import { secretNames } from "../../equiv/testbench/names.js";
import { makeRewarder } from "../../reward/rewarder.js";
import { DEFAULT_AUDIT, DEFAULT_FORMAL } from "../../reward/tiers.js";
import type { Report } from "../../verify/report.js";
import { located, submitCompletion, submitDesign } from "../../verify/submission.js";
import { vcdText } from "../../verify/vcd.js";
import { verify } from "../../verify/verify.js";
import { type BenchSettings, type Machine, openBench, readGolden } from "./design-check.js";
import { readSource, type Source, writeResult } from "./sources.js";

export interface VerifyRequest extends BenchSettings {
  readonly cwd: string;
  readonly golden: string;
  readonly candidate: { readonly path: string; readonly kind: "design" | "completion" };
  readonly top: string | undefined;
  readonly formal: { readonly seconds: number } | null;
  readonly vcd: string | undefined;
}

export interface Verified {
  readonly report: Report;
  readonly golden: Source;
  readonly candidate: Source;
  readonly top: string | null;
  readonly seed: number;
  /** Version of Icarus Verilog; null when nothing was run. */
  readonly icarus: string | null;
  /** The file that was written, and why none was where one was asked for. */
  readonly vcd: string | null;
  readonly noVcd: string | null;
  readonly ms: number;
}

/** @throws TrainError usage, tool */
export async function verifyDesign(
  request: VerifyRequest,
  machine: Machine,
  signal: AbortSignal,
): Promise<Verified> {
  const began = performance.now();
  const golden = readSource(request.golden, "--golden", request.cwd);
  const option = request.candidate.kind === "design" ? "--candidate" : "--completion";
  const candidate = readSource(request.candidate.path, option, request.cwd);
  const done = (
    report: Report,
    top: string | null,
    icarus: string | null,
    vcd: string | null = null,
  ): Verified => ({
    report,
    golden,
    candidate,
    top,
    seed: request.seed,
    icarus,
    vcd,
    noVcd:
      request.vcd === undefined || vcd !== null
        ? null
        : "nothing to show: the designs were not run side by side",
    ms: performance.now() - began,
  });
  const read = readGolden(golden, request.top);
  if (!read.ok) return done({ verdict: "refused", ...located(read.reason, golden.text, 0) }, null, null);
  const { top } = read.problem.task;
  const submitted =
    request.candidate.kind === "design" ? submitDesign(candidate.text) : submitCompletion(candidate.text);
  if (submitted.kind === "rejected") {
    const at = located(`line ${submitted.line}: ${submitted.reason}`, candidate.text, 0);
    return done({ verdict: "gate", bench: null, ...at }, top, null);
  }
  const bench = openBench(machine, request);
  const prover = request.formal === null ? null : { prover: bench.prover, seconds: request.formal.seconds };
  const rewarder = makeRewarder({
    tools: bench.tools,
    cacheDir: bench.cacheDir,
    scratchDir: bench.scratchDir,
    concurrency: machine.cores,
    seed: request.seed,
    stimulus: bench.stimulus,
    simulator: bench.simulator,
    prover: bench.prover,
    // What was asked for is looked at, and nothing by chance.
    audit: { ...DEFAULT_AUDIT, share: 0 },
    formal: { ...DEFAULT_FORMAL, when: "never" },
  });
  try {
    const report = await verify(
      {
        problem: read.problem,
        admitted: read.admitted,
        submission: submitted.submission,
        file: candidate.text,
        recordPass: request.vcd !== undefined,
      },
      {
        rewarder,
        golden: bench.ensure,
        check: { simulator: bench.simulator, names: secretNames },
        prover,
      },
      signal,
    ).catch((fault: unknown): Report => {
      if (!(fault instanceof PrepareFault)) throw fault;
      return { verdict: "infra", code: fault.code, retryable: fault.retryable, log: fault.message };
    });
    const shown = "shown" in report ? report.shown : null;
    if (request.vcd === undefined || shown === null) return done(report, top, bench.tools.iverilog.version);
    const { iface } = (report as Extract<Report, { verdict: "pass" | "mismatch" }>).bench;
    const comment = [
      `golden ${golden.name}`,
      `candidate ${candidate.name}`,
      shown.first === null
        ? "no difference"
        : `first difference: ${shown.first.where}, ${shown.first.signal}`,
    ];
    const { inputs, outputs } = iface;
    writeResult(
      request.vcd,
      "--vcd",
      request.cwd,
      vcdText({ top, inputs, outputs, moments: shown.moments, comment }),
    );
    return done(report, top, bench.tools.iverilog.version, request.vcd);
  } finally {
    await rewarder.close();
    await bench.close();
  }
}
