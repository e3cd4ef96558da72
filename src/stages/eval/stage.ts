/** `train --stage eval`: pass@k of a policy on the held-out problems. */

import { compactDuration } from "../../core/format.js";
import type { EvalResult } from "../../eval/sampled.js";
import { evalSummary, evaluationOf, runEvaluation } from "../evaluation.js";
import { modelDirOf, openPolicy, requireRoom } from "../policy.js";
import { loadStageProblems, systemPromptLine } from "../problems.js";
import { openRewarder } from "../rewards.js";
import { type EvalConfig, evalStageSchema } from "../schema.js";
import { inSession } from "../session.js";
import type { Stage, StageContext, StageResult } from "../stage.js";
import { versions } from "../versions.js";

export const evalStage: Stage<EvalConfig> = {
  name: "eval",
  describe: "pass@k of a policy on held-out problems",
  schema: evalStageSchema,
  plan,
  run,
};

async function run(config: EvalConfig, ctx: StageContext): Promise<StageResult> {
  const problems = await loadStageProblems(config, ctx);
  const dir = modelDirOf(config.model.path, ctx);
  const reward = await openRewarder(config.reward, ctx);
  try {
    const policy = await openPolicy({
      dir,
      learner: null,
      sampler: config.sampler,
      cores: ctx.cores,
      warn: (text) => ctx.reporter.warn(text),
    });
    try {
      requireRoom(
        policy,
        problems.sets.flatMap((s) => s.problems),
        config.sampler.max_tokens,
      );
      const open = {
        stage: "eval",
        run: config.run,
        track: config.track,
        ctx,
        engine: policy.label,
        sandbox: reward.sandbox,
        choices: { ...reward.choices, ...policy.choices },
        versions: { ...versions(), ...reward.versions },
        needBytes: 20e6,
      };
      return await inSession(open, async (session) => {
        session.reporter.line(
          `${dir} on ${problems.sets.map((s) => (s.name === "test" ? problems.name : s.name)).join(", ")}`,
        );
        const setup = evaluationOf(config, session, policy, problems, reward.rewarder);
        const evaluation = await runEvaluation(setup, 0, true, ctx.stop).catch((error) => {
          if (!ctx.stop.aborted) throw error;
          return null;
        });
        if (evaluation === null) {
          return {
            summary: { run: session.shown, state: "stopped" },
            exitCode: 75,
            next: [],
            state: "stopped",
          };
        }
        for (const { name, result } of evaluation.sets) {
          if (evaluation.sets.length > 1) session.reporter.line(name);
          for (const [bucket, text] of byBucket(result.problems))
            session.reporter.line(`  ${bucket.padEnd(24)} ${text}`);
        }
        const results = evaluation.sets.map((s) => s.result);
        const tokens = results.reduce((n, r) => n + r.tokens, 0);
        session.reporter.line(
          `${(tokens / 1e3).toFixed(0)}k tokens in ${compactDuration(session.seconds())}`,
        );
        return {
          summary: {
            run: session.shown,
            model: dir,
            problems: results.reduce((n, r) => n + r.problems.length, 0),
            samples: config.eval.final_samples,
            tokens,
            seconds: Math.round(session.seconds() * 1000) / 1000,
            eval: evalSummary(evaluation),
            outcomes: sumOutcomes(results),
          },
          exitCode: 0,
          next: [],
          state: "done",
        };
      });
    } finally {
      await policy.close();
    }
  } finally {
    await reward.rewarder.close();
  }
}

/** Verdicts by outcome, over all sets. */
function sumOutcomes(results: readonly EvalResult[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const { outcomes } of results)
    for (const [outcome, n] of Object.entries(outcomes)) sums[outcome] = (sums[outcome] ?? 0) + n;
  return sums;
}

function byBucket(problems: readonly { bucket: string; n: number; passed: number }[]): [string, string][] {
  const sums = new Map<string, { n: number; passed: number; problems: number }>();
  for (const p of problems) {
    const s = sums.get(p.bucket) ?? { n: 0, passed: 0, problems: 0 };
    sums.set(p.bucket, { n: s.n + p.n, passed: s.passed + p.passed, problems: s.problems + 1 });
  }
  return [...sums]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([bucket, s]) => [bucket, `${(s.passed / Math.max(1, s.n)).toFixed(2)}  (${s.problems} problems)`]);
}

async function plan(config: EvalConfig, ctx: StageContext): Promise<readonly string[]> {
  const problems = await loadStageProblems(config, ctx);
  const sets = problems.sets.map((s) => ({
    ...s,
    count: Math.min(config.eval.final_problems, s.problems.length),
  }));
  const count = sets.reduce((n, s) => n + s.count, 0);
  return [
    `policy     ${modelDirOf(config.model.path, ctx)}`,
    ...sets.map((s) =>
      s.name === "test"
        ? `problems   ${s.count} of ${s.problems.length} held-out problems of ${problems.name}`
        : `problems   ${s.count} of ${s.problems.length} problems of ${s.name}`,
    ),
    systemPromptLine(config.data, problems),
    `rollouts   ${count * config.eval.final_samples}, at most ${config.sampler.max_tokens} tokens each`,
  ];
}
