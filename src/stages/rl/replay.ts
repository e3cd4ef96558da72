/** `train replay RUN --step N`: does a step again from the newest checkpoint before it, and compares it with the record. */

import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { TrainError } from "../../core/errors.js";
import type { Clock, Metrics } from "../../core/ports.js";
import { policyVersion } from "../../core/units.js";
import { readMetrics } from "../../report/read.js";
import { stepMetrics } from "../../rl/loop/metrics.js";
import type { RunState } from "../../rl/loop/run.js";
import type { RoundKeeper } from "../../rl/loop/stored-round.js";
import { makeCheckpointStore } from "../../run/checkpoints.js";
import { isWallClock } from "../../run/keys.js";
import { readRecord } from "../../run/record.js";
import { roundFiles } from "../../run/round-files.js";
import { modelDirOf, openPolicy, requireRoom, restoreCheckpoint } from "../policy.js";
import { loadProblems } from "../problems.js";
import { openRewarder } from "../rewards.js";
import type { RlConfig } from "../schema.js";
import type { StageContext } from "../stage.js";
import { openTrainer } from "./trainer.js";

export interface ReplayRequest {
  readonly run: string;
  readonly step: number;
  readonly clock: Clock;
  readonly onStep: (step: number) => void;
}

export interface ReplayedKey {
  readonly key: string;
  readonly recorded: number | null;
  readonly replayed: number | null;
}

export interface Replayed {
  readonly run: string;
  /** Step of the checkpoint it started from; 0 = from the base policy. */
  readonly from: number;
  readonly step: number;
  /** Values compared, and those that differ (what the clock decides is left out). */
  readonly compared: number;
  readonly differences: readonly ReplayedKey[];
}

/**
 * Writes nothing into the run.
 * @throws TrainError usage when the run or the step is not there; checkpoint when what it needs is corrupt
 */
export async function replay(
  request: ReplayRequest,
  ctx: Pick<StageContext, "cwd" | "root" | "cores" | "cacheDir" | "searchPath" | "resolve" | "reporter">,
  signal: AbortSignal,
): Promise<Replayed> {
  const { run, step, clock } = request;
  const record = readRecord(run);
  if (record === null || record.stage !== "rl") {
    throw new TrainError("usage", `${run} is not a run of stage rl`, { hint: "train ls" });
  }
  const recorded = readMetrics(join(run, "metrics.jsonl")).find((s) => s.step === step);
  if (step < 1 || recorded === undefined || !recorded.values.has("train/rollouts")) {
    throw new TrainError("usage", `${basename(run)} has no record of step ${step}`, {
      hint: `name a step from 1 to ${record.step}`,
    });
  }
  const { config } = (await ctx.resolve("rl", [join(run, "config.resolved.yaml")], [])) as {
    config: RlConfig;
  };
  const store = makeCheckpointStore({
    runDir: run,
    keepLast: 1,
    keepBest: 0,
    version: "",
    configHash: "",
    warn: (text) => ctx.reporter.warn(text),
  });
  const start = store
    .list()
    .map((c) => c.step)
    .filter((s) => s < step)
    .at(-1);
  const problems = await loadProblems(config.data, ctx);
  const reward = await openRewarder(config.reward, ctx);
  try {
    const policy = await openPolicy({
      dir: modelDirOf(config.model.path, ctx),
      learner: config.learner,
      sampler: config.sampler,
      cores: ctx.cores,
      apart: config.rl.async.max_lag > 0,
      warn: (text) => ctx.reporter.warn(text),
    });
    try {
      requireRoom(policy, problems.train, config.sampler.max_tokens);
      const { trainer } = openTrainer(config, {
        policy,
        rewarder: reward.rewarder,
        problems: problems.train,
        clock,
        rounds: readOnly(run),
      });
      if (start !== undefined) {
        const checkpoint = await store.load(start);
        const saved = (checkpoint.manifest.extra as unknown as RunState).trainer;
        await restoreCheckpoint(checkpoint.dir, policy, policyVersion(saved.counters.version), signal);
        trainer.restore(saved);
      }
      for (let k = trainer.progress.step + 1; k < step; k++) {
        request.onStep(k);
        await trainer.step(signal);
      }
      request.onStep(step);
      const outcome = await trainer.step(signal, () => {}, step >= config.rl.steps);
      return {
        run: basename(run),
        from: start ?? 0,
        step,
        ...compare(recorded.values, stepMetrics(outcome)),
      };
    } finally {
      await policy.close();
    }
  } finally {
    await reward.rewarder.close();
  }
}

/** Rounds that the run kept are read, and none is written. */
function readOnly(run: string): RoundKeeper {
  const files = existsSync(join(run, "rounds")) ? roundFiles(run) : null;
  return { load: async (s, r) => (await files?.load(s, r)) ?? null, save: async () => {} };
}

/** Keys that a step records by itself; evaluations and the machine's figures are not part of it. */
export function compare(
  recorded: ReadonlyMap<string, number>,
  replayed: Metrics,
): Pick<Replayed, "compared" | "differences"> {
  const keys = Object.keys(replayed).filter((key) => !isWallClock(key));
  const numberOf = (x: number | string | null | undefined): number | null =>
    typeof x === "number" ? x : null;
  const differences = keys
    .map(
      (key): ReplayedKey => ({
        key,
        recorded: numberOf(recorded.get(key)),
        replayed: numberOf(replayed[key]),
      }),
    )
    .filter((d) => d.recorded !== d.replayed);
  return { compared: keys.length, differences };
}
