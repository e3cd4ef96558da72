/** The trainer of the rl stage with its ports, and where its rounds are kept or come from. */

import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { TrainError } from "../../core/errors.js";
import type { Clock, Rewarder } from "../../core/ports.js";
import { makeRng } from "../../core/rng.js";
import type { Problem } from "../../core/types.js";
import { type RecordedPlans, replayStrategy } from "../../rl/algo/replay-strategy.js";
import type { PlannedProblem, Strategy } from "../../rl/algo/strategy.js";
import { type RoundKeeper, recordedPlan } from "../../rl/loop/stored-round.js";
import { RlTrainer } from "../../rl/loop/trainer.js";
import { type RoundFiles, roundFiles } from "../../run/round-files.js";
import type { TrainablePolicy } from "../policy.js";
import type { RlConfig } from "../schema.js";
import { keepRule, makeStrategy, tokensOfPriors, trainerOptions } from "./options.js";

export interface OpenTrainer {
  readonly policy: TrainablePolicy;
  readonly rewarder: Rewarder;
  readonly problems: readonly Problem[];
  readonly clock: Clock;
  readonly rounds: RoundKeeper;
  /** Trains on these instead of sampling; null = samples. */
  readonly dump?: Dump | null;
}

export interface OpenedTrainer {
  readonly trainer: RlTrainer;
  readonly strategy: Strategy;
}

/** Everything random in it comes from `run.seed`, so that two of them with the same config do the same. */
export function openTrainer(config: RlConfig, open: OpenTrainer): OpenedTrainer {
  const rng = makeRng(config.run.seed);
  const { policy, dump } = open;
  const strategy = dump
    ? replayStrategy(dump.plans, keepRule(config))
    : makeStrategy(config, open.problems, rng);
  const options = trainerOptions(config, tokensOfPriors(config, open.problems));
  // A dump has its plans already: nothing is left to be found out.
  const trainer = new RlTrainer(dump ? { ...options, screen: 0 } : options, {
    sampler: policy.sampler,
    rewarder: open.rewarder,
    learner: policy.learner,
    handover: policy.handover,
    decode: policy.decode,
    promptIds: policy.promptIds,
    problems: open.problems,
    strategy,
    clock: open.clock,
    rng: rng.fork("rl"),
    rounds: dump?.rounds ?? open.rounds,
  });
  return { trainer, strategy };
}

/** Rollouts that an earlier run left, to train on. */
export interface Dump {
  readonly plans: RecordedPlans;
  readonly rounds: RoundFiles;
  /** Steps it has, from 1. */
  readonly steps: number;
}

/**
 * Reads the rounds of a run (`--rollouts-only` keeps all of them).
 * @throws TrainError data when there are none, a step is missing, or a problem is not in the training set
 */
export async function openDump(run: string, problems: readonly Problem[]): Promise<Dump> {
  const dir = join(run, "rounds");
  const names = existsSync(dir) ? readdirSync(dir).sort() : [];
  const found = names.flatMap((name) => {
    const m = /^step-(\d+)\.(\d+)\.json\.gz$/.exec(name);
    return m === null ? [] : [{ step: Number(m[1]), round: Number(m[2]) }];
  });
  if (found.length === 0) {
    throw new TrainError("data", `${run} holds no rollouts: expected files rounds/step-000001.0.json.gz …`, {
      hint: "make them with: train --stage rl --config NAME.yaml --rollouts-only",
    });
  }
  const indexOf = new Map(problems.map((p, i) => [String(p.id), i]));
  const rounds = roundFiles(run);
  const plans = new Map<number, PlannedProblem[][]>();
  for (const { step, round } of found.sort((a, b) => a.step - b.step || a.round - b.round)) {
    const plan = recordedPlan(await rounds.load(step, round));
    if (plan === null) throw new TrainError("data", `${dir}: round ${round} of step ${step} cannot be read`);
    const strange = plan.find((p) => indexOf.get(p.id) !== p.problem);
    if (strange !== undefined) {
      throw new TrainError(
        "data",
        `${run}: its rollouts are of other problems (${strange.id}) than data.* names`,
        {
          hint: "use the data section of the run that sampled them",
        },
      );
    }
    plans.set(step, [...(plans.get(step) ?? []), plan]);
  }
  const steps = Math.max(...plans.keys());
  // Later steps may have none of their own: banked groups sufficed.
  if (!plans.has(1)) {
    throw new TrainError("data", `${run}: the rollouts of its first steps are missing`, {
      hint: "a checkpoint covered them; use a run made with --rollouts-only",
    });
  }
  return { plans, rounds: { ...rounds, save: async () => {} }, steps };
}
