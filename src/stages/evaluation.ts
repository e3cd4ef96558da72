/**
 * Evaluates a policy on every set that the config names, one after the other, and records each: metrics, counts by
 * problem, samples, one line for people.
 */

import { progressBar } from "../core/format.js";
import type { Metrics, Rewarder, SampleRow } from "../core/ports.js";
import { makeRng, type Rng } from "../core/rng.js";
import type { Interval } from "../core/stats.js";
import { chooseProblems, type EvalResult, evaluate } from "../eval/sampled.js";
import type { EvalSection } from "../eval/schema.js";
import type { EvalSet } from "../eval/suites/index.js";
import { evalLine } from "../report/lines.js";
import type { EvalPoint } from "../report/summary.js";
import { quarantinedIn } from "../rl/loop/quarantine.js";
import type { Policy } from "./policy.js";
import type { StageProblems } from "./problems.js";
import type { EvalConfig } from "./schema.js";
import type { Session } from "./session.js";

export interface EvaluationSetup {
  readonly policy: Policy;
  readonly rewarder: Rewarder;
  /** At least one; the first ranks checkpoints and stands in the summary. */
  readonly sets: readonly EvalSet[];
  readonly section: EvalSection;
  readonly maxTokens: number;
  readonly rng: Rng;
  readonly session: Session;
}

/** What evaluates a policy on the sets of a config. Everything random in it comes from `run.seed`. */
export const evaluationOf = (
  config: Pick<EvalConfig, "eval" | "run" | "sampler">,
  session: Session,
  policy: Policy,
  problems: StageProblems,
  rewarder: Rewarder,
): EvaluationSetup => ({
  policy,
  rewarder,
  sets: problems.sets,
  section: config.eval,
  maxTokens: config.sampler.max_tokens,
  rng: makeRng(config.run.seed).fork("eval"),
  session,
});

/** What an evaluation measured, by set in the order of the config. */
export interface Evaluation {
  /** pass@1 on the first set. */
  readonly pass1: Interval;
  readonly sets: readonly { readonly name: string; readonly result: EvalResult }[];
}

/** @param full the evaluation before and after (`final_problems` x `final_samples`) instead of the one in between */
export async function runEvaluation(
  setup: EvaluationSetup,
  step: number,
  full: boolean,
  signal: AbortSignal,
): Promise<Evaluation> {
  const started = setup.session.seconds();
  const sets: { readonly name: string; readonly result: EvalResult }[] = [];
  for (const set of setup.sets) {
    const result = await evaluateSet(setup, set, step, full, signal);
    sets.push({ name: set.name, result });
    const last = sets.length === setup.sets.length;
    record(setup.session, set.name, step, result, last ? setup.session.seconds() - started : null);
  }
  return { pass1: sets[0]!.result.pass1, sets };
}

async function evaluateSet(
  setup: EvaluationSetup,
  set: EvalSet,
  step: number,
  full: boolean,
  signal: AbortSignal,
): Promise<EvalResult> {
  const { policy, rewarder, section, session } = setup;
  const count = full ? section.final_problems : section.problems;
  const problems = chooseProblems(set.problems, count, setup.rng);
  let doing = "preparing the goldens";
  const on = setup.sets.length > 1 ? ` on ${set.name}` : "";
  const describe = () => `evaluation at step ${step}${on}: ${doing}`;
  session.waitFor(describe);
  const result = await evaluate(
    { sampler: policy.sampler, rewarder, decode: policy.decode, promptIds: policy.promptIds, rng: setup.rng },
    {
      problems,
      samples: full ? section.final_samples : section.samples,
      sampling: { temperature: section.temperature, topP: section.top_p, maxTokens: setup.maxTokens },
    },
    signal,
    (p) => {
      doing = `${p.sampled} of ${p.total} rollouts sampled, ${p.scored} scored`;
      session.reporter.status(describe());
    },
    (done, total) => {
      doing = `preparing the goldens ${progressBar(done, total)}`;
      session.reporter.status(describe());
    },
  );
  session.reporter.status(null);
  return result;
}

