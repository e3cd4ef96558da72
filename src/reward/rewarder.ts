/**
 * The reward: text of a completion in, verdict out. Order: format, lexing, cache by (golden, normal form), lexical
 * gate, golden (prepared on first use), compile, simulate, compare. Failures of the machinery are retried and then
 * returned as `infra`; they are never a score.
 */

import { setMaxListeners } from "node:events";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { Rewarder, ScoreRequest } from "../core/ports.js";
import type { Outcome, Problem, Reached, Verdict } from "../core/types.js";
import type { ProblemId } from "../core/units.js";
import { extractAnswer } from "../text/format.js";
import { type CheckDeps, checkCandidate, traceDesign } from "./check.js";
import { type Explanation, explainCandidate } from "./explain.js";
import { type Admitted, admit, normalForm, tokenize } from "./gate.js";
import { admitGolden, PrepareFault } from "./golden.js";
import { makeGoldens, type Ready } from "./goldens.js";
import { secretNames } from "./names.js";
import { readInterfaces } from "./netlists.js";
import { makePool } from "./pool.js";
import { isRefused } from "./prepared.js";
import { DEFAULT_SHAPE, type Partial, type ShapeOptions, shapeReward, wantsPartial } from "./shape.js";
import { DEFAULT_LIMITS, type Limits, type SimResult, type Simulator } from "./simulator.js";
import { makeSpawnSimulator } from "./spawn.js";
import { DEFAULT_STIMULUS, type StimulusOptions } from "./stimulus.js";
import { contentKey, makeStore } from "./store.js";
import type { Tools } from "./tools.js";
import { agreement, type Sample } from "./trace.js";

export interface RewarderOptions {
  readonly tools: Tools;
  /** Prepared goldens, kept from run to run. */
  readonly cacheDir: string;
  /** Working files, best on a tmpfs. */
  readonly scratchDir: string;
  /** Candidates at once; null = one per core. */
  readonly concurrency?: number | null;
  readonly shape?: ShapeOptions;
  readonly limits?: Limits;
  /** Seed of the stimuli. */
  readonly seed?: number;
  readonly stimulus?: StimulusOptions;
  readonly retries?: number;
  /** Another way to run simulations (a worker pool); plain spawning by default. */
  readonly simulator?: Simulator;
}

export interface SimulatorRewarder extends Rewarder {
  /** For a person: the first moment at which the code (no tags, no fence) differs from the golden. */
  explain(problem: Problem, code: string, signal: AbortSignal): Promise<Explanation>;
}

type Result = {
  readonly outcome: Outcome;
  readonly reached: Reached;
  readonly log: string;
  readonly partial: Partial | null;
};
type Infra = Extract<SimResult, { kind: "infra" }>;

const MAX_TEXT = 4 * 1024 ** 2;
const MAX_CACHED = 100_000;

