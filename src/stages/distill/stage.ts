/** `train --stage distill`: the supervised cold start on reasoning traces. Chooses and wires. */

import type { ProblemSource, Rewarder } from "../../core/ports.js";
import { loadModelDir } from "../../model/hf.js";
import { countParameters } from "../../model/parameters.js";
import { chooseBackends, planMemory } from "../backends.js";
import { Course } from "../course.js";
import { modelDirOf, type Policy } from "../policy.js";
import { loadProblems } from "../problems.js";
import { openRewarder } from "../rewards.js";
import { evaluationOf, resumeCourse, runCourse } from "../run-course.js";
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
  await backendsOf(config, ctx);
  const traces = await loadTraces(config, ctx);
  const problems = await loadProblems(config.data, ctx);
  const reward = await openRewarder(config.reward, ctx);
  try {
    return await inSession(
      {
        stage: "distill",
        run: config.run,
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
  policy: Policy,
  traces: readonly Trace[],
  problems: ProblemSource,
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
    hooks: distillHooks(config, session, trainer, course),
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
  policy: Policy,
  traces: readonly Trace[],
): void {
  reporter.line(
    `${dir.name}: ${(policy.parameters / 1e6).toFixed(2)}M parameters, vocabulary ${policy.config.vocabSize}, ` +
      `${traces.length} traces`,
  );
  const { steps, batch_tokens: tokens } = config.distill;
  reporter.line(`${steps} steps of ${tokens} tokens; run directory ${shown}`);
}

/** @throws TrainError `tool` when a backend is not there or the GPU is too small: before there is a run */
async function backendsOf(config: DistillConfig, ctx: StageContext) {
  const a = config.architecture;
  const shape =
    config.distill.init === "scratch"
      ? shapeOf(a, a.vocab_size, [])
      : (await loadModelDir(modelDirOf(config.model.path, ctx))).config;
  const backends = await chooseBackends(config.learner, config.sampler, countParameters(shape));
  const memory = planMemory(
    backends,
    shape,
    config.learner,
    Math.min(shape.maxPositionEmbeddings, config.distill.batch_tokens),
  );
  return { backends, memory };
}

async function plan(config: DistillConfig, ctx: StageContext): Promise<readonly string[]> {
  const traces = await loadTraces(config, ctx);
  const problems = await loadProblems(config.data, ctx);
  const a = config.architecture;
  const { backends, memory } = await backendsOf(config, ctx);
  return [
    config.distill.init === "scratch"
      ? `policy     from scratch: d ${a.hidden_size}, ${a.layers} layers, vocabulary ${a.vocab_size}`
      : `policy     continues ${modelDirOf(config.model.path, ctx)}`,
    `learner    ${backends.learner.order[0]}: ${backends.learner.reason}`,
    `sampler    ${backends.sampler.order[0]}: ${backends.sampler.reason}`,
    ...(memory === null ? [] : [`GPU memory ${memory}`]),
    `traces     ${traces.length}`,
    `steps      ${config.distill.steps} of ${config.distill.batch_tokens} tokens: ${((config.distill.steps * config.distill.batch_tokens) / 1e6).toFixed(1)}M tokens`,
    `held out   ${problems.test.length} problems`,
  ];
}