/** @param seconds of the whole evaluation, over all sets; null where more sets follow */
function record(
  session: Session,
  set: string,
  step: number,
  result: EvalResult,
  seconds: number | null,
): void {
  const alarms = quarantinedIn(
    result.rollouts.map(({ problem, verdict }) => ({ problemId: problem.id, verdict })),
  );
  for (const { id, reason } of alarms)
    session.reporter.warn(`test problem ${id} is in quarantine: ${reason}`);
  session.tracker.metrics(step, evalMetrics(set, result, seconds));
  session.tracker.samples(step, { set }, evalSamples(step, result));
  session.tracker.counts({ step, set, problems: result.problems });
  const ks = Object.keys(result.passAt).map(Number);
  const k = Math.max(...ks);
  session.reporter.line(
    evalLine({
      step,
      set,
      pass1: result.pass1,
      ...(k > 1 ? { passK: { k, value: result.passAt[k]!.mean } } : {}),
      problems: result.problems.length,
      samples: result.samples,
    }),
  );
  if (result.refused > 0) {
    session.reporter.warn(`${result.refused} test problems are left out: their golden cannot serve`);
  }
}

/** The figures of each set, for summaries. */
export type EvalPoints = Readonly<Record<string, EvalPoint>>;

export const evalPoints = (e: Evaluation): EvalPoints =>
  Object.fromEntries(e.sets.map(({ name, result }) => [name, pointOf(result)]));

const pointOf = (r: EvalResult): EvalPoint => ({
  pass1: r.pass1,
  passK: Object.fromEntries(
    Object.entries(r.passAt)
      .filter(([k]) => k !== "1")
      .map(([k, v]) => [k, v.mean]),
  ),
});

/** The object of `--json`: {<set>: {pass1, lo, hi, pass2, pass4, …}}. */
export const evalSummary = (e: Evaluation): Record<string, Record<string, number>> =>
  pointsSummary(evalPoints(e));

export const pointsSummary = (points: EvalPoints): Record<string, Record<string, number>> =>
  Object.fromEntries(
    Object.entries(points).map(([name, { pass1, passK }]) => {
      const more = Object.entries(passK).map(([k, value]) => [`pass${k}`, value]);
      return [name, { pass1: pass1.mean, lo: pass1.lo, hi: pass1.hi, ...Object.fromEntries(more) }];
    }),
  );

function evalMetrics(name: string, r: EvalResult, seconds: number | null): Metrics {
  const set = `eval/${name}`;
  const record: Record<string, number> = {
    [`${set}/pass@1/lo`]: r.pass1.lo,
    [`${set}/pass@1/hi`]: r.pass1.hi,
    [`${set}/problems`]: r.problems.length,
    [`${set}/samples`]: r.samples,
    [`${set}/tokens`]: r.tokens,
    [`${set}/truncated`]: r.truncated,
    [`${set}/infra`]: r.infra,
    ...(seconds === null ? {} : { "timing/eval_s": seconds }),
  };
  for (const [k, interval] of Object.entries(r.passAt)) record[`${set}/pass@${k}`] = interval.mean;
  return record;
}

/** Of every problem the first rollout that passes and the first that fails, where there are such. */
function evalSamples(step: number, r: EvalResult): SampleRow[] {
  const seen = new Set<string>();
  return r.rollouts.flatMap(({ problem, text, verdict }) => {
    if (verdict.kind === "infra") return [];
    const key = `${verdict.passed} ${problem.id}`;
    if (seen.has(key)) return [];
    seen.add(key);
    const row: SampleRow = {
      step,
      problemId: problem.id,
      kind: "eval",
      reward: verdict.reward,
      outcome: verdict.outcome,
      advantage: null,
      prompt: problem.prompt.map((m) => m.content).join("\n"),
      text,
      log: verdict.log,
    };
    return [row];
  });
}
