/**
 * What happens to a pass before it is believed: an audit of some passes with other vectors, and an attempt to prove those
 * that the config or the request names. When two tiers disagree, the candidate is wrong and an alarm is raised.
 */

import { hash128 } from "../core/rng.js";
import type { Problem, SecondLook } from "../core/types.js";
import type { Checker, Infra, Proof } from "../equiv/checker.js";
import { makeMemo } from "../sim/memo.js";
import type { Admitted } from "../verilog/gate.js";
import type { AuditOptions, FormalOptions } from "./tiers.js";

export interface SecondLookDeps {
  readonly audit: AuditOptions;
  readonly formal: FormalOptions;
  readonly checker: Pick<Checker, "canProve" | "checkAgain" | "provable" | "prove">;
}

export interface Pass {
  readonly problem: Problem;
  /** Key of (golden, candidate text). */
  readonly key: string;
  readonly candidate: Admitted;
}

export interface Looks {
  readonly audit: boolean;
  /** asked: the request wants it; chosen: the config does, and a golden that cannot be proved is passed over. */
  readonly formal: "asked" | "chosen" | null;
}

export type Believed =
  | { readonly kind: "stands"; readonly second: SecondLook; readonly log: string }
  | { readonly kind: "overturned"; readonly second: SecondLook; readonly log: string }
  | Infra;

type Audit =
  | { readonly kind: "agreed" }
  | { readonly kind: "disagreed"; readonly log: string }
  | { readonly kind: "unmade"; readonly log: string }
  | Infra;

type Decided = Exclude<Proof, { kind: "infra" }>;

export function makeSecondLook(deps: SecondLookDeps) {
  const { checker } = deps;
  const audits = makeMemo<Audit>(100_000, (a) => a.kind !== "infra");
  const proofs = makeMemo<Decided>(100_000, () => true);
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
    return { audit, formal: wanted && checker.canProve ? "chosen" : null };
  };

  const makeAudit = async ({ problem, candidate }: Pass, signal: AbortSignal): Promise<Audit> => {
    const judged = await checker.checkAgain(problem, candidate, signal);
    if (judged.kind === "infra") return judged;
    if (judged.kind === "refused") return { kind: "unmade", log: `no audit: ${judged.reason}` };
    // More vectors take more time: running out of it says nothing about the outputs.
    if (judged.outcome === "timeout") return { kind: "unmade", log: `no audit: ${judged.log}` };
    return judged.outcome === "pass" ? { kind: "agreed" } : { kind: "disagreed", log: judged.log };
  };

  /** A pass needs no proof, so an engine that fails decides nothing. */
  const makeProof = async ({ problem, candidate }: Pass, signal: AbortSignal): Promise<Decided> => {
    const proof = await checker.prove(problem, candidate, deps.formal.seconds, signal);
    return proof.kind === "infra"
      ? { kind: "undecided", reason: `${proof.code}: ${proof.log}`, ms: 0 }
      : proof;
  };

  /** Null when no proof is wanted, or none can be hoped for. */
  const proofOf = async (pass: Pass, looks: Looks, signal: AbortSignal): Promise<Decided | null> => {
    if (looks.formal === null) return null;
    if (looks.formal === "chosen" && (await checker.provable(pass.problem, signal)) === false) return null;
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
      notes.push(`not proved: ${proof.reason}`);
    }
    return { kind: "stands", second: { audited, formal, alarm: null }, log: notes.join("; ") };
  };

  return {
    looksFor,
    look,
    counts: (): Readonly<typeof counts> => ({ ...counts }),
  };
}

const verdictOf = (p: Decided): Exclude<SecondLook["formal"], "none"> =>
  p.kind === "equal"
    ? "equal"
    : p.kind === "different"
      ? p.replayed
        ? "refuted"
        : "unconfirmed"
      : "undecided";

export type SecondLooks = ReturnType<typeof makeSecondLook>;
