/**
 * What happens to a pass before it is believed: an audit of some passes with other vectors, and an attempt to prove those
 * that the config or the request names. When two tiers disagree, the candidate is wrong and an alarm is raised.
 */

import { setMaxListeners } from "node:events";
import { hash128 } from "../core/rng.js";
import type { Problem, SecondLook } from "../core/types.js";
import { type CheckDeps, checkCandidate, type Judged } from "../equiv/check.js";
import type { Proof, Prover } from "../equiv/formal/proof.js";
import type { Ready } from "../equiv/golden/in-use.js";
import { makeMemo } from "../equiv/golden/memo.js";
import { admitGolden } from "../equiv/golden/prepare.js";
import { isRefused, type Prepared } from "../equiv/golden/prepared.js";
import type { SimResult } from "../sim/simulator.js";
import type { Admitted } from "../verilog/gate.js";
import type { AuditOptions, FormalOptions } from "./tiers.js";

export interface SecondLookDeps {
  readonly audit: AuditOptions;
  readonly formal: FormalOptions;
  /** Works when nothing else is in line; null where there is no formal engine. */
  readonly prover: Prover | null;
  /** The golden as it is audited: another seed, more vectors. Infra failures come back as such. */
  readonly auditBench: (problem: Problem, signal: AbortSignal) => Promise<Ready | Infra>;
  /** Whether proofs about the golden can be hoped for; null = nothing tells. */
  readonly provable: (problem: Problem, golden: Prepared, signal: AbortSignal) => Promise<boolean | null>;
  /** Simulates when nothing else is in line. */
  readonly check: CheckDeps;
}

export interface Pass {
  readonly problem: Problem;
  readonly golden: Prepared;
  /** Key of (golden, candidate text). */
  readonly key: string;
  readonly candidate: Admitted;
}

export interface Looks {
  readonly audit: boolean;
  /** asked: the request wants it; chosen: the config does, and a golden that cannot be proved is passed over. */
  readonly formal: "asked" | "chosen" | null;
}

type Infra = Extract<SimResult, { kind: "infra" }>;

export type Believed =
  | { readonly kind: "stands"; readonly second: SecondLook; readonly log: string }
  | { readonly kind: "overturned"; readonly second: SecondLook; readonly log: string }
  | Infra;

type Audit =
  | { readonly kind: "agreed" }
  | { readonly kind: "disagreed"; readonly log: string }
  | { readonly kind: "unmade"; readonly log: string }
  | Infra;

