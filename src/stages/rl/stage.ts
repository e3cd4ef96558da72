/** `train --stage rl`: reinforcement with a verified reward. Chooses and wires; the loop is in rl/loop. */

import type { Rewarder } from "../../core/ports.js";
import type { Strategy } from "../../rl/algo/strategy.js";
import type { RunOptions } from "../../rl/loop/run.js";
import { makeSpans } from "../../run/spans.js";
import { Course } from "../course.js";
import { evaluationOf } from "../evaluation.js";
import { roundsOfRun } from "../format-1.js";
import { modelDirOf, openPolicy, requireRoom, resolvePath, type TrainablePolicy } from "../policy.js";
import { loadStageProblems, type StageProblems, systemPromptLine } from "../problems.js";
import { writeReport } from "../report.js";
import { openRewarder } from "../rewards.js";
import { resumeCourse, runCourse } from "../run-course.js";
import { type RlConfig, rlStageSchema } from "../schema.js";
import { inSession, type Session } from "../session.js";
import type { Stage, StageContext, StageResult } from "../stage.js";
import { versions } from "../versions.js";
import { finish, goBack } from "./end.js";
import { rlHooks } from "./hooks.js";
import { rewardEvent } from "./record.js";
import { openDump, openTrainer, rlForm } from "./trainer.js";

export const rlStage: Stage<RlConfig> = {
  name: "rl",
  describe: "reinforce a policy with adaptive DAPO and a reward that a simulator verifies",
  schema: rlStageSchema,
  plan,
  run,
};

async function run(config: RlConfig, ctx: StageContext): Promise<StageResult> {
  const modelDir = modelDirOf(config.model.path, ctx);
  const problems = await loadStageProblems(config, ctx);
  const reward = await openRewarder(config.reward, ctx);
  let policy: TrainablePolicy | null = null;
  try {
    policy = await open(config, ctx, modelDir, problems, config.rl.async.max_lag > 0);
    const opened = policy;
    return await inSession(
      {
        stage: "rl",
        run: config.run,
        track: config.track,
        ctx,
        engine: opened.label,
        sandbox: reward.sandbox,
        choices: { ...reward.choices, ...opened.choices },
        versions: { ...versions(), ...reward.versions },
        afterwards: writeReport,
        // fp32 weights and two moments, and the policy in HF layout, for each checkpoint that is kept and one in the making.
        needBytes: 16 * opened.parameters * (config.run.keep_last + config.run.keep_best + 1) + 20e6,
      },
      (session) => train(config, ctx, session, opened, problems, reward.rewarder),
    );
  } finally {
    await policy?.close();
    await reward.rewarder.close();
  }
}

/** The policy, with room for an answer behind every prompt. @param apart see `OpenPolicy` */
async function open(
  config: RlConfig,
  ctx: StageContext,
  dir: string,
  problems: StageProblems,
  apart: boolean,
): Promise<TrainablePolicy> {
  const { learner, sampler } = config;
  const warn = (text: string): void => ctx.reporter.warn(text);
  const policy = await openPolicy({ dir, learner, sampler, cores: ctx.cores, apart, warn });
  try {
    const asked = [...problems.train, ...problems.sets.flatMap((s) => s.problems)];
    requireRoom(policy, asked, sampler.max_tokens);
    return policy;
  } catch (error) {
    await policy.close();
    throw error;
  }
}

