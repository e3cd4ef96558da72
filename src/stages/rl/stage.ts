/** `train --stage rl`: reinforcement with a verified reward. Chooses and wires; the loop is in rl/loop. */

import { progressBar } from "../../core/format.js";
import type { Rewarder } from "../../core/ports.js";
import { makeRng } from "../../core/rng.js";
import type { Problem } from "../../core/types.js";
import { policyVersion } from "../../core/units.js";
import { makeEta, STEP_HEADER } from "../../report/lines.js";
import type { EvalPoint } from "../../report/summary.js";
import { Health, type HealthState } from "../../rl/loop/health.js";
import { type RunState, runLoop } from "../../rl/loop/run.js";
import { roundFiles } from "../../run/round-files.js";
import { makeSpans } from "../../run/spans.js";
import { evalPoint, runEvaluation } from "../evaluation.js";
import {
  modelDirOf,
  openPolicy,
  requireRoom,
  resolvePath,
  restoreCheckpoint,
  saveCheckpoint,
  type TrainablePolicy,
} from "../policy.js";
import { loadStageProblems, type StageProblems, systemPromptLine } from "../problems.js";
import { writeReport } from "../report.js";
import { openRewarder } from "../rewards.js";
import { type RlConfig, rlStageSchema } from "../schema.js";
import { inSession, type Session } from "../session.js";
import type { Stage, StageContext, StageResult } from "../stage.js";
import { versions } from "../versions.js";
import { finish, goBack } from "./end.js";
import { lineOf, phaseSpans, recordStep, rewardEvent, vitalsOf } from "./record.js";
import { openDump, openTrainer } from "./trainer.js";

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
    policy = await openPolicy({
      dir: modelDir,
      learner: config.learner,
      sampler: config.sampler,
      cores: ctx.cores,
      apart: config.rl.async.max_lag > 0,
      warn: (text) => ctx.reporter.warn(text),
    });
    requireRoom(
      policy,
      [...problems.train, ...problems.sets.flatMap((s) => s.problems)],
      config.sampler.max_tokens,
    );
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

/** What a checkpoint of this stage carries besides the weights. */
interface SavedRun extends RunState {
  readonly before: EvalPoint | null;
  readonly after: EvalPoint | null;
  readonly split: Record<string, number>;
  readonly health: HealthState;
}

