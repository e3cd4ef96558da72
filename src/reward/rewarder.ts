/**
 * The reward: text of a completion in, verdict out. Order: quarantine, format, lexing, cache by (golden, normal form),
 * lexical gate, check against the golden (prepared on first use); then, for a pass, what the second look finds.
 * Failures of the machinery are retried by the checker and then returned as `infra`; they are never a score.
 */

import { setMaxListeners } from "node:events";
import type { Rewarder, ScoreRequest } from "../core/ports.js";
import type { Outcome, Problem, Reached, SecondLook, Verdict } from "../core/types.js";
import type { ProblemId } from "../core/units.js";
import { type Agreement, type Checker, type Infra, makeChecker } from "../equiv/checker.js";
import type { Environment } from "../equiv/environment.js";
import type { Explanation } from "../equiv/explain.js";
import { makeMemo } from "../sim/memo.js";
import { extractAnswer } from "../text/format.js";
import { type Admitted, admit, gate, tokenize } from "../verilog/gate.js";
import { makeSecondLook } from "./second-look.js";
import { DEFAULTS, type JudgingOptions, type RewarderOptions } from "./settings.js";
import { shapeReward, wantsPartial } from "./shape.js";

export type { RewarderOptions, RewarderSettings } from "./settings.js";

export interface SimulatorRewarder extends Rewarder {
  /** For a person: the first moment at which the code (no tags, no fence) differs from the golden. */
  explain(problem: Problem, code: string, signal: AbortSignal): Promise<Explanation>;
  /** What it works with here. @throws TrainError tool when what the settings demand cannot be had */
  environment(): Promise<Environment>;
}

/** What the first check of a candidate found. */
interface Result {
  readonly kind: "result";
  readonly outcome: Outcome;
  readonly reached: Reached;
  readonly log: string;
  readonly partial: Agreement | null;
}

const MAX_TEXT = 4 * 1024 ** 2;
const MAX_CACHED = 100_000;

/** A rewarder with a checker of its own. */
export function makeRewarder(options: RewarderOptions): SimulatorRewarder {
  const { audit, formal } = { ...DEFAULTS, ...options };
  const checker = makeChecker({ ...options, auditVectors: audit.vectors, proofSeconds: formal.seconds });
  return rewarderOn(checker, options);
}