async function train(
  config: RlConfig,
  ctx: StageContext,
  session: Session,
  policy: TrainablePolicy,
  problems: StageProblems,
  rewarder: Rewarder,
): Promise<StageResult & { state: "done" | "stopped"; reason?: string }> {
  const rounds = roundsOfRun(session.dir.path);
  const dump =
    config.rl.rollouts === null ? null : await openDump(resolvePath(config.rl.rollouts, ctx), problems.train);
  const { trainer, strategy } = openTrainer(config, {
    policy,
    rewarder,
    problems: problems.train,
    clock: ctx.clock,
    rounds,
    dump,
  });
  const steps = Math.min(config.rl.steps, dump?.steps ?? config.rl.steps);
  const spans = makeSpans({
    runDir: session.dir.path,
    attempt: session.dir.attempt,
    clock: ctx.clock,
    warn: (text) => session.reporter.warn(text),
  });
  const course = new Course(["sample", "reward", "learn", "eval"]);
  const run = {
    session,
    ctx,
    policy,
    trainer,
    form: rlForm,
    course,
    evaluation: evaluationOf(config, session, policy, problems, rewarder),
    options: runOptions(config, steps),
    hooks: rlHooks({
      config,
      session,
      trainer,
      rewarder,
      problems: problems.train,
      course,
      spans,
      rounds,
      steps,
    }),
  };
  const from = await resumeCourse(run);
  announce(config, session, policy, problems, strategy);
  const { end, seconds } = await runCourse(run, from);
  spans.close();
  session.dir.event("reward", rewardEvent(await rewarder.stats()));
  if (end === "collapsed") return goBack(config, session, policy, trainer);
  return finish({ config, ctx, session, policy, trainer, end, course, seconds });
}

const runOptions = (config: RlConfig, steps: number): RunOptions => ({
  steps,
  saveEvery: config.run.save_every,
  evalBefore: true,
  evalEvery: config.eval.every,
  maxGeneratedTokens: config.rl.max_generated_tokens,
  maxSeconds: config.rl.max_minutes === null ? null : config.rl.max_minutes * 60,
});

function announce(
  config: RlConfig,
  { dir, reporter, shown }: Session,
  policy: TrainablePolicy,
  problems: StageProblems,
  strategy: Strategy,
): void {
  reporter.line(
    `${dir.name}: ${(policy.parameters / 1e6).toFixed(2)}M parameters, ${problems.train.length} problems to train ` +
      `on, ${problems.test.length} held out`,
  );
  reporter.line(
    `strategy ${strategy.name}, ${config.rl.steps} steps of ${config.rl.groups} groups, mean ${config.rl.group_size} rollouts each`,
  );
  reporter.line(`run directory ${shown}`);
}

async function plan(config: RlConfig, ctx: StageContext): Promise<readonly string[]> {
  const problems = await loadStageProblems(config, ctx);
  const reward = await openRewarder(config.reward, ctx);
  try {
    const modelDir = modelDirOf(config.model.path, ctx);
    const policy = await open(config, ctx, modelDir, problems, false);
    try {
      const rollouts = config.rl.steps * config.rl.groups * config.rl.group_size;
      return [
        `policy     ${modelDir}: ${(policy.parameters / 1e6).toFixed(2)}M parameters, context ${policy.contextTokens}`,
        `learner    ${policy.choices["learner.backend"] ?? config.learner.engine}`,
        `sampler    ${policy.choices["sampler.backend"] ?? config.sampler.engine}`,
        ...(policy.choices["learner.memory"] === undefined
          ? []
          : [`GPU memory ${policy.choices["learner.memory"]}`]),
        `problems   ${problems.name}: ${problems.train.length} to train on, ${problems.test.length} held out`,
        systemPromptLine(config.data, problems),
        `strategy   ${config.rl.sampling.strategy}, ${config.rl.steps} steps of ${config.rl.groups} groups`,
        `rollouts   about ${rollouts} trained on, up to ${rollouts * config.sampler.max_tokens} tokens, plus groups that are filtered`,
        `reward     ${config.reward.shape}, Icarus Verilog ${reward.versions.iverilog ?? "not used"}, sandbox: ${reward.sandbox}`,
        `disk       about ${Math.ceil((16 * policy.parameters * (config.run.keep_last + config.run.keep_best + 1)) / 1e6)} MB of checkpoints in ${config.run.dir}`,
      ];
    } finally {
      await policy.close();
    }
  } finally {
    await reward.rewarder.close();
  }
}