async function train(
  config: RlConfig,
  ctx: StageContext,
  session: Session,
  policy: TrainablePolicy,
  problems: StageProblems,
  rewarder: Rewarder,
): Promise<StageResult & { state: "done" | "stopped"; reason?: string }> {
  const { reporter } = session;
  const rounds = roundFiles(session.dir.path);
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
  const health = new Health();
  const steps = Math.min(config.rl.steps, dump?.steps ?? config.rl.steps);
  const spans = makeSpans({
    runDir: session.dir.path,
    attempt: session.dir.attempt,
    clock: ctx.clock,
    warn: (text) => reporter.warn(text),
  });
  const phases = phaseSpans(spans);
  const split: Record<string, number> = { sample: 0, reward: 0, learn: 0, eval: 0 };
  const points: { before: EvalPoint | null; after: EvalPoint | null } = { before: null, after: null };

  let from: SavedRun | null = null;
  if (session.dir.resumed) {
    const checkpoint = await session.checkpoints.latest();
    if (checkpoint !== null) {
      from = checkpoint.manifest.extra as unknown as SavedRun;
      const version = policyVersion(from.trainer.counters.version);
      await restoreCheckpoint(checkpoint.dir, policy, version, ctx.stop);
      Object.assign(split, from.split);
      health.restore(from.health);
      points.before = from.before;
      points.after = from.after;
      reporter.line(`resuming ${session.dir.name} from step ${checkpoint.step}`);
    }
    session.tracker.rewind(checkpoint?.step ?? -1);
  }
  reporter.line(
    `${session.dir.name}: ${(policy.parameters / 1e6).toFixed(2)}M parameters, ${problems.train.length} problems to train ` +
      `on, ${problems.test.length} held out`,
  );
  reporter.line(
    `strategy ${strategy.name}, ${config.rl.steps} steps of ${config.rl.groups} groups, mean ${config.rl.group_size} rollouts each`,
  );
  reporter.line(`run directory ${session.shown}`);

  const setup = {
    policy,
    rewarder,
    sets: problems.sets,
    section: config.eval,
    maxTokens: config.sampler.max_tokens,
    rng: makeRng(config.run.seed).fork("eval"),
    session,
  };
  const eta = makeEta();
  const problemOf = new Map<string, Problem>(problems.train.map((p) => [p.id, p]));
  let headed = false;
  const end = await runLoop(
    trainer,
    {
      steps,
      saveEvery: config.run.save_every,
      evalEvery: config.eval.every,
      maxGeneratedTokens: config.rl.max_generated_tokens,
      maxSeconds: config.rl.max_minutes === null ? null : config.rl.max_minutes * 60,
    },
    {
      seconds: session.seconds,
      saveRequested: ctx.saveRequested,
      progress: (phase, p, ahead, prepared) => {
        const step = trainer.progress.step + (ahead ? 2 : 1);
        // Work ahead goes on beside the learner's; its span would only chop the learner's up.
        if (!ahead) phases.enter(phase, step);
        const bar = prepared === undefined ? "" : ` ${progressBar(prepared.done, prepared.total)}`;
        // Asked for when the heartbeat speaks too, long after this call.
        const what = () => {
          const { oldestMs } = rewarder.waiting();
          const oldest = oldestMs > 1000 ? `, oldest check ${(oldestMs / 1000).toFixed(0)} s` : "";
          return p === null
            ? `step ${step}: ${PHASE_WORDS[phase]}${bar}${oldest}`
            : `step ${step}: ${p.sampled} of ${p.total} rollouts sampled, ${p.scored} scored${oldest}`;
        };
        session.waitFor(what);
        reporter.status(what());
      },
      evaluate: async (step, kind, signal) => {
        const started = session.seconds();
        const end = spans.span("eval", "loop", { step });
        const result = await runEvaluation(setup, step, kind !== "during", signal);
        end();
        split.eval! += session.seconds() - started;
        if (kind === "before") points.before = evalPoint(result);
        if (kind === "after") points.after = evalPoint(result);
        return result.pass1.mean;
      },
      onStep: (outcome) => {
        if (!headed) for (const line of STEP_HEADER) reporter.line(line);
        headed = true;
        phases.leave();
        recordStep(session, outcome, problemOf, split, (from?.seconds ?? 0) + session.seconds());
        spans.flush();
        eta.push(outcome.seconds);
        reporter.status(null);
        reporter.line(lineOf(outcome, steps, eta.eta(steps - outcome.step)));
        for (const { text } of health.observe(vitalsOf(outcome))) reporter.warn(text);
        for (const { id, reason } of outcome.tally.quarantined)
          reporter.warn(`problem ${id} is in quarantine and is not chosen any more: ${reason}`);
        for (const refused of outcome.tally.refused) reporter.warn(`problem left out: ${refused}`);
        if (outcome.report === null && config.rl.only !== "rollouts") {
          reporter.warn(
            `step ${outcome.step}: only ${outcome.trained.length} useful groups, so the weights stay as they are and ` +
              "the choice of problems widens; try more rollouts (rl.group_size) or other problems",
          );
        }
        return !(health.collapsed && config.rl.on_collapse === "stop");
      },
      save: async (state, metric) => {
        session.waitFor(() => "writing a checkpoint");
        const saved: SavedRun = { ...state, ...points, split, health: health.state() };
        await session.checkpoints.save(
          state.trainer.counters.step,
          metric === null ? {} : { metric },
          async (dir) => {
            await saveCheckpoint(dir, policy);
            return saved as unknown as Record<string, unknown>;
          },
        );
        // With --rollouts-only the rounds are what the run is for.
        if (config.rl.only === null) rounds.covered(state.trainer.counters.step);
        session.dir.update({ step: state.trainer.counters.step });
      },
    },
    from,
    ctx.stop,
  );
  spans.close();
  session.dir.event("reward", rewardEvent(await rewarder.stats()));
  if (end === "collapsed") return goBack(config, session, policy, trainer);
  return finish({ config, ctx, session, policy, trainer, end, points, split, earlier: from?.seconds ?? 0 });
}

const PHASE_WORDS = {
  prepare: "preparing the goldens",
  sample: "sampling",
  score: "waiting for verdicts",
  learn: "computing the gradient",
  publish: "handing over the weights",
} as const;

async function plan(config: RlConfig, ctx: StageContext): Promise<readonly string[]> {
  const problems = await loadStageProblems(config, ctx);
  const reward = await openRewarder(config.reward, ctx);
  try {
    const modelDir = modelDirOf(config.model.path, ctx);
    const policy = await openPolicy({
      dir: modelDir,
      learner: config.learner,
      sampler: config.sampler,
      cores: ctx.cores,
      warn: (text) => ctx.reporter.warn(text),
    });
    try {
      requireRoom(
        policy,
        [...problems.train, ...problems.sets.flatMap((s) => s.problems)],
        config.sampler.max_tokens,
      );
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
