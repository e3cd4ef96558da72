/** Runs an evaluation inside a session and records it: metrics, per-problem counts, samples, one line for people. */

import { progressBar } from "../core/format.js";
import type { Metrics, Rewarder, SampleRow } from "../core/ports.js";
import type { Rng } from "../core/rng.js";
import type { Problem } from "../core/types.js";
import { chooseProblems, type EvalResult, evaluate } from "../eval/sampled.js";
import type { EvalSection } from "../eval/schema.js";
import { evalLine } from "../report/lines.js";
import type { EvalPoint } from "../report/summary.js";
import { quarantinedIn } from "../rl/loop/quarantine.js";
import type { Policy } from "./policy.js";
import type { Session } from "./session.js";

export interface EvaluationSetup {
  readonly policy: Policy;
  readonly rewarder: Rewarder;
  readonly problems: readonly Problem[];
  readonly section: EvalSection;
  readonly maxTokens: number;
  readonly rng: Rng;
  readonly session: Session;
}

/** Name of the evaluation set in metric keys. */
export const EVAL_SET = "test";

/** @param full the evaluation before and after (`final_problems` x `final_samples`) instead of the one in between */
export async function runEvaluation(
  setup: EvaluationSetup,
  step: number,
  full: boolean,
  signal: AbortSignal,
): Promise<EvalResult> {
  const { policy, rewarder, section, session } = setup;
  const started = session.seconds();
  const count = full ? section.final_problems : section.problems;
  const problems = chooseProblems(setup.problems, count, setup.rng);
  let doing = "preparing the goldens";
  const describe = () => `evaluation at step ${step}: ${doing}`;
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
  const alarms = quarantinedIn(
    result.rollouts.map(({ problem, verdict }) => ({ problemId: problem.id, verdict })),
  );
  for (const { id, reason } of alarms)
    session.reporter.warn(`test problem ${id} is in quarantine: ${reason}`);
  session.reporter.status(null);
  session.tracker.metrics(step, evalMetrics(result, session.seconds() - started));
  session.tracker.samples(step, "eval", evalSamples(step, result));
  session.counts({ step, problems: result.problems });
  const ks = Object.keys(result.passAt).map(Number);
  const k = Math.max(...ks);
  session.reporter.line(
    evalLine({
      step,
      set: EVAL_SET,
      pass1: result.pass1,
      ...(k > 1 ? { passK: { k, value: result.passAt[k]!.mean } } : {}),
      problems: result.problems.length,
      samples: result.samples,
    }),
  );
  if (result.refused > 0) {
    session.reporter.warn(`${result.refused} test problems are left out: their golden cannot serve`);
  }
  return result;
}

export const evalPoint = (r: EvalResult): EvalPoint => ({
  pass1: r.pass1,
  passK: Object.fromEntries(
    Object.entries(r.passAt)
      .filter(([k]) => k !== "1")
      .map(([k, v]) => [k, v.mean]),
  ),
});

/** The object of `--json`: {test: {pass1, lo, hi, pass2, pass4, …}}. */
export const evalSummary = (r: EvalResult): Record<string, Record<string, number>> =>
  pointSummary(evalPoint(r));

export function pointSummary({ pass1, passK }: EvalPoint): Record<string, Record<string, number>> {
  const more = Object.entries(passK).map(([k, value]) => [`pass${k}`, value]);
  return { [EVAL_SET]: { pass1: pass1.mean, lo: pass1.lo, hi: pass1.hi, ...Object.fromEntries(more) } };
}

function evalMetrics(r: EvalResult, seconds: number): Metrics {
  const set = `eval/${EVAL_SET}`;
  const record: Record<string, number> = {
    [`${set}/pass@1/lo`]: r.pass1.lo,
    [`${set}/pass@1/hi`]: r.pass1.hi,
    [`${set}/problems`]: r.problems.length,
    [`${set}/samples`]: r.samples,
    [`${set}/tokens`]: r.tokens,
    [`${set}/truncated`]: r.truncated,
    [`${set}/infra`]: r.infra,
    "timing/eval_s": seconds,
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