export function makeSecondLook(deps: SecondLookDeps) {
  const audits = makeMemo<Audit>(100_000, (a) => a.kind !== "infra");
  const proofs = makeMemo<Proof>(100_000, (p) => p.kind !== "infra");
  const counts = { made: 0, unmade: 0, equal: 0, undecided: 0, unconfirmed: 0, refuted: 0 };

  /**
   * The choice of audits depends on golden, candidate and the request's seed only, so a run that is repeated audits the
   * same. A request for the tier `formal` is looked at in every way there is, and told of one that there is not.
   */
  const looksFor = (goldenKey: string, key: string, seed: number, tier: "sim" | "formal"): Looks => {
    if (tier === "formal") return { audit: true, formal: "asked" };
    const audit = hash128(`audit/${goldenKey}/${key}/${seed}`)[0] / 2 ** 32 < deps.audit.share;
    const { when } = deps.formal;
    const wanted = when === "always" || (when === "audit" && audit);
    return { audit, formal: wanted && deps.prover !== null ? "chosen" : null };
  };

  const makeAudit = async (pass: Pass, signal: AbortSignal): Promise<Audit> => {
    setMaxListeners(0, signal);
    const bench = await deps.auditBench(pass.problem, signal);
    if ("kind" in bench) return bench;
    if (isRefused(bench.preparation))
      return { kind: "unmade", log: `no audit: ${bench.preparation.refused}` };
    const judged: Judged = await checkCandidate(
      bench.preparation,
      bench.files,
      pass.candidate,
      deps.check,
      signal,
    );
    if (judged.kind === "infra") return judged;
    // More vectors take more time: running out of it says nothing about the outputs.
    if (judged.outcome === "timeout") return { kind: "unmade", log: `no audit: ${judged.log}` };
    return judged.outcome === "pass" ? { kind: "agreed" } : { kind: "disagreed", log: judged.log };
  };

  const makeProof = async (pass: Pass, signal: AbortSignal): Promise<Proof> => {
    setMaxListeners(0, signal);
    const { prover } = deps;
    if (prover === null) return { kind: "undecided", reason: "there is no formal engine", ms: 0 };
    const golden = admitGolden(pass.problem.task);
    if (!golden.ok) return { kind: "undecided", reason: golden.reason, ms: 0 };
    const job = {
      golden: golden.admitted,
      candidate: pass.candidate,
      top: pass.golden.top,
      iface: pass.golden.iface,
      seconds: deps.formal.seconds,
    };
    return prover.prove(job, signal);
  };

  /** Null when no proof is wanted, or none can be hoped for. */
  const proofOf = async (pass: Pass, looks: Looks, signal: AbortSignal): Promise<Proof | null> => {
    if (looks.formal === null) return null;
    if (looks.formal === "chosen" && (await deps.provable(pass.problem, pass.golden, signal)) === false)
      return null;
    return proofs.run(pass.key, signal, (s) => makeProof(pass, s));
  };

  const look = async (pass: Pass, looks: Looks, signal: AbortSignal): Promise<Believed> => {
    // Side by side, because the step waits for the slower one; an audit that disagrees decides alone.
    const [audit, proof] = await Promise.all([
      looks.audit ? audits.run(pass.key, signal, (s) => makeAudit(pass, s)) : null,
      proofOf(pass, looks, signal),
    ]);
    const notes: string[] = [];
    const audited = audit?.kind === "agreed" || audit?.kind === "disagreed";
    const overturned = (formal: SecondLook["formal"], what: string): Believed => ({
      kind: "overturned",
      second: { audited, formal, alarm: `a design that passes the check of ${pass.problem.id} ${what}` },
      log: `passes the check, but ${what}`,
    });
    if (audit !== null) {
      if (audit.kind === "infra") return audit;
      counts[audited ? "made" : "unmade"]++;
      if (audit.kind === "unmade") notes.push(audit.log);
      if (audit.kind === "disagreed")
        return overturned("none", `fails an audit with ${deps.audit.vectors} other vectors: ${audit.log}`);
    }
    const formal = proof === null ? "none" : verdictOf(proof);
    if (formal !== "none") counts[formal]++;
    if (proof?.kind === "different") {
      const c = proof.counterexample;
      const where = `${c.signal} is ${c.got}, expected ${c.expected}, in cycle ${c.cycles.length} of the counterexample`;
      if (proof.replayed)
        return overturned(formal, `is refuted by the formal engine and the simulator: ${where}`);
      notes.push(`not confirmed by the simulator: ${where}`);
    } else if (proof !== null && proof.kind !== "equal") {
      // The simulation has decided; that the engine failed takes nothing away from it.
      notes.push(`not proved: ${proof.kind === "infra" ? proof.log : proof.reason}`);
    }
    return { kind: "stands", second: { audited, formal, alarm: null }, log: notes.join("; ") };
  };

  return {
    looksFor,
    look,
    counts: (): Readonly<typeof counts> => ({ ...counts }),
  };
}

const verdictOf = (p: Proof): Exclude<SecondLook["formal"], "none"> =>
  p.kind === "equal"
    ? "equal"
    : p.kind === "different"
      ? p.replayed
        ? "refuted"
        : "unconfirmed"
      : "undecided";

export type SecondLooks = ReturnType<typeof makeSecondLook>;
