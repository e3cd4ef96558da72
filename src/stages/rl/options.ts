/** From the config of the rl stage to the options of the loop. */

import type { Rng } from "../../core/rng.js";
import type { LossSpec, Problem } from "../../core/types.js";
import { seed } from "../../core/units.js";
import type { KeepRule } from "../../rl/algo/filters.js";
import { strategyKind } from "../../rl/algo/strategies/index.js";
import type { StrategyKind } from "../../rl/algo/strategies/kind.js";
import type { Strategy } from "../../rl/algo/strategy.js";
import type { TrainerOptions } from "../../rl/loop/trainer.js";
import { chosenAdvantage, OVERLONG } from "../../rl/schema.js";
import type { RlConfig } from "../schema.js";

/** What every strategy is asked for, whichever the config chooses. */
const kindOf = ({ rl }: RlConfig): StrategyKind => strategyKind(rl.sampling.strategy);

export const makeStrategy = (config: RlConfig, train: readonly Problem[], rng: Rng): Strategy =>
  kindOf(config).make(config.rl.sampling, {
    problems: train.map((p) => ({
      id: p.id,
      bucket: p.meta.bucket ?? p.meta.source,
      ...(p.meta.prior === undefined ? {} : { prior: p.meta.prior }),
    })),
    groupSize: config.rl.group_size,
    steps: config.rl.steps,
    advantage: chosenAdvantage(config.rl),
    rng: rng.fork("cursor"),
    seed: seed(config.run.seed),
  });

/** Which groups the config's strategy trains on. */
export const keepRule = (config: RlConfig): KeepRule =>
  kindOf(config).keep(config.rl.sampling, chosenAdvantage(config.rl));

/** Tokens behind the counts that a run starts from: those of the problems' priors, where the strategy uses them. */
export function tokensOfPriors(config: RlConfig, train: readonly Problem[]): number {
  if (!kindOf(config).estimates || !config.rl.sampling.warm_start) return 0;
  return train.reduce((n, p) => n + (p.meta.prior?.tokens ?? 0), 0);
}

/** @param priorTokens tokens that were spent before the run and that count as its own */
export function trainerOptions(config: RlConfig, priorTokens = 0): TrainerOptions {
  const { rl, learner, sampler } = config;
  const loss: LossSpec = {
    kind: "clip",
    epsLow: rl.loss.eps_low,
    epsHigh: rl.loss.eps_high,
    dualClip: rl.loss.dual_clip,
    klCoef: rl.loss.kl_coef,
    entropyCoef: rl.loss.entropy_coef,
  };
  return {
    groups: rl.groups,
    minGroups: rl.sampling.min_groups,
    maxRounds: rl.sampling.max_rounds,
    bank: rl.sampling.bank,
    bankMaxAge: rl.sampling.bank_max_age,
    updatesPerBatch: rl.updates_per_batch,
    advantage: chosenAdvantage(config.rl),
    loss,
    divisor: rl.loss.divisor,
    overlong: {
      mode: rl.loss.overlong,
      buffer: rl.loss.overlong_buffer ?? OVERLONG.buffer,
      factor: rl.loss.overlong_factor ?? OVERLONG.factor,
    },
    screen: rl.sampling.screen,
    priorTokens,
    tokenBudget: rl.max_generated_tokens,
    importanceCap: rl.loss.importance_cap,
    sampling: { temperature: sampler.temperature, topP: sampler.top_p, maxTokens: sampler.max_tokens },
    hyper: hyperOf(learner),
    lr: {
      peak: learner.lr,
      warmupSteps: learner.warmup_steps,
      kind: learner.schedule,
      finalRatio: learner.final_lr_ratio,
      totalSteps: rl.steps,
    },
    onNoSignal: rl.on_no_signal,
    learn: rl.only !== "rollouts",
    maxLag: rl.async.max_lag === 0 ? 0 : 1,
  };
}

export const hyperOf = (learner: RlConfig["learner"]): TrainerOptions["hyper"] => ({
  beta1: learner.beta1,
  beta2: learner.beta2,
  eps: learner.eps,
  weightDecay: learner.weight_decay,
  maxGradNorm: learner.max_grad_norm,
  microBatchTokens: learner.micro_batch_tokens,
});
