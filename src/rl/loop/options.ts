/** What a trainer is given: its settings and its ports. */

import type { Clock, Handover, Learner } from "../../core/ports.js";
import type { Rng } from "../../core/rng.js";
import type { RolloutProgress } from "../../core/rollouts.js";
import type { LossSpec, Sampling, StepHyper } from "../../core/types.js";
import type { AdvantageMode } from "../algo/advantages.js";
import type { Divisor } from "../algo/pack.js";
import type { LrSchedule } from "../algo/schedule.js";
import type { Strategy } from "../algo/strategy.js";
import type { CollectDeps } from "./round.js";
import type { RoundKeeper } from "./stored-round.js";

export interface TrainerOptions {
  readonly groups: number;
  readonly minGroups: number;
  readonly maxRounds: number;
  readonly bank: boolean;
  readonly bankMaxAge: number;
  readonly updatesPerBatch: number;
  readonly advantage: AdvantageMode;
  readonly loss: LossSpec;
  readonly divisor: Divisor["kind"];
  readonly overlong: {
    readonly mode: "mask" | "punish" | "none";
    readonly buffer: number;
    readonly factor: number;
  };
  /** Cap of the importance weights of stale tokens; null = no correction. */
  readonly importanceCap: number | null;
  /** Rollouts of every problem before the first step, which feed the estimates only; 0 = none. */
  readonly screen: number;
  /** Tokens behind the counts that the problems carry, where they are used: the run's count starts from them. */
  readonly priorTokens: number;
  /** Generated tokens after which the run ends, priorTokens among them; null = the steps alone end it. */
  readonly tokenBudget: number | null;
  readonly sampling: Sampling;
  readonly hyper: Omit<StepHyper, "lr">;
  readonly lr: LrSchedule;
  readonly onNoSignal: "widen" | "stop";
  /** 1: the next step's rollouts are drawn by the weights before the update while the learner works on this one's. */
  readonly maxLag: 0 | 1;
  /** False: rollouts are drawn and scored, and the weights stay as they are. */
  readonly learn: boolean;
}

export interface TrainerDeps extends CollectDeps {
  readonly learner: Learner;
  readonly handover: Handover;
  readonly strategy: Strategy;
  readonly clock: Clock;
  readonly rng: Rng;
  /** Keeps finished rounds until a checkpoint covers them; without it a killed run samples them again. */
  readonly rounds?: RoundKeeper;
}

export type StepPhase = "prepare" | "sample" | "score" | "learn" | "publish";
/** `ahead`: the work belongs to the next step and goes on beside this step's update. */
export type StepProgress = (
  phase: StepPhase,
  p: RolloutProgress | null,
  ahead: boolean,
  /** Goldens made ready, in the phase `prepare`. */
  prepared?: { readonly done: number; readonly total: number },
) => void;
