/**
 * One candidate against one golden, for a person: the rewarder's verdict, and then whatever makes it useful. Only a pass
 * goes on to the proof, and only a difference that the simulator shows too turns it over.
 */

import type { Rewarder } from "../core/ports.js";
import type { Problem } from "../core/types.js";
import { seed } from "../core/units.js";
import type { Checker, Proof, Shown } from "../equiv/checker.js";
import type { Explained, Explanation } from "../equiv/explain.js";
import { type Admitted, gate } from "../verilog/gate.js";
import { benchOf } from "./bench-facts.js";
import type { ProofReport, Report } from "./report.js";
import { located, type Submission } from "./submission.js";

export interface VerifyDeps {
  readonly rewarder: Pick<Rewarder, "score">;
  /** The one that the rewarder judges by. */
  readonly checker: Pick<Checker, "prepare" | "explain" | "canProve" | "prove">;
  /** Wall-time cap of the proof of a pass; null: no proof is tried. */
  readonly proofSeconds: number | null;
}

export interface VerifyRequest {
  readonly problem: Problem;
  readonly submission: Submission;
  /** The candidate's file, for its source lines. */
  readonly file: string;
  /** Record the run of a pass as well. */
  readonly recordPass: boolean;
}

/** Refusals, failures of the machinery and verdicts are all reports; only a bug is thrown. */
export async function verify(request: VerifyRequest, deps: VerifyDeps, signal: AbortSignal): Promise<Report> {
  const { problem, submission, file } = request;
  const { rewarder, checker } = deps;
  const golden = await checker.prepare(problem, signal);
  if (golden.kind === "refused") {
    return { verdict: "refused", ...located(golden.reason, problem.task.golden, 0) };
  }
  if (golden.kind === "infra") {
    const { code, retryable, log } = golden;
    return { verdict: "infra", code, retryable, log };
  }
  const bench = benchOf(golden.preparation);
  const verdict = await rewarder.score({ problem, text: submission.text, seed: seed(0) }, signal);
  if (verdict.kind === "infra") {
    const { code, retryable, log } = verdict;
    return { verdict: "infra", code, retryable, log };
  }
  const { outcome } = verdict;
  if (outcome !== "pass" && outcome !== "mismatch") {
    return { verdict: outcome, bench, ...located(verdict.log, file, submission.lineOffset) };
  }
  const gated = gate(submission.code!);
  if (!gated.ok) throw new Error(`the rewarder simulated what the gate refuses: ${gated.reason}`);
  const candidate = gated.admitted;
  const show = (shown: Shown) => checker.explain(problem, candidate, shown, signal);
  if (outcome === "mismatch") {
    const equal =
      `simulated alone, the candidate's outputs differ from the golden's; side by side with it they were ` +
      `equal in ${bench.samples} samples. It may be a race, or depend on how registers wake up`;
    const run = runOf(await show({ kind: "check", record: "latest" }), equal);
    return {
      verdict: "mismatch",
      by: "simulation",
      bench,
      proof: { kind: "none" },
      log: verdict.log,
      ...run,
    };
  }

  const found = await proofOf(problem, candidate, deps, signal);
  const proof = reportOf(found);
  if (found?.kind === "different" && found.replayed) {
    const { counterexample } = found;
    const log = `the proof engine found inputs that tell the designs apart: ${counterexample.signal}`;
    const equal = "played step by step, the counterexample shows no difference";
    const run = runOf(await show({ kind: "counterexample", counterexample }), equal);
    return { verdict: "mismatch", by: "proof", bench, proof, log, ...run };
  }
  const recorded = request.recordPass ? await show({ kind: "check", record: "first" }) : null;
  return {
    verdict: "pass",
    bench,
    proof,
    shown: recorded?.kind === "explained" ? recorded.explanation : null,
  };
}

/** The run that shows a mismatch, or why there is none to show; `equal` says why where the run shows no difference. */
function runOf(
  found: Explained,
  equal: string,
): { readonly shown: Explanation | null; readonly unexplained: string | null } {
  if (found.kind === "infra") return { shown: null, unexplained: `${found.code}: ${found.log}` };
  if (found.kind === "unexplained") return { shown: null, unexplained: found.why };
  return found.explanation.equal
    ? { shown: null, unexplained: equal }
    : { shown: found.explanation, unexplained: null };
}

/** Null when no proof was asked for. */
async function proofOf(
  problem: Problem,
  candidate: Admitted,
  { checker, proofSeconds }: VerifyDeps,
  signal: AbortSignal,
): Promise<Proof | null> {
  if (proofSeconds === null) return null;
  return checker.canProve
    ? checker.prove(problem, candidate, proofSeconds, signal)
    : { kind: "undecided", reason: "there is no Yosys on the PATH", ms: 0 };
}

function reportOf(proof: Proof | null): ProofReport {
  if (proof === null) return { kind: "none" };
  switch (proof.kind) {
    case "equal":
      return { kind: "equal", ms: proof.ms };
    case "different":
      return { kind: "different", cycles: proof.counterexample.cycles.length, replayed: proof.replayed };
    case "undecided":
      return { kind: "undecided", reason: proof.reason };
    case "infra":
      return { kind: "undecided", reason: proof.log };
    default:
      return proof satisfies never;
  }
}
