/**
 * One candidate against one golden, for a person: the rewarder's verdict, and then whatever makes it useful. Only a pass
 * goes on to the proof, and only a difference that the simulator shows too turns it over.
 */

import type { Rewarder } from "../core/ports.js";
import type { Problem } from "../core/types.js";
import { seed } from "../core/units.js";
import type { CheckDeps } from "../equiv/check.js";
import { DEFAULT_RECORDING, type Explanation, explainCandidate } from "../equiv/explain.js";
import type { Prover } from "../equiv/formal/proof.js";
import { isRefused, type Prepared, type Refused, type StimulusFiles } from "../equiv/golden/prepared.js";
import { type Admitted, admit, tokenize } from "../verilog/gate.js";
import { benchOf } from "./bench-facts.js";
import { replay } from "./replay.js";
import type { ProofReport, Report } from "./report.js";
import { located, type Submission } from "./submission.js";

export interface VerifyDeps {
  readonly rewarder: Pick<Rewarder, "score">;
  /** The golden as the rewarder uses it; rejects when the machinery fails. */
  readonly golden: (problem: Problem) => Promise<{
    readonly preparation: Prepared | Refused;
    readonly files: StimulusFiles;
  }>;
  readonly check: CheckDeps;
  /** Null: no proof is tried. */
  readonly prover: { readonly prover: Prover | null; readonly seconds: number } | null;
}

export interface VerifyRequest {
  readonly problem: Problem;
  readonly admitted: Admitted;
  readonly submission: Submission;
  /** The candidate's file, for its source lines. */
  readonly file: string;
  /** Record the run of a pass as well. */
  readonly recordPass: boolean;
}

export async function verify(request: VerifyRequest, deps: VerifyDeps, signal: AbortSignal): Promise<Report> {
  const { problem, submission, file } = request;
  const { preparation, files } = await deps.golden(problem);
  if (isRefused(preparation)) {
    return { verdict: "refused", ...located(preparation.refused, problem.task.golden, 0) };
  }
  const bench = benchOf(preparation);
  const verdict = await deps.rewarder.score({ problem, text: submission.text, seed: seed(0) }, signal);
  if (verdict.kind === "infra") {
    const { code, retryable, log } = verdict;
    return { verdict: "infra", code, retryable, log };
  }
  const { outcome } = verdict;
  if (outcome !== "pass" && outcome !== "mismatch") {
    return { verdict: outcome, bench, ...located(verdict.log, file, submission.lineOffset) };
  }
  const candidate = admitted(submission.code!);
  const designs = { golden: request.admitted, candidate };
  const explain = (record: "latest" | "first") =>
    explainCandidate(preparation, files, designs, deps.check, signal, { ...DEFAULT_RECORDING, record });

  if (outcome === "mismatch") {
    const common = {
      verdict: "mismatch",
      by: "simulation",
      bench,
      proof: { kind: "none" },
      log: verdict.log,
    } as const;
    const found = await explain("latest");
    if (found.kind === "infra") return { ...common, shown: null, unexplained: `${found.code}: ${found.log}` };
    if (found.kind === "unexplained") return { ...common, shown: null, unexplained: found.why };
    const { explanation } = found;
    return explanation.equal
      ? {
          ...common,
          shown: null,
          unexplained:
            `simulated alone, the candidate's outputs differ from the golden's; side by side with it they were ` +
            `equal in ${bench.samples} samples. It may be a race, or depend on how registers wake up`,
        }
      : { ...common, shown: explanation, unexplained: null };
  }

  let proof: ProofReport = { kind: "none" };
  if (deps.prover?.prover === null) proof = { kind: "undecided", reason: "there is no Yosys on the PATH" };
  else if (deps.prover != null) {
    const found = await deps.prover.prover.prove(
      {
        golden: request.admitted,
        candidate,
        top: preparation.top,
        iface: preparation.iface,
        seconds: deps.prover.seconds,
      },
      signal,
    );
    if (found.kind === "different") {
      const { counterexample, replayed } = found;
      proof = { kind: "different", cycles: counterexample.cycles.length, replayed };
      if (replayed) {
        const shown = await replay(preparation, counterexample, designs, deps.check, signal);
        return {
          verdict: "mismatch",
          by: "proof",
          bench,
          proof,
          log: `the proof engine found inputs that tell the designs apart: ${counterexample.signal}`,
          ...shown,
        };
      }
    } else if (found.kind === "equal") proof = { kind: "equal", ms: found.ms };
    else proof = { kind: "undecided", reason: found.kind === "infra" ? found.log : found.reason };
  }
  let shown: Explanation | null = null;
  if (request.recordPass) {
    const found = await explain("first");
    if (found.kind === "explained") shown = found.explanation;
  }
  return { verdict: "pass", bench, proof, shown };
}

/** The design again as tokens; the rewarder has just let it through. */
function admitted(code: string): Admitted {
  const lexed = tokenize(code);
  const gated = lexed.ok ? admit(lexed.tokens) : null;
  if (gated === null || !gated.ok) throw new Error("a design passed the gate once and not twice");
  return gated.admitted;
}
