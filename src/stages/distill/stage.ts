/** `train --stage distill`: the supervised cold start on reasoning traces. Chooses and wires. */

import type { Rewarder } from "../../core/ports.js";
import { loadConfig } from "../../model/hf.js";
import { Course } from "../course.js";
import { evaluationOf } from "../evaluation.js";
import { modelDirOf, planEngines, type TrainablePolicy } from "../policy.js";
import { loadStageProblems, type StageProblems, systemPromptLine } from "../problems.js";
import { openRewarder } from "../rewards.js";
import { resumeCourse, runCourse } from "../run-course.js";
import { type DistillConfig, distillStageSchema } from "../schema.js";
import { inSession, type Session } from "../session.js";
import type { Stage, StageContext, StageResult } from "../stage.js";
import { versions } from "../versions.js";
import { finish, stopped } from "./end.js";
import { distillHooks } from "./hooks.js";
import { loadTraces, makePolicy, openTrainer, shapeOf, type Trace } from "./parts.js";

export const distillStage: Stage<DistillConfig> = {
  name: "distill",
  describe: "supervised cold start on a teacher's reasoning traces",
  schema: distillStageSchema,
  plan,
  run,
};

async function run(config: DistillConfig, ctx: StageContext): Promise<StageResult> {
  await enginesOf(config, ctx);
  const traces = await loadTraces(config, ctx);
  const problems = await loadStageProblems(config, ctx);
  const reward = await openRewarder(config.reward, ctx);
  try {
    return await inSession(
      {
        stage: "distill",
        run: config.run,
        track: config.track,
        ctx,
        engine: "embedded",
        sandbox: reward.sandbox,
        choices: reward.choices,
        versions: { ...versions(), ...reward.versions },
        needBytes: 200e6,
      },
      async (session) => {
        const policy = await makePolicy(config, ctx, session, traces);
        session.dir.update({ engine: policy.label, choices: { ...reward.choices, ...policy.choices } });
        try {
          return await train(config, ctx, session, policy, traces, problems, reward.rewarder);
        } finally {
          await policy.close();
        }
      },
    );
  } finally {
    await reward.rewarder.close();
  }
}

async function train(
  config: DistillConfig,
  ctx: StageContext,
  session: Session,
  policy: TrainablePolicy,
  traces: readonly Trace[],
  problems: StageProblems,
  rewarder: Rewarder,
): Promise<StageResult & { state: "done" | "stopped"; reason?: string }> {
  const { trainer, form } = openTrainer(config, policy, traces, ctx.clock);
  const course = new Course(["learn", "eval"]);
  const run = {
    session,
    ctx,
    policy,
    trainer,
    form,
    course,
    evaluation: evaluationOf(config, session, policy, problems, rewarder),
    options: {
      steps: config.distill.steps,
      saveEvery: config.run.save_every,
      evalBefore: false,
      evalEvery: config.eval.every,
      maxGeneratedTokens: null,
      maxSeconds: null,
    },
    hooks: distillHooks(config, session, policy, trainer, course),
  };
  const from = await resumeCourse(run);
  announce(config, session, policy, traces);
  const { end, seconds } = await runCourse(run, from);
  if (end === "stopped") return stopped(session, ctx, trainer.progress.step);
  return finish(config, ctx, session, policy, trainer, course, seconds);
}

function announce(
  config: DistillConfig,
  { dir, reporter, shown }: Session,
  policy: TrainablePolicy,
  traces: readonly Trace[],
): void {
  reporter.line(
    `${dir.name}: ${(policy.parameters / 1e6).toFixed(2)}M parameters, vocabulary ${policy.vocabSize}, ` +
      `${traces.length} traces`,
  );
  const { steps, batch_tokens: tokens } = config.distill;
  reporter.line(`${steps} steps of ${tokens} tokens; run directory ${shown}`);
}

/** @throws TrainError `tool` when a backend is not there or the GPU is too small: before there is a run */
async function enginesOf(config: DistillConfig, ctx: StageContext) {
  const a = config.architecture;
  const shape =
    config.distill.init === "scratch"
      ? shapeOf(a, a.vocab_size, [])
      : await loadConfig(modelDirOf(config.model.path, ctx));
  const { learner, sampler, distill } = config;
  return planEngines({ learner, sampler, rowTokens: distill.batch_tokens }, shape);
}

async function plan(config: DistillConfig, ctx: StageContext): Promise<readonly string[]> {
  const traces = await loadTraces(config, ctx);
  const problems = await loadStageProblems(config, ctx);
  const a = config.architecture;
  const { learner, sampler, memory } = await enginesOf(config, ctx);
  return [
    config.distill.init === "scratch"
      ? `policy     from scratch: d ${a.hidden_size}, ${a.layers} layers, vocabulary ${a.vocab_size}`
      : `policy     continues ${modelDirOf(config.model.path, ctx)}`,
    `learner    ${learner}`,
    `sampler    ${sampler}`,
    ...(memory === null ? [] : [`GPU memory ${memory}`]),
    `traces     ${traces.length}`,
    systemPromptLine(config.data, problems),
    `steps      ${config.distill.steps} of ${config.distill.batch_tokens} tokens: ${((config.distill.steps * config.distill.batch_tokens) / 1e6).toFixed(1)}M tokens`,
    `held out   ${problems.test.length} problems`,
  ];
}
