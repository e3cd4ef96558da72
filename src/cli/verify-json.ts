/** A verdict of `train verify` as the one JSON object that scripts read. */

import type { Verified } from "../stages/verify/verify.js";
import { worthShowing } from "../verify/picture.js";
import type { Report } from "../verify/report.js";

/** Times in milliseconds; what the verdict does not have is null. */
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
