/** One candidate's first check: its golden made ready, one simulation, partial credit where the shape asks for it. */

import { setMaxListeners } from "node:events";
import type { Outcome, Problem, Reached } from "../core/types.js";
import type { ProblemId } from "../core/units.js";
import { type CheckDeps, checkCandidate, traceDesign } from "../equiv/check.js";
import { type Explanation, explainCandidate } from "../equiv/explain.js";
import type { Goldens, Ready } from "../equiv/golden/in-use.js";
import { admitGolden } from "../equiv/golden/prepare.js";
import { isRefused, type Prepared } from "../equiv/golden/prepared.js";
import { type Infra, openBitsOf, readyGolden, refusal } from "../equiv/golden/ready.js";
import { makeGoldenTraces } from "../equiv/golden-traces.js";
import { type Admitted, admit, tokenize } from "../verilog/gate.js";
import { partialCredit } from "./partial.js";
import { makeLatencies } from "./queue/latency.js";
import { type Partial, type ShapeOptions, wantsPartial } from "./shape.js";

export interface Result {
  readonly kind: "result";
  readonly outcome: Outcome;
  readonly reached: Reached;
  readonly log: string;
  readonly partial: Partial | null;
}

export interface CandidatesDeps {
  readonly goldens: Goldens;
  readonly shape: ShapeOptions;
  readonly retries: number;
  /** @param spent is told the milliseconds of each simulation */
  readonly check: (spent?: (ms: number) => void) => CheckDeps;
}

/** A prepared golden that can serve, with the files of its stimuli. */
export interface Serving {
  readonly kind: "serving";
  readonly preparation: Prepared;
  readonly files: Ready["files"];
}

export function makeCandidates(deps: CandidatesDeps) {
  const latencies = makeLatencies<ProblemId>();
  const goldenTrace = makeGoldenTraces(deps.check());

  const serving = async (problem: Problem, signal: AbortSignal): Promise<Serving | Infra> => {
    const ready = await readyGolden(deps.goldens, problem, deps.retries, signal);
    if ("kind" in ready) return ready;
    const { preparation, files } = ready;
    return isRefused(preparation)
      ? refusal(problem, preparation.refused)
      : { kind: "serving", preparation, files };
  };

  const examine = async (
    problem: Problem,
    candidate: Admitted,
    signal: AbortSignal,
  ): Promise<Result | Infra> => {
    setMaxListeners(0, signal);
    const golden = await serving(problem, signal);
    if (golden.kind === "infra") return golden;
    const { preparation: p, files } = golden;
    let ms = 0;
    const check = deps.check((spent) => {
      ms += spent;
    });
    const judged = await checkCandidate(p, files, candidate, check, signal);
    if (judged.kind === "infra") return judged;
    let partial: Partial | null = null;
    if (wantsPartial(deps.shape) && judged.outcome === "mismatch") {
      const truth = await goldenTrace(problem.task, golden, signal);
      const traced = await traceDesign(p, files, candidate, check, signal);
      if (traced.kind === "infra") return traced;
      if (truth !== null && traced.kind === "traced")
        partial = partialCredit(p, truth, traced.samples, openBitsOf(p));
    }
    latencies.add(problem.id, ms);
    const { outcome, reached, log } = judged;
    return { kind: "result", outcome, reached, log, partial };
  };

  /** For a person; `code` without tags or fence. */
  const explain = async (problem: Problem, code: string, signal: AbortSignal): Promise<Explanation> => {
    const not = (text: string): Explanation => ({ equal: false, text, first: null, moments: [] });
    const lexed = tokenize(code);
    if (!lexed.ok) return not(`gate: line ${lexed.line}: ${lexed.reason}`);
    const gated = admit(lexed.tokens);
    if (!gated.ok) return not(`gate: ${gated.reason}`);
    const golden = await serving(problem, signal);
    if (golden.kind === "infra") return not(`infra (${golden.code}): ${golden.log}`);
    const text = admitGolden(problem.task);
    if (!text.ok) return not(`the golden cannot serve: ${text.reason}`);
    const { preparation: p, files } = golden;
    if (!gated.admitted.modules.includes(p.top)) return not(`no module ${p.top}`);
    const designs = { golden: text.admitted, candidate: gated.admitted };
    const explained = await explainCandidate(p, files, designs, deps.check(), signal);
    if (explained.kind === "explained") return explained.explanation;
    return not(explained.kind === "infra" ? `infra (${explained.code}): ${explained.log}` : explained.why);
  };

  return { serving, examine, explain, latencies };
}
