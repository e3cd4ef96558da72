/** `train --stage distill`: the supervised cold start on reasoning traces. Chooses and wires. */

import { TrainError } from "../../core/errors.js";
import { compactDuration } from "../../core/format.js";
import type { Rewarder } from "../../core/ports.js";
import { makeRng } from "../../core/rng.js";
import { policyVersion, step as toStep } from "../../core/units.js";
import { SftSchedule, sftBatch } from "../../data/sft.js";
import { loadConfig } from "../../model/hf.js";
import { makeEta } from "../../report/lines.js";
import { learningRate } from "../../rl/algo/schedule.js";
import { evalSummary, runEvaluation } from "../evaluation.js";
import { rlCommand } from "../next-command.js";
import {
  modelDirOf,
  planEngines,
  restoreCheckpoint,
  saveCheckpoint,
  type TrainablePolicy,
} from "../policy.js";
import { loadStageProblems, type StageProblems, systemPromptLine } from "../problems.js";
import { openRewarder } from "../rewards.js";
import { hyperOf } from "../rl/options.js";
import { type DistillConfig, distillStageSchema } from "../schema.js";
import { inSession, type Session } from "../session.js";
import type { Stage, StageContext, StageResult } from "../stage.js";
import { versions } from "../versions.js";
import { loadTraces, makePolicy, rowsOf, shapeOf, type Trace, writeOut } from "./parts.js";

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
  const { reporter, tracker, dir } = session;
  const { steps } = config.distill;
  const rng = makeRng(config.run.seed);
  const schedule = new SftSchedule(
    traces.length,
    rowsOf(traces, policy, config.distill.batch_tokens),
    config.distill.batch_tokens,
    rng.fork("order"),
  );
  let done = 0;
  let seen = 0;
  let trained = 0;
  if (dir.resumed) {
    const checkpoint = await session.checkpoints.latest();
    if (checkpoint !== null) {
      done = checkpoint.step;
      await restoreCheckpoint(checkpoint.dir, policy, policyVersion(done), ctx.stop);
      ({ seen, trained } = checkpoint.manifest.extra as { seen: number; trained: number });
      schedule.skip(done);
      reporter.line(`resuming ${dir.name} from step ${done}`);
    }
    tracker.rewind(checkpoint?.step ?? -1);
  }
  reporter.line(
    `${dir.name}: ${(policy.parameters / 1e6).toFixed(2)}M parameters, vocabulary ${policy.vocabSize}, ` +
      `${traces.length} traces`,
  );
  reporter.line(`${steps} steps of ${config.distill.batch_tokens} tokens; run directory ${session.shown}`);

  const setup = {
    policy,
    rewarder,
    sets: problems.sets,
    section: config.eval,
    maxTokens: config.sampler.max_tokens,
    rng: rng.fork("eval"),
    session,
  };
  const evaluate = async (full: boolean) => {
    await policy.handover.publish(policyVersion(done), ctx.stop);
    return runEvaluation(setup, done, full, ctx.stop);
  };
  const save = async () => {
    session.waitFor(() => "writing a checkpoint");
    await session.checkpoints.save(done, {}, async (to) => {
      await saveCheckpoint(to, policy);
      return { seen, trained };
    });
    dir.update({ step: done });
  };
  const eta = makeEta();
  const lr = {
    peak: config.learner.lr,
    warmupSteps: config.learner.warmup_steps,
    kind: config.learner.schedule,
    finalRatio: config.learner.final_lr_ratio,
    totalSteps: steps,
  };
  let rows = done < steps ? schedule.next() : [];
  while (done < steps) {
    if (ctx.stop.aborted) {
      await save();
      return stopped(session, ctx, done);
    }
    const started = session.seconds();
    session.waitFor(() => `step ${done + 1}: computing the gradient`);
    const batch = sftBatch(rows, toStep(done + 1));
    const rate = learningRate(done + 1, lr);
    const learning = policy.learner.step(
      batch,
      { ...hyperOf(config.learner), lr: rate },
      new AbortController().signal,
    );
    // The engine works in its own thread, so the next rows are encoded meanwhile.
    if (done + 1 < steps) rows = schedule.next();
    const report = await learning;
    if (report.skipped) {
      throw new TrainError("diverged", `step ${done + 1}: the loss or its gradient is not finite`, {
        hint: "lower learner.lr, or resume from the last checkpoint",
      });
    }
    done++;
    seen += report.tokens;
    trained += report.lossTokens;
    const seconds = session.seconds() - started;
    eta.push(seconds);
    tracker.metrics(done, {
      "policy/loss": report.loss,
      "policy/grad_norm": report.gradNorm,
      "policy/lr": rate,
      "policy/loss_tokens": report.lossTokens,
      "train/tokens": report.tokens,
      "train/tokens_total": seen,
      "timing/step_s": seconds,
      "perf/tokens_per_s": report.tokens / seconds,
    });
    const left = eta.eta(steps - done);
    const line =
      `step ${done}/${steps}  loss ${report.loss.toFixed(3)}  lr ${rate.toExponential(1)}  ` +
      `${Math.round(report.tokens / seconds)} tok/s  left ${left === null ? "-" : compactDuration(left)}`;
    if (done === 1 || done % 20 === 0 || done === steps) reporter.line(line);
    else reporter.status(line);
    if (config.eval.every > 0 && done % config.eval.every === 0 && done < steps) {
      await evaluate(false).catch((e) => {
        if (!ctx.stop.aborted) throw e;
      });
    }
    if (done % config.run.save_every === 0 && done < steps) await save();
  }
  await save();
  let final: Awaited<ReturnType<typeof runEvaluation>>;
  try {
    final = await evaluate(true);
  } catch (error) {
    if (!ctx.stop.aborted) throw error;
    return stopped(session, ctx, done);
  }
  const out = await writeOut(config, ctx, session, policy);
  reporter.line("");
  reporter.line(
    `${dir.name}: ${steps} steps, ${(seen / 1e6).toFixed(2)}M tokens, ${compactDuration(session.seconds())}`,
  );
  reporter.line(`  policy    ${out}`);
  reporter.line(`  next      ${rlCommand(out, config)}`);
  return {
    summary: {
      run: session.shown,
      steps,
      tokens: seen,
      trained,
      seconds: Math.round(session.seconds() * 1000) / 1000,
      policy: out,
      eval: evalSummary(final),
    },
    exitCode: 0,
    next: [],
    state: "done",
  };
}

function stopped(session: Session, ctx: StageContext, done: number) {
  session.reporter.line(`stopped at step ${done}, with a checkpoint`);
  return {
    summary: { run: session.shown, steps: done, state: "stopped" },
    exitCode: 75,
    next: [
      `scripts/train --stage distill --config ${ctx.configName}.yaml --name ${session.dir.name} --resume`,
    ],
    state: "stopped" as const,
    reason: "stopped on request, with a checkpoint",
  };
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
