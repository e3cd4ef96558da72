/** `train verify`: one candidate against one golden. */

import { rewarderOn } from "../../reward/rewarder.js";
import type { Report } from "../../verify/report.js";
import { located, submitCompletion, submitDesign } from "../../verify/submission.js";
import { vcdText } from "../../verify/vcd.js";
import { verify } from "../../verify/verify.js";
import { type BenchSettings, type Machine, openChecker, readGolden } from "./design-check.js";
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
  if (read.kind === "refused")
    return done({ verdict: "refused", ...located(read.reason, golden.text, 0) }, null, null);
  const { top } = read.problem.task;
  const submitted =
    request.candidate.kind === "design" ? submitDesign(candidate.text) : submitCompletion(candidate.text);
  if (submitted.kind === "rejected") {
    const at = located(`line ${submitted.line}: ${submitted.reason}`, candidate.text, 0);
    return done({ verdict: "gate", bench: null, ...at }, top, null);
  }
  const { tools, checker } = openChecker(machine, request);
  // What was asked for is looked at, and nothing by chance.
  const rewarder = rewarderOn(checker, {
    audit: { share: 0, vectors: 0 },
    formal: { when: "never", seconds: 0 },
  });
  try {
    const report = await verify(
      {
        problem: read.problem,
        submission: submitted.submission,
        file: candidate.text,
        recordPass: request.vcd !== undefined,
      },
      { rewarder, checker, proofSeconds: request.formal?.seconds ?? null },
      signal,
    );
    const shown = "shown" in report ? report.shown : null;
    if (request.vcd === undefined || shown === null) return done(report, top, tools.iverilog.version);
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
    return done(report, top, tools.iverilog.version, request.vcd);
  } finally {
    await rewarder.close();
  }
}
