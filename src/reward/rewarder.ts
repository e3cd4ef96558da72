/**
 * The reward: text of a completion in, verdict out. Order: quarantine, format, lexing, cache by (golden, normal form),
 * lexical gate, golden (prepared on first use), compile, simulate, compare; then, for a pass, what the second look finds.
 * Failures of the machinery are retried and then returned as `infra`; they are never a score.
 */

import { setMaxListeners } from "node:events";
import { rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import type { Rewarder, ScoreRequest } from "../core/ports.js";
import type { Problem, SecondLook, Verdict } from "../core/types.js";
import type { ProblemId } from "../core/units.js";
import type { CheckDeps } from "../equiv/check.js";
import type { Explanation } from "../equiv/explain.js";
import { type GoldensDeps, makeGoldens, stimuliDir } from "../equiv/golden/in-use.js";
import { makeMemo, untilAborted } from "../equiv/golden/memo.js";
import { readInterfaces } from "../equiv/golden/netlists.js";
import { isRefused } from "../equiv/golden/prepared.js";
import { type Infra, readyGolden } from "../equiv/golden/ready.js";
import { contentKey, makeStore } from "../equiv/golden/store.js";
import { secretNames } from "../equiv/testbench/names.js";
import { ownScratch, sweepScratch } from "../sim/scratch.js";
import { extractAnswer } from "../text/format.js";
import { type Admitted, admit, normalForm, tokenize } from "../verilog/gate.js";
import { makeCandidates, type Result } from "./candidates.js";
import { makeEngines } from "./engines.js";
import type { Environment } from "./environment.js";
import { type InLine, inLine, optional, proverInLine } from "./queue/in-line.js";
import { makePool } from "./queue/pool.js";
import { makeSecondLook } from "./second-look.js";
import { DEFAULTS, type RewarderOptions } from "./settings.js";
import { shapeReward } from "./shape.js";

export type { RewarderOptions, RewarderSettings } from "./settings.js";

export interface SimulatorRewarder extends Rewarder {
  /** For a person: the first moment at which the code (no tags, no fence) differs from the golden. */
  explain(problem: Problem, code: string, signal: AbortSignal): Promise<Explanation>;
  /** What it works with here. @throws TrainError tool when what the settings demand cannot be had */
  environment(): Promise<Environment>;
}

const MAX_TEXT = 4 * 1024 ** 2;
const MAX_CACHED = 100_000;

export function makeRewarder(options: RewarderOptions): SimulatorRewarder {
  const { tools, scratchDir, cacheDir } = options;
  const { shape, seed, stimulus, mutants, audit, formal, retries } = { ...DEFAULTS, ...options };
  const now = (): number => performance.now();
  const pool = makePool(options.concurrency ?? availableParallelism(), now);
  sweepScratch(scratchDir);
  const own = ownScratch(scratchDir);
  const engines = makeEngines(options, own, [stimuliDir(own)]);
  const { simulator } = engines;
  const line: InLine = { pool, simulator, retries, now };
  const prover = engines.prover === null ? null : optional(proverInLine(line, engines.prover));

  const check = (later: boolean, spent?: (ms: number) => void): CheckDeps => ({
    simulator: inLine(line, later, spent),
    names: secretNames,
  });
  const makeBenches = (
    later: boolean,
    words: Pick<GoldensDeps, "stimulus" | "seed" | "mutants" | "prover">,
  ) =>
    makeGoldens({
      ...check(later),
      ...words,
      proofSeconds: formal.seconds,
      icarus: tools.iverilog.version,
      store: makeStore(cacheDir),
      scratchDir: own,
      readInterfaces: (jobs, signal) =>
        pool.run(
          () => readInterfaces(jobs, { yosys: tools.yosys?.path ?? null, scratchDir: own }, signal),
          later,
        ),
      batch: 32,
    });
  const goldens = makeBenches(false, { seed, stimulus, mutants, prover });
  const auditGoldens = makeBenches(true, {
    seed: auditSeed(seed),
    // Nothing is enumerated: a design that counts its inputs would see the very same ones again.
    stimulus: { vectors: audit.vectors, exhaustiveBits: 0 },
    mutants: 0,
    prover: null,
  });
  const candidates = makeCandidates({ goldens, shape, retries, check: (spent) => check(false, spent) });
  const second = makeSecondLook({
    audit,
    formal,
    prover,
    auditBench: (problem, signal) => readyGolden(auditGoldens, problem, retries, signal),
    provable: ({ task }, golden, signal) => goldens.provable(task, golden, signal),
    check: check(true),
  });
  const results = makeMemo<Result | Infra>(MAX_CACHED, (r) => r.kind === "result");
  const quarantined = new Map<ProblemId, string>();

  const inQuarantine = (problem: Problem): Infra | null => {
    const reason = goldens.quarantined(problem.task);
    if (reason === null) return null;
    quarantined.set(problem.id, reason);
    return { kind: "infra", code: "quarantined", retryable: false, log: reason };
  };

  /** A pass is believed when every tier that was chosen for it agrees. */
  const believe = async (
    request: ScoreRequest,
    key: string,
    candidate: Admitted,
    signal: AbortSignal,
  ): Promise<{ readonly kind: "believed"; readonly second?: SecondLook; readonly log: string } | Infra> => {
    const { problem } = request;
    const looks = second.looksFor(goldens.keyOf(problem.task), key, request.seed, request.tier ?? "sim");
    if (!looks.audit && looks.formal === null) return { kind: "believed", log: "" };
    const golden = await candidates.serving(problem, signal);
    if (golden.kind === "infra") return golden;
    const p = golden.preparation;
    const found = await second.look({ problem, golden: p, key, candidate }, looks, signal);
    if (found.kind === "infra") return found;
    if (found.kind === "stands") return { kind: "believed", second: found.second, log: found.log };
    const alarm = goldens.quarantine(p, found.second.alarm!);
    quarantined.set(problem.id, alarm);
    return { kind: "believed", second: { ...found.second, alarm }, log: found.log };
  };

  const score = async (request: ScoreRequest, signal: AbortSignal): Promise<Verdict> => {
    signal.throwIfAborted();
    // One signal serves a whole step's rollouts.
    setMaxListeners(0, signal);
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

    const { problem, text } = request;
    const shut = inQuarantine(problem);
    if (shut !== null) return shut;
    if (text.length > MAX_TEXT) return end("format", `completion is longer than ${MAX_TEXT} characters`);
    const answer = extractAnswer(text);
    if (!answer.ok) return end("format", answer.reason);
    const lexed = tokenize(answer.code);
    if (!lexed.ok) return end("gate", `line ${lexed.line}: ${lexed.reason}`);
    const key = contentKey(goldens.keyOf(problem.task), normalForm(lexed.tokens));
    const known = results.get(key);
    if (known?.kind === "result" && known.outcome !== "pass") return scored(known, true);
    const gated = admit(lexed.tokens);
    if (!gated.ok) return end("gate", gated.reason);
    const cached = known !== undefined || results.busy(key);
    const result = await results.run(key, signal, (s) => candidates.examine(problem, gated.admitted, s));
    if (result.kind === "infra" || result.outcome !== "pass")
      return inQuarantine(problem) ?? (result.kind === "infra" ? result : scored(result, cached));
    const belief = await believe(request, key, gated.admitted, signal);
    if (belief.kind === "believed" && belief.second?.alarm != null) {
      const wrong = { outcome: "mismatch", reached: "match", log: belief.log, partial: null } as const;
      return scored(wrong, cached, belief.second);
    }
    // Meanwhile another candidate may have shown that the problem cannot be judged.
    const shutNow = inQuarantine(problem);
    if (shutNow !== null) return shutNow;
    return belief.kind === "infra" ? belief : scored({ ...result, log: belief.log }, cached, belief.second);
  };

  const prepare: Rewarder["prepare"] = async (problems, progress, signal) => {
    setMaxListeners(0, signal);
    const refused = new Map<ProblemId, string>();
    let done = 0;
    progress(0, problems.length);
    await Promise.all(
      problems.map(async (problem) => {
        signal.throwIfAborted();
        const ready = await untilAborted(readyGolden(goldens, problem, retries, signal), signal);
        const shut = inQuarantine(problem);
        if ("kind" in ready) refused.set(problem.id, `not prepared (${ready.code}): ${ready.log}`);
        else if (isRefused(ready.preparation)) refused.set(problem.id, ready.preparation.refused);
        else if (shut !== null) refused.set(problem.id, `in quarantine: ${shut.log}`);
        progress(++done, problems.length);
      }),
    );
    return refused;
  };

  const stats: Rewarder["stats"] = async () => {
    const { made, unmade, equal, undecided, unconfirmed, refuted } = second.counts();
    return {
      latency: candidates.latencies.all(),
      byProblem: candidates.latencies.byKey(),
      audits: { made, unmade },
      formal: { equal, undecided, unconfirmed, refuted },
      quarantined: new Map(quarantined),
    };
  };

  const close = async (): Promise<void> => {
    goldens.close();
    auditGoldens.close();
    await engines.close();
    rmSync(own, { recursive: true, force: true });
  };

  return {
    prepare,
    score,
    explain: candidates.explain,
    environment: async () => engines.environment(),
    waiting: pool.waiting,
    stats,
    close,
  };
}

/** Far from the seeds that people type. */
const auditSeed = (seed: number): number => (seed ^ 0x5eed_a0d1) >>> 0;
