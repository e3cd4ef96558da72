/**
 * The public face of equivalence checking: does a candidate behave as the golden of its problem? It prepares goldens on
 * first use, runs simulations and proofs a bounded number at a time, tries failures of the machinery again, and keeps
 * problems in quarantine. The rewarder, `verify` and `testbench` all stand on it; nobody else wires the folders below.
 *
 * Three kinds of answer never mix: what a design did (`judged`), what is wrong with a golden (`refused`), and what failed
 * on this machine (`infra`, never a statement about a design).
 */

import { setMaxListeners } from "node:events";
import type { Latency } from "../core/ports.js";
import type { Problem } from "../core/types.js";
import type { ProblemId } from "../core/units.js";
import { untilAborted } from "../sim/memo.js";
import type { Admitted } from "../verilog/gate.js";
import { normalForm, type Token } from "../verilog/lexer.js";
import { type Agreement, agreementOf } from "./agreement.js";
import { checkCandidate, type Judged, traceDesign } from "./check.js";
import type { Environment } from "./environment.js";
import { type Explained, explainCandidate } from "./explain.js";
import { explainProof } from "./explain-proof.js";
import type { Counterexample, Proof } from "./formal/proof.js";
import { admitGolden } from "./golden/prepare.js";
import type { Prepared } from "./golden/prepared.js";
import { type Infra, readyGolden, type Served } from "./golden/ready.js";
import { contentKey } from "./golden/store.js";
import { makeGoldenTraces } from "./golden-traces.js";
import { optional } from "./in-line.js";
import { makeLatencies } from "./latency.js";
import { openMachinery } from "./machinery.js";
import { type Made, makeTestbench } from "./portable.js";
import { CHECKER_DEFAULTS, type CheckerOptions } from "./settings.js";

export type { Agreement } from "./agreement.js";
export type { Judged } from "./check.js";
export type { Environment } from "./environment.js";
export type { Counterexample, Proof, Prover } from "./formal/proof.js";
export type { Prepared } from "./golden/prepared.js";
export type { Infra } from "./golden/ready.js";
export type { Quality } from "./mutate/quality.js";
export { CHECKER_DEFAULTS, type CheckerOptions, type CheckerSettings } from "./settings.js";

/** A golden with everything that candidates are checked with, or why it cannot judge. */
export type GoldenState = { readonly kind: "prepared"; readonly preparation: Prepared } | Refused | Infra;

type Refused = Extract<Served, { kind: "refused" }>;

export type Checked =
  | (Extract<Judged, { kind: "judged" }> & {
      /** Of a mismatch, where it was asked for and both designs could be traced. */
      readonly agreement: Agreement | null;
    })
  | Infra;

/** What an explanation shows: the run of the check (its end, or its beginning), or the run of a counterexample. */
export type Shown =
  | { readonly kind: "check"; readonly record: "latest" | "first" }
  | { readonly kind: "counterexample"; readonly counterexample: Counterexample };

export interface CheckerStats {
  /** Milliseconds of simulation of each check, waiting left out. */
  readonly latency: Latency;
  readonly byProblem: ReadonlyMap<ProblemId, Latency>;
}

export interface Checker {
  /** The golden, from memory, from disk, or prepared now. */
  prepare(problem: Problem, signal: AbortSignal): Promise<GoldenState>;
  /** @param wants agreement: measure how much of a mismatch is right, which takes one more simulation */
  check(
    problem: Problem,
    candidate: Admitted,
    wants: { readonly agreement: boolean },
    signal: AbortSignal,
  ): Promise<Checked>;
  /** A check with other and usually more vectors, made when nothing else is in line. Refused: these vectors cannot be had. */
  checkAgain(problem: Problem, candidate: Admitted, signal: AbortSignal): Promise<Judged | Refused>;
  /** For people: the first moment at which the candidate differs, with what led there. */
  explain(problem: Problem, candidate: Admitted, shown: Shown, signal: AbortSignal): Promise<Explained>;
  /** Whether there is a formal engine. */
  readonly canProve: boolean;
  /** Whether proofs about the golden can be hoped for; null = unknown. @throws PrepareFault when the engine failed */
  provable(problem: Problem, signal: AbortSignal): Promise<boolean | null>;
  /** @param seconds wall-time cap of the proof, which is made when nothing else is in line */
  prove(problem: Problem, candidate: Admitted, seconds: number, signal: AbortSignal): Promise<Proof>;
  /**
   * The golden's stimuli and outputs as a testbench for any simulator. @param head comment lines for its head
   * @throws TrainError data when the golden cannot be recorded or fails its own testbench; tool when nothing could run
   */
  testbench(problem: Problem, head: readonly string[], signal: AbortSignal): Promise<Made>;
  /** Names the golden with everything that decides how it judges. */
  goldenKey(problem: Problem): string;
  /** Names a candidate of this golden; blanks and comments do not count. */
  candidateKey(problem: Problem, tokens: readonly Token[]): string;
  /** From now on, in this process and in later ones, the golden may not judge. Returns the reason with how to lift it. */
  quarantine(problem: Problem, reason: string): string;
  /** Why the golden may not judge, or null. */
  quarantined(problem: Problem): string | null;
  stats(): CheckerStats;
  /** Simulations and proofs in line and at work. */
  waiting(): { readonly queued: number; readonly running: number; readonly oldestMs: number };
  /** @throws TrainError tool when what the settings demand cannot be had */
  environment(): Environment;
  close(): Promise<void>;
}