export function makeRewarder(options: RewarderOptions): SimulatorRewarder {
  const { tools, scratchDir } = options;
  const shape = options.shape ?? DEFAULT_SHAPE;
  const stimulus = options.stimulus ?? DEFAULT_STIMULUS;
  const retries = options.retries ?? 3;
  const seed = options.seed ?? 1;
  const now = (): number => performance.now();
  const pool = makePool(options.concurrency ?? availableParallelism(), now);
  sweepScratch(scratchDir);
  const own = join(
    scratchDir,
    `reward-${process.pid}-${contentKey(now(), Math.floor(now() * 1e6)).slice(0, 6)}`,
  );
  const simulator =
    options.simulator ??
    makeSpawnSimulator({ tools, scratchDir: own, limits: options.limits ?? DEFAULT_LIMITS });
  // A slot is not held while waiting to try again.
  const pooled: Simulator = {
    async run(job, signal) {
      for (let attempt = 0; ; attempt++) {
        const result = await pool.run(() => simulator.run(job, signal));
        if (result.kind !== "infra" || !result.retryable || attempt >= retries) return result;
        await backoff(attempt, signal);
      }
    },
    close: () => simulator.close(),
  };
  const check: CheckDeps = { simulator: pooled, names: secretNames };
  const goldens = makeGoldens({
    simulator: pooled,
    names: secretNames,
    stimulus,
    seed,
    icarus: tools.iverilog.version,
    store: makeStore(options.cacheDir),
    scratchDir: own,
    readInterfaces: (jobs, signal) =>
      pool.run(() => readInterfaces(jobs, { yosys: tools.yosys?.path ?? null, scratchDir: own }, signal)),
    batch: 32,
  });

  /** Finished results, oldest first; and those under way, so that twins are checked once. */
  const finished = new Map<string, Result>();
  const underWay = new Map<string, Promise<Result | Infra>>();
  const traces = new Map<string, readonly Sample[]>();

  const golden = async (problem: Problem, signal: AbortSignal): Promise<Ready | Infra> => {
    for (let attempt = 0; ; attempt++) {
      try {
        return await goldens.ensure(problem.task);
      } catch (fault) {
        if (!(fault instanceof PrepareFault)) throw fault;
        if (!fault.retryable || fault.retried || attempt >= retries) {
          return {
            kind: "infra",
            code: fault.code,
            retryable: fault.retryable,
            log: `preparing ${problem.id}: ${fault.message}`,
          };
        }
        await backoff(attempt, signal);
      }
    }
  };

  /** The golden's outputs, simulated when first asked for. */
  const goldenTrace = async (
    task: Problem["task"],
    ready: Ready,
    signal: AbortSignal,
  ): Promise<readonly Sample[] | null> => {
    const p = ready.preparation;
    const known = traces.get(p.key);
    if (known !== undefined || isRefused(p)) return known ?? null;
    const gated = admitGolden(task);
    if (!gated.ok) return null;
    const traced = await traceDesign(p, ready.files, gated.admitted, check, signal);
    if (traced.kind !== "traced") return null;
    if (traces.size >= 32) traces.delete(traces.keys().next().value!);
    traces.set(p.key, traced.samples);
    return traced.samples;
  };

  const openOf = (ready: Ready): bigint[] => {
    const p = ready.preparation;
    if (isRefused(p)) return [];
    const slots = p.stimulus.numSteps + p.stimulus.numRuns;
    if (p.ignore.kind === "none") return new Array(slots).fill(0n);
    if (p.ignore.kind === "constant") return new Array(slots).fill(BigInt(`0x${p.ignore.text}`));
    return p.ignore.text.split("\n").map((w) => BigInt(`0x${w}`));
  };

  const examine = async (
    problem: Problem,
    ready: Ready,
    candidate: Admitted,
    signal: AbortSignal,
  ): Promise<Result | Infra> => {
    const p = ready.preparation;
    if (isRefused(p))
      return {
        kind: "infra",
        code: "refused",
        retryable: false,
        log: `problem ${problem.id} cannot serve: ${p.refused}`,
      };
    const judged = await checkCandidate(p, ready.files, candidate, check, signal);
    if (judged.kind === "infra") return judged;
    let partial: Partial | null = null;
    if (wantsPartial(shape) && judged.outcome === "mismatch") {
      const truth = await goldenTrace(problem.task, ready, signal);
      const traced = await traceDesign(p, ready.files, candidate, check, signal);
      if (traced.kind === "infra") return traced;
      if (truth !== null && traced.kind === "traced")
        partial = agreement(truth, traced.samples, openOf(ready), p.iface.outputs);
    }
    return { outcome: judged.outcome, reached: judged.reached, log: judged.log, partial };
  };

  /** With retries; the result of twins is shared, an abort of one does not end the other's work. */
  const examineOnce = (
    key: string,
    problem: Problem,
    candidate: Admitted,
    signal: AbortSignal,
  ): Promise<Result | Infra> => {
    const twin = underWay.get(key);
    if (twin !== undefined)
      return twin.catch((fault) => {
        if (signal.aborted) throw signal.reason;
        // The twin's caller gave up; ours has not.
        if ((fault as Error)?.name === "AbortError") return examineOnce(key, problem, candidate, signal);
        throw fault;
      });
    const work = (async (): Promise<Result | Infra> => {
      const ready = await golden(problem, signal);
      if ("kind" in ready) return ready;
      const result = await examine(problem, ready, candidate, signal);
      if ("kind" in result) return result;
      if (finished.size >= MAX_CACHED) finished.delete(finished.keys().next().value!);
      finished.set(key, result);
      return result;
    })();
    underWay.set(key, work);
    const clear = (): void => {
      underWay.delete(key);
    };
    work.then(clear, clear);
    return work;
  };

  const score = async (request: ScoreRequest, signal: AbortSignal): Promise<Verdict> => {
    signal.throwIfAborted();
    // One signal serves a whole step's rollouts.
    setMaxListeners(0, signal);
    const began = now();
    const scored = (r: Omit<Result, "partial">, partial: Partial | null, cached: boolean): Verdict => ({
      kind: "scored",
      ...shapeReward(shape, r.outcome, partial),
      passed: r.outcome === "pass",
      outcome: r.outcome,
      reached: r.reached,
      proof: r.outcome === "pass" ? "simulated" : "none",
      wallMs: now() - began,
      cached,
      log: r.log,
    });
    const end = (outcome: Outcome, reached: Reached, log: string): Verdict =>
      scored({ outcome, reached, log }, null, false);

    if (request.text.length > MAX_TEXT)
      return end("format", "extract", `completion is longer than ${MAX_TEXT} characters`);
    const answer = extractAnswer(request.text);
    if (!answer.ok) return end("format", "extract", answer.reason);
    const lexed = tokenize(answer.code);
    if (!lexed.ok) return end("gate", "lint", `line ${lexed.line}: ${lexed.reason}`);
    const { task } = request.problem;
    const key = contentKey(task.top, task.golden, normalForm(lexed.tokens));
    const known = finished.get(key);
    if (known !== undefined) return scored(known, known.partial, true);
    const gated = admit(lexed.tokens);
    if (!gated.ok) return end("gate", "lint", gated.reason);
    const twin = underWay.has(key);
    const result = await examineOnce(key, request.problem, gated.admitted, signal);
    return "kind" in result ? result : scored(result, result.partial, twin);
  };

  const prepare: Rewarder["prepare"] = async (problems, progress, signal) => {
    setMaxListeners(0, signal);
    const refused = new Map<ProblemId, string>();
    let done = 0;
    progress(0, problems.length);
    await Promise.all(
      problems.map(async (problem) => {
        signal.throwIfAborted();
        const ready = await untilAborted(golden(problem, signal), signal);
        if ("kind" in ready) refused.set(problem.id, `not prepared (${ready.code}): ${ready.log}`);
        else if (isRefused(ready.preparation)) refused.set(problem.id, ready.preparation.refused);
        progress(++done, problems.length);
      }),
    );
    return refused;
  };

  const explain: SimulatorRewarder["explain"] = async (problem, code, signal) => {
    const unexplained = (text: string): Explanation => ({ equal: false, text, first: null, moments: [] });
    const lexed = tokenize(code);
    const gated = lexed.ok
      ? admit(lexed.tokens)
      : { ok: false as const, reason: `line ${lexed.line}: ${lexed.reason}` };
    if (!gated.ok) return unexplained(`gate: ${gated.reason}`);
    const ready = await golden(problem, signal);
    if ("kind" in ready) return unexplained(`infra (${ready.code}): ${ready.log}`);
    const p = ready.preparation;
    const goldenText = admitGolden(problem.task);
    if (isRefused(p)) return unexplained(`the golden cannot serve: ${p.refused}`);
    if (!goldenText.ok) return unexplained(`the golden cannot serve: ${goldenText.reason}`);
    if (!gated.admitted.modules.includes(p.top)) return unexplained(`no module ${p.top}`);
    const designs = { golden: goldenText.admitted, candidate: gated.admitted };
    const explained = await explainCandidate(p, ready.files, designs, check, signal);
    if (explained.kind === "explained") return explained.explanation;
    return unexplained(
      explained.kind === "infra" ? `infra (${explained.code}): ${explained.log}` : explained.why,
    );
  };

  const close = async (): Promise<void> => {
    goldens.close();
    await simulator.close();
    rmSync(own, { recursive: true, force: true });
  };

  return { prepare, score, explain, waiting: pool.waiting, close };
}

/** Removes what processes that were killed left on scratch. */
function sweepScratch(scratchDir: string): void {
  let names: string[];
  try {
    names = readdirSync(scratchDir);
  } catch {
    return; // not there yet, or not readable: the first simulation says so
  }
  for (const name of names) {
    const pid = /^reward-(\d+)-[0-9a-f]{6}$/.exec(name)?.[1];
    if (pid === undefined || existsSync(`/proc/${pid}`) || !existsSync("/proc/self")) continue;
    rmSync(join(scratchDir, name), { recursive: true, force: true });
  }
}

/** 50 ms, 250 ms, 1.25 s … */
function backoff(attempt: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => {
        signal.removeEventListener("abort", abort);
        resolve();
      },
      50 * 5 ** attempt,
    );
    const abort = (): void => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
  });
}

function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
