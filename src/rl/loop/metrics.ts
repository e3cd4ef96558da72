/** From what a step did to its metrics record and sample table. Keys are an API: `area/thing/stat`. */

import type { Metrics, SampleRow } from "../../core/ports.js";
import { mean, quantile, std } from "../../core/stats.js";
import type { Problem, Scored } from "../../core/types.js";
import type { StepOutcome } from "./trainer.js";

const OUTCOMES = ["pass", "mismatch", "compile", "timeout", "crash", "gate", "format"] as const;

/** The keys are listed, with units, in run/keys.ts; which of them depend on the clock is said there. */
export function stepMetrics(o: StepOutcome): Metrics {
  const t = o.tally;
  const scored = t.rewards.length;
  const { prepare, sample, score, learn, publish } = t.seconds;
  const record: Record<string, number | string | null> = {
    "train/reward/mean": orNull(mean(t.rewards)),
    "train/reward/std": orNull(std(t.rewards)),
    "train/pass_rate": scored === 0 ? null : t.passed / scored,
    "train/len/mean": orNull(mean(t.lengths)),
    "train/len/p95": orNull(quantile(t.lengths, 0.95)),
    "train/truncated": scored === 0 ? null : t.truncated / scored,
    "train/kept_groups": o.trained.length,
    "train/drawn_groups": t.drawnGroups,
    "train/rollouts": t.rollouts,
    "train/tokens": t.tokens,
    "train/tokens_total": o.counters.tokens,
    "train/rollouts_total": o.counters.rollouts,
    "train/rollouts_per_problem/min": t.most === 0 ? null : t.fewest,
    "train/rollouts_per_problem/mean": t.drawnGroups === 0 ? null : t.rollouts / t.drawnGroups,
    "train/rollouts_per_problem/max": t.most === 0 ? null : t.most,
    ...Object.fromEntries(
      Object.entries(t.rolloutBins).map(([k, n]) => [`train/rollouts_per_problem/hist/${k}`, n]),
    ),
    "groups/mixed": t.mixed,
    "groups/all_solved": t.allSolved,
    "groups/all_failed": t.allFailed,
    "groups/too_small": t.tooSmall,
    "groups/from_bank": t.fromBank,
    "groups/banked": t.banked,
    "waste/all_solved": t.solvedRollouts,
    "waste/all_failed": t.failedRollouts,
    "waste/stale": t.staleRollouts,
    "waste/surplus": t.surplusRollouts,
    "waste/infra": t.infra,
    "waste/quarantined": t.quarantinedRollouts,
    "adaptive/keep_rate": t.drawnGroups === 0 ? null : t.useful / t.drawnGroups,
    "adaptive/drawn": t.drawnGroups,
    "adaptive/rounds": t.rounds,
    ...o.gauges,
    "policy/version": o.counters.version,
    "policy/lr": o.lr,
    "policy/loss": o.report?.loss ?? null,
    "policy/grad_norm": o.report?.gradNorm ?? null,
    "policy/entropy": o.report?.entropy ?? null,
    "policy/clip_frac_low": o.report?.clipFracLow ?? null,
    "policy/clip_frac_high": o.report?.clipFracHigh ?? null,
    "policy/ratio_mean": o.report?.ratioMean ?? null,
    "policy/ratio_max": o.report?.ratioMax ?? null,
    "policy/kl_behavior": o.report?.klBehavior ?? null,
    "policy/skipped": o.report === null ? 1 : Number(o.report.skipped),
    "policy/loss_tokens": o.report?.lossTokens ?? 0,
    "policy/importance/mean": o.importance?.mean ?? null,
    "policy/importance/capped": o.importance?.capped ?? null,
    "policy/non_finite": o.nonFinite,
    "sampler/version_lag": o.lag,
    "reward/reverified": t.reverified,
    "reward/refuted": t.refuted,
    "reward/infra": t.infra,
    "reward/timeout": scored === 0 ? null : (t.outcomes.timeout ?? 0) / scored,
    "reward/refused": t.refused.length,
    "reward/audited": t.audited,
    "reward/proved": t.proved,
    "reward/unconfirmed": t.unconfirmed,
    "reward/alarms": t.alarms,
    "reward/quarantined": o.quarantined,
    "reward/latency/p50": orNull(quantile(t.checkMs, 0.5)),
    "reward/latency/p95": orNull(quantile(t.checkMs, 0.95)),
    "reward/latency/max": t.checkMs.length === 0 ? null : t.checkMs.reduce((a, b) => Math.max(a, b), 0),
    "reward/cache_hit": scored === 0 ? null : t.cached / scored,
    "reward/sims_per_s": (scored - t.cached) / Math.max(1e-9, sample + score),
    "sampler/tokens_per_s": t.tokens / Math.max(1e-9, sample),
    "timing/prepare_s": prepare,
    "timing/sample_s": sample,
    "timing/score_s": score,
    "timing/learn_s": learn,
    "timing/publish_s": publish,
    "timing/step_s": o.seconds,
    "perf/tokens_per_s": t.tokens / Math.max(1e-9, o.seconds),
  };
  for (const outcome of OUTCOMES) record[`reward/outcome/${outcome}`] = t.outcomes[outcome] ?? 0;
  for (const [part, sum] of Object.entries(t.parts)) record[`reward/part/${part}`] = sum / scored;
  return record;
}

const orNull = (x: number): number | null => (Number.isFinite(x) ? x : null);

/** The best and the worst rollout of a few mixed groups, with the simulator's message. */
export function stepSamples(o: StepOutcome, problemOf: (id: string) => Problem, groups = 4): SampleRow[] {
  return o.trained.slice(0, groups).flatMap(({ group, advantages }) => {
    if (group.members.length === 0) return [];
    const order = group.members.map((_, i) => i).sort((i, j) => advantages[j]! - advantages[i]! || i - j);
    const row = (i: number, kind: "best" | "worst"): SampleRow =>
      sampleRow(o.step, problemOf(group.problemId), group.members[i]!, kind, advantages[i]!);
    return [row(order[0]!, "best"), row(order.at(-1)!, "worst")];
  });
}

const sampleRow = (
  step: number,
  problem: Problem,
  member: Scored,
  kind: SampleRow["kind"],
  advantage: number,
): SampleRow => ({
  step,
  problemId: problem.id,
  kind,
  reward: member.verdict.reward,
  outcome: member.verdict.outcome,
  advantage,
  prompt: problem.prompt.map((m) => m.content).join("\n"),
  text: member.rollout.text,
  log: member.verdict.log,
});