/** Opens nothing yet: engines start and goldens are prepared with the first use. */
export function makeChecker(options: CheckerOptions): Checker {
  const { seed, stimulus, mutants, auditVectors, retries } = { ...CHECKER_DEFAULTS, ...options };
  const machinery = openMachinery(options);
  const { simulation, prover } = machinery;
  const goldens = machinery.goldens(false, {
    seed,
    stimulus,
    mutants,
    prover: prover === null ? null : optional(prover),
  });
  const otherGoldens = machinery.goldens(true, {
    seed: otherSeed(seed),
    // Nothing is enumerated: a design that counts its inputs would see the very same ones again.
    stimulus: { vectors: auditVectors, exhaustiveBits: 0 },
    mutants: 0,
    prover: null,
  });
  const latencies = makeLatencies<ProblemId>();
  const goldenTrace = makeGoldenTraces(simulation(false));

  const serving = async (problem: Problem, signal: AbortSignal, among = goldens): Promise<Served> => {
    const golden = await readyGolden(among, problem, retries, signal);
    return golden.kind === "infra" ? { ...golden, log: `preparing ${problem.id}: ${golden.log}` } : golden;
  };
  /** For a candidate, a golden that cannot judge is a failure of the machinery. */
  const mustServe = async (problem: Problem, signal: AbortSignal): Promise<Exclude<Served, Refused>> => {
    const golden = await serving(problem, signal);
    if (golden.kind !== "refused") return golden;
    const log = `problem ${problem.id} cannot serve: ${golden.reason}`;
    return { kind: "infra", code: "refused", retryable: false, log };
  };

  return {
    canProve: prover !== null,

    async prepare(problem, signal) {
      const golden = await untilAborted(readyGolden(goldens, problem, retries, signal), signal);
      return golden.kind === "serving" ? { kind: "prepared", preparation: golden.preparation } : golden;
    },

    async check(problem, candidate, wants, signal) {
      setMaxListeners(0, signal);
      const golden = await mustServe(problem, signal);
      if (golden.kind === "infra") return golden;
      const { preparation: p, files } = golden;
      let ms = 0;
      const deps = simulation(false, (spent) => {
        ms += spent;
      });
      const judged = await checkCandidate(p, files, candidate, deps, signal);
      if (judged.kind === "infra") return judged;
      let agreement: Agreement | null = null;
      if (wants.agreement && judged.outcome === "mismatch") {
        const truth = await goldenTrace(problem.task, golden, signal);
        const traced = await traceDesign(p, files, candidate, deps, signal);
        if (traced.kind === "infra") return traced;
        if (truth !== null && traced.kind === "traced") agreement = agreementOf(p, truth, traced.samples);
      }
      latencies.add(problem.id, ms);
      return { ...judged, agreement };
    },

    async checkAgain(problem, candidate, signal) {
      setMaxListeners(0, signal);
      const golden = await serving(problem, signal, otherGoldens);
      return golden.kind === "serving"
        ? checkCandidate(golden.preparation, golden.files, candidate, simulation(true), signal)
        : golden;
    },

    async explain(problem, candidate, shown, signal) {
      const golden = await mustServe(problem, signal);
      if (golden.kind === "infra") return golden;
      const { preparation: p, files } = golden;
      const text = admitGolden(problem.task);
      if (!text.ok) return { kind: "unexplained", why: `the golden cannot serve: ${text.reason}` };
      if (!candidate.modules.includes(p.top)) return { kind: "unexplained", why: `no module ${p.top}` };
      const designs = { golden: text.admitted, candidate };
      return shown.kind === "check"
        ? explainCandidate(p, files, designs, simulation(false), signal, shown.record)
        : explainProof(p, shown.counterexample, designs, simulation(false), signal);
    },

    async provable(problem, signal) {
      const golden = await serving(problem, signal);
      return golden.kind === "serving" ? goldens.provable(problem.task, golden.preparation, signal) : null;
    },

    async prove(problem, candidate, seconds, signal) {
      setMaxListeners(0, signal);
      const undecided = (reason: string): Proof => ({ kind: "undecided", reason, ms: 0 });
      if (prover === null) return undecided("there is no formal engine");
      const golden = await mustServe(problem, signal);
      if (golden.kind === "infra") return golden;
      const text = admitGolden(problem.task);
      if (!text.ok) return undecided(text.reason);
      const { top, iface } = golden.preparation;
      return prover.prove({ golden: text.admitted, candidate, top, iface, seconds }, signal);
    },

    async testbench(problem, head, signal) {
      const golden = await mustServe(problem, signal);
      const text = admitGolden(problem.task);
      if (golden.kind === "infra" || !text.ok)
        throw new Error(`no testbench without a golden: ${problem.id}`);
      return makeTestbench(golden.preparation, text.admitted, head, simulation(false), signal);
    },

    goldenKey: ({ task }) => goldens.keyOf(task),
    candidateKey: ({ task }, tokens) => contentKey(goldens.keyOf(task), normalForm(tokens)),

    quarantine: ({ task }, reason) => goldens.quarantine(task, reason),
    quarantined: ({ task }) => goldens.quarantined(task),

    stats: () => ({ latency: latencies.all(), byProblem: latencies.byKey() }),
    waiting: machinery.waiting,
    environment: machinery.environment,

    async close() {
      goldens.close();
      otherGoldens.close();
      await machinery.close();
    },
  };
}

/** Far from the seeds that people type. */
const otherSeed = (seed: number): number => (seed ^ 0x5eed_a0d1) >>> 0;
