/** `train verify`: the verdict for a person, or one JSON object for a script. */

import { EXIT_CODES, TrainError } from "../core/errors.js";
import type { Verified } from "../stages/verify/verify.js";
import { worthShowing } from "../verify/picture.js";
import type { Report } from "../verify/report.js";
import { interruptible } from "./interrupt.js";
import type { Shell } from "./shell.js";
import { verifyText } from "./verify-text.js";

export interface VerifyWords {
  readonly golden: string;
  readonly candidate: { readonly path: string; readonly kind: "design" | "completion" };
  readonly top: string | undefined;
  readonly formal: boolean;
  readonly seconds: number;
  readonly vcd: string | undefined;
  readonly seed: number;
  readonly vectors: number;
  readonly json: boolean;
}

/** 0 = pass, 1 = the candidate does not pass; the others are those of every command. */
export async function verifyCommand(shell: Shell, words: VerifyWords): Promise<number> {
  const { verifyDesign } = await import("../stages/verify/verify.js");
  const { golden, candidate, top, seed, vectors, vcd } = words;
  const formal = words.formal ? { seconds: words.seconds } : null;
  const request = { cwd: shell.cwd, golden, candidate, top, seed, vectors, vcd, formal };
  let verified: Verified;
  try {
    verified = await interruptible((signal) => verifyDesign(request, shell, signal));
  } catch (error) {
    // For a script, a machine that cannot check is a verdict like any other.
    if (!words.json || !(error instanceof TrainError) || error.code !== "tool") throw error;
    const { message: log, hint } = error;
    shell.stdout.write(
      `${JSON.stringify({ verdict: "infra", golden, candidate: candidate.path, code: "tool", retryable: false, log, hint })}\n`,
    );
    return error.exitCode;
  }
  shell.stdout.write(
    words.json ? `${JSON.stringify(verifyJson(verified))}\n` : verifyText(verified, shell.stdout.colour),
  );
  return exitCodeOf(verified.report);
}

function exitCodeOf(report: Report): number {
  if (report.verdict === "pass") return 0;
  if (report.verdict === "refused") return EXIT_CODES.data;
  return report.verdict === "infra" ? EXIT_CODES.tool : 1;
}

export function verifyJson(v: Verified): Readonly<Record<string, unknown>> {
  const { report } = v;
  return {
    verdict: report.verdict,
    golden: v.golden.name,
    candidate: v.candidate.name,
    top: v.top,
    seed: v.seed,
    icarus: v.icarus,
    ...detailsOf(report),
    vcd: v.vcd,
    ms: Math.round(v.ms),
  };
}

function detailsOf(report: Report): Readonly<Record<string, unknown>> {
  switch (report.verdict) {
    case "pass":
      return { checked: checkedOf(report.bench), proof: report.proof };
    case "mismatch": {
      const at = report.shown?.moments.find((m) => m.wrong.length > 0);
      const { clocks } = report.bench.iface;
      return {
        checked: checkedOf(report.bench),
        proof: report.proof,
        by: report.by,
        log: report.log,
        first:
          report.shown?.first == null || at === undefined
            ? null
            : {
                ...report.shown.first,
                wrong: at.wrong,
                cycles: Object.fromEntries(clocks.map((c, k) => [c.name, at.cycles[k]])),
                long_run: at.longRun,
                last: worthShowing(report.shown.moments, at.index, report.bench.iface).map((m) => ({
                  cycles: Object.fromEntries(clocks.map((c, k) => [c.name, m.cycles[k]])),
                  compared: m.compared,
                  inputs: m.inputs,
                  expected: m.expected,
                  got: m.got,
                })),
              },
        unexplained: report.unexplained,
      };
    }
    case "infra":
      return { code: report.code, retryable: report.retryable, log: report.log };
    default:
      return { log: report.log, line: report.place?.line ?? null, source: report.place?.source ?? null };
  }
}

function checkedOf(b: Extract<Report, { verdict: "pass" }>["bench"]): Readonly<Record<string, unknown>> {
  return {
    samples: b.samples,
    vectors: b.vectors,
    exhaustive: b.exhaustive,
    long_runs: b.longRuns,
    defined_bits: b.definedBits,
    output_bits: b.outputBits,
    clocks: b.iface.clocks,
    resets: b.iface.resets,
    mutants: b.quality,
  };
}
