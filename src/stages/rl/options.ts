/** From the config of the rl stage to the options of the loop. */

import { TrainError } from "../../core/errors.js";
import type { Rng } from "../../core/rng.js";
import type { LossSpec, Problem } from "../../core/types.js";
import { seed } from "../../core/units.js";
import { AdaptiveStrategy } from "../../rl/algo/adaptive.js";
import { batchMinStrategy, batchWindowStrategy } from "../../rl/algo/strategies/yield-rounds.js";
import type { KeepRule } from "../../rl/algo/filters.js";
import type { Strategy } from "../../rl/algo/strategy.js";
import { dynamicStrategy, fixedStrategy } from "../../rl/algo/strategies/uniform.js";
import type { TrainerOptions } from "../../rl/loop/trainer.js";
import { chosenAdvantage, fewestRollouts, OVERLONG } from "../../rl/schema.js";
import type { RlConfig } from "../schema.js";

export function makeStrategy(config: RlConfig, train: readonly Problem[], rng: Rng): Strategy {
  const { sampling, group_size: groupSize, steps } = config.rl;
  const uniform = { problems: train.length, groupSize, rng: rng.fork("cursor") };
  switch (sampling.strategy) {
    case "fixed":
      return fixedStrategy(uniform);
    case "dynamic":
      return dynamicStrategy({ ...uniform, oversample: sampling.oversample });
    case "batch_min":
      return batchMinStrategy(uniform);
    case "batch_window":
      return batchWindowStrategy(uniform);
    case "adaptive":
      return new AdaptiveStrategy({
        problems: train.map((p) => ({
          id: p.id,
          bucket: p.meta.bucket ?? p.meta.source,
          ...(p.meta.prior === undefined ? {} : { prior: p.meta.prior }),
        })),
        groupSize,
        nMin: fewestRollouts(sampling.n_min, groupSize),
        nMax: sampling.n_max,
        stepTokens: sampling.step_tokens,
        explore: sampling.explore,
        kappa: sampling.kappa,
        kappaFinal: sampling.kappa_final,
        kappaSchedule: sampling.kappa_schedule,
        totalSteps: steps,
        priorStrength: sampling.prior_strength,
        warmStart: sampling.warm_start,
        drift: sampling.drift,
        revisit: sampling.revisit,
        retire: sampling.retire,
        objective: sampling.objective,
        keep: keepRule(config),
        seed: seed(config.run.seed),
      });
    default:
      throw new TrainError("bug", `unknown strategy ${sampling.strategy satisfies never}`);
  }
}

/** Which groups the config's strategy trains on. */
export function keepRule(config: RlConfig): KeepRule {
  const { strategy, keep, min_surprise: least } = config.rl.sampling;
  if (strategy === "fixed") return { kind: "all" };
  const surprisable = strategy === "adaptive" && chosenAdvantage(config.rl) === "history";
  return surprisable && keep !== "mixed" ? { kind: "surprising", least } : { kind: "mixed" };
}

/** Tokens behind the counts that a run starts from: those of the problems' priors, where the strategy uses them. */
export function tokensOfPriors(config: RlConfig, train: readonly Problem[]): number {
  const { strategy, warm_start: warm } = config.rl.sampling;
  if (strategy !== "adaptive" || !warm) return 0;
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
