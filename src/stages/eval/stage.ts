/** `train --stage eval`: pass@k of a policy on the held-out problems. */

import { compactDuration } from "../../core/format.js";
import { makeRng } from "../../core/rng.js";
import { evalSummary, runEvaluation } from "../evaluation.js";
import { modelDirOf, openPolicy, requireRoom } from "../policy.js";
import { loadProblems, systemPromptLine } from "../problems.js";
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
  const problems = await loadProblems(config.data, ctx);
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
      requireRoom(policy, problems.test, config.sampler.max_tokens);
      const open = {
        stage: "eval",
        run: config.run,
        ctx,
        engine: policy.label,
        sandbox: reward.sandbox,
        choices: { ...reward.choices, ...policy.choices },
        versions: { ...versions(), ...reward.versions },
        needBytes: 20e6,
      };
      return await inSession(open, async (session) => {
        session.reporter.line(`${dir} on ${problems.name}`);
        const setup = {
          policy,
          rewarder: reward.rewarder,
          problems: problems.test,
          section: config.eval,
          maxTokens: config.sampler.max_tokens,
          rng: makeRng(config.run.seed).fork("eval"),
          session,
        };
        const result = await runEvaluation(setup, 0, true, ctx.stop).catch((error) => {
          if (!ctx.stop.aborted) throw error;
          return null;
        });
        if (result === null) {
          return {
            summary: { run: session.shown, state: "stopped" },
            exitCode: 75,
            next: [],
            state: "stopped",
          };
        }
        for (const [bucket, text] of byBucket(result.problems))
          session.reporter.line(`  ${bucket.padEnd(24)} ${text}`);
        session.reporter.line(
          `${(result.tokens / 1e3).toFixed(0)}k tokens in ${compactDuration(session.seconds())}`,
        );
        return {
          summary: {
            run: session.shown,
            model: dir,
            problems: result.problems.length,
            samples: result.samples,
            tokens: result.tokens,
            seconds: Math.round(session.seconds() * 1000) / 1000,
            eval: evalSummary(result),
            outcomes: result.outcomes,
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
  const problems = await loadProblems(config.data, ctx);
  const count = Math.min(config.eval.final_problems, problems.test.length);
  return [
    `policy     ${modelDirOf(config.model.path, ctx)}`,
    `problems   ${count} of ${problems.test.length} held-out problems of ${problems.name}`,
    systemPromptLine(config.data, problems),
    `rollouts   ${count * config.eval.final_samples}, at most ${config.sampler.max_tokens} tokens each`,
  ];
}
