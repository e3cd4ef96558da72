/** What a step leaves behind: metrics, samples, spans and the line for people. */

import type { RewardStats } from "../../core/ports.js";
import { mean, std } from "../../core/stats.js";
import type { Problem } from "../../core/types.js";
import { stepLine } from "../../report/lines.js";
import type { Vitals } from "../../rl/loop/health.js";
import { stepMetrics, stepSamples } from "../../rl/loop/metrics.js";
import type { StepOutcome } from "../../rl/loop/trainer.js";
import { freeBytes } from "../../run/files.js";
import type { Spans } from "../../run/spans.js";
import type { Course } from "../course.js";
import type { Session } from "../session.js";

export function recordStep(
  session: Session,
  outcome: StepOutcome,
  problemOf: ReadonlyMap<string, Problem>,
  course: Course,
  elapsed: number,
): void {
  const s = outcome.tally.seconds;
  course.spend("sample", s.sample);
  course.spend("reward", s.score + s.prepare);
  course.spend("learn", s.learn + s.publish);
  const free = freeBytes(session.dir.path);
  session.tracker.metrics(outcome.step, {
    ...stepMetrics(outcome),
    "timing/elapsed_s": elapsed,
    "mem/rss_mb": Math.round(process.memoryUsage.rss() / 1e6),
    "disk/free_gb": free === null ? null : free / 1e9,
  });
  session.tracker.samples(
    outcome.step,
    "train",
    stepSamples(outcome, (id) => problemOf.get(id)!),
  );
}

/** What the health rules look at. */
export function vitalsOf(o: StepOutcome): Vitals {
  const t = o.tally;
  const scored = t.rewards.length;
  return {
    step: o.step,
    passRate: scored === 0 ? null : t.passed / scored,
    rewardStd: scored < 2 ? null : std(t.rewards),
    entropy: o.report?.entropy ?? null,
    clipped: o.report === null ? null : o.report.clipFracLow + o.report.clipFracHigh,
    meanLength: scored === 0 ? null : mean(t.lengths),
    truncated: scored === 0 ? null : t.truncated / scored,
    gap: o.report?.klBehavior ?? null,
    lag: o.lag,
    yield: t.drawnGroups === 0 ? null : t.useful / t.drawnGroups,
    quarantined: t.quarantined.map((q) => q.id),
  };
}

/** What the reward did in this attempt, with the problems whose checks take longest, for the attempt's log. */
export function rewardEvent(s: RewardStats): Record<string, unknown> {
  const slowest = [...s.byProblem]
    .sort(([, a], [, b]) => b.p95 - a.p95)
    .slice(0, SLOWEST)
    .map(([id, latency]) => ({ id, ...latency }));
  return { ms: s.latency, slowest, audits: s.audits, formal: s.formal, quarantined: [...s.quarantined] };
}
const SLOWEST = 10;

/** One span per phase of a step: entering a phase ends the one before. */
export function phaseSpans(spans: Spans) {
  let current: { readonly phase: string; readonly end: () => void } | null = null;
  const leave = () => {
    current?.end();
    current = null;
  };
  return {
    enter(phase: string, step: number) {
      if (current?.phase === phase) return;
      leave();
      current = { phase, end: spans.span(phase, "loop", { step }) };
    },
    leave,
  };
}

export function lineOf(o: StepOutcome, total: number, etaSeconds: number | null): string {
  const t = o.tally;
  const scored = t.rewards.length;
  return stepLine({
    step: o.step,
    total,
    reward: scored === 0 ? Number.NaN : t.rewards.reduce((a, b) => a + b, 0) / scored,
    passRate: scored === 0 ? Number.NaN : t.passed / scored,
    keptGroups: o.trained.length,
    drawnGroups: t.drawnGroups,
    rolloutsMin: t.most === 0 ? 0 : t.fewest,
    rolloutsMax: t.most,
    tokensPerSecond: t.tokens / Math.max(1e-9, o.seconds),
    sampleSeconds: t.seconds.sample,
    rewardSeconds: t.seconds.score + t.seconds.prepare,
    learnSeconds: t.seconds.learn + t.seconds.publish,
    etaSeconds,
  });
}