/** A rewarder that judges by this checker, and closes it. */
export function rewarderOn(checker: Checker, options: JudgingOptions): SimulatorRewarder {
  const { shape, audit, formal } = { ...DEFAULTS, ...options };
  const now = (): number => performance.now();
  const second = makeSecondLook({ audit, formal, checker });
  const results = makeMemo<Result | Infra>(MAX_CACHED, (r) => r.kind === "result");
  const quarantined = new Map<ProblemId, string>();

  const inQuarantine = (problem: Problem): Infra | null => {
    const reason = checker.quarantined(problem);
    if (reason === null) return null;
    quarantined.set(problem.id, reason);
    return { kind: "infra", code: "quarantined", retryable: false, log: reason };
  };

  /** The verdict of `judge`, unless the problem is in quarantine, or another candidate brings it there meanwhile. */
  const unlessQuarantined = async (problem: Problem, judge: () => Promise<Verdict>): Promise<Verdict> => {
    const shut = inQuarantine(problem);
    if (shut !== null) return shut;
    const verdict = await judge();
    const raisedIt = verdict.kind === "scored" && verdict.second != null && verdict.second.alarm !== null;
    return raisedIt ? verdict : (inQuarantine(problem) ?? verdict);
  };

  const examine = async (
    problem: Problem,
    candidate: Admitted,
    signal: AbortSignal,
  ): Promise<Result | Infra> => {
    const checked = await checker.check(problem, candidate, { agreement: wantsPartial(shape) }, signal);
    if (checked.kind === "infra") return checked;
    const { outcome, reached, log, agreement } = checked;
    return { kind: "result", outcome, reached, log, partial: agreement };
  };

  /** A pass is believed when every tier that was chosen for it agrees; an alarm puts the problem in quarantine. */
  const believe = async (
    request: ScoreRequest,
    key: string,
    candidate: Admitted,
    signal: AbortSignal,
  ): Promise<{ readonly kind: "believed"; readonly second?: SecondLook; readonly log: string } | Infra> => {
    const { problem } = request;
    const looks = second.looksFor(checker.goldenKey(problem), key, request.seed, request.tier ?? "sim");
    if (!looks.audit && looks.formal === null) return { kind: "believed", log: "" };
    const found = await second.look({ problem, key, candidate }, looks, signal);
    if (found.kind === "infra") return found;
    if (found.kind === "stands") return { kind: "believed", second: found.second, log: found.log };
    const alarm = checker.quarantine(problem, found.second.alarm!);
    quarantined.set(problem.id, alarm);
    return { kind: "believed", second: { ...found.second, alarm }, log: found.log };
  };

  const judge = async ({ problem, text, ...rest }: ScoreRequest, signal: AbortSignal): Promise<Verdict> => {
    const began = now();
    const scored = (r: Omit<Result, "kind">, cached: boolean, second?: SecondLook): Verdict => ({
      kind: "scored",
      ...shapeReward(shape, r.outcome, r.partial),
      passed: r.outcome === "pass",
      outcome: r.outcome,
      reached: r.reached,
      proof: r.outcome !== "pass" ? "none" : second?.formal === "equal" ? "formal" : "simulated",
      ...(second === undefined ? {} : { second }),
      wallMs: now() - began,
      cached,
      log: r.log,
    });
    const end = (outcome: "format" | "gate", log: string): Verdict =>
      scored({ outcome, reached: outcome === "format" ? "extract" : "lint", log, partial: null }, false);

    if (text.length > MAX_TEXT) return end("format", `completion is longer than ${MAX_TEXT} characters`);
    const answer = extractAnswer(text);
    if (!answer.ok) return end("format", answer.reason);
    const lexed = tokenize(answer.code);
    if (!lexed.ok) return end("gate", `line ${lexed.line}: ${lexed.reason}`);
    const key = checker.candidateKey(problem, lexed.tokens);
    const known = results.get(key);
    if (known?.kind === "result" && known.outcome !== "pass") return scored(known, true);
    const gated = admit(lexed.tokens);
    if (!gated.ok) return end("gate", gated.reason);
    const cached = known !== undefined || results.busy(key);
    const result = await results.run(key, signal, (s) => examine(problem, gated.admitted, s));
    if (result.kind === "infra") return result;
    if (result.outcome !== "pass") return scored(result, cached);
    const belief = await believe({ problem, text, ...rest }, key, gated.admitted, signal);
    if (belief.kind === "infra") return belief;
    return belief.second?.alarm == null
      ? scored({ ...result, log: belief.log }, cached, belief.second)
      : scored(
          { outcome: "mismatch", reached: "match", log: belief.log, partial: null },
          cached,
          belief.second,
        );
  };

  const score = async (request: ScoreRequest, signal: AbortSignal): Promise<Verdict> => {
    signal.throwIfAborted();
    // One signal serves a whole step's rollouts.
    setMaxListeners(0, signal);
    return unlessQuarantined(request.problem, () => judge(request, signal));
  };

  const prepare: Rewarder["prepare"] = async (problems, progress, signal) => {
    setMaxListeners(0, signal);
    const refused = new Map<ProblemId, string>();
    let done = 0;
    progress(0, problems.length);
    await Promise.all(
      problems.map(async (problem) => {
        signal.throwIfAborted();
        const golden = await checker.prepare(problem, signal);
        const shut = inQuarantine(problem);
        if (golden.kind === "infra")
          refused.set(problem.id, `not prepared (${golden.code}): preparing ${problem.id}: ${golden.log}`);
        else if (golden.kind === "refused") refused.set(problem.id, golden.reason);
        else if (shut !== null) refused.set(problem.id, `in quarantine: ${shut.log}`);
        progress(++done, problems.length);
      }),
    );
    return refused;
  };

  const explain = async (problem: Problem, code: string, signal: AbortSignal): Promise<Explanation> => {
    const not = (text: string): Explanation => ({ equal: false, text, first: null, moments: [] });
    const gated = gate(code);
    if (!gated.ok) return not(`gate: ${gated.reason}`);
    const shown = { kind: "check", record: "latest" } as const;
    const found = await checker.explain(problem, gated.admitted, shown, signal);
    if (found.kind === "explained") return found.explanation;
    return not(found.kind === "infra" ? `infra (${found.code}): ${found.log}` : found.why);
  };

  const stats: Rewarder["stats"] = async () => {
    const { made, unmade, equal, undecided, unconfirmed, refuted } = second.counts();
    return {
      ...checker.stats(),
      audits: { made, unmade },
      formal: { equal, undecided, unconfirmed, refuted },
      quarantined: new Map(quarantined),
    };
  };

  return {
    prepare,
    score,
    explain,
    environment: async () => checker.environment(),
    waiting: checker.waiting,
    stats,
    close: () => checker.close(),
  };
}
