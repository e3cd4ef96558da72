/**
 * The course of a run: evaluate, save, step, until the steps or a limit are reached or somebody asks to stop. What to do
 * at each point is given as functions, so that the order (which resume depends on) is in one place.
 */

import { messageOf, TrainError } from "../../core/errors.js";
import type { StepProgress } from "./options.js";
import type { Steps } from "./steps.js";

export interface RunOptions {
  readonly steps: number;
  readonly saveEvery: number;
  /** Whether the policy is evaluated before the first step. */
  readonly evalBefore: boolean;
  /** 0 = no evaluation between the first step and the last. */
  readonly evalEvery: number;
  readonly maxGeneratedTokens: number | null;
  readonly maxSeconds: number | null;
}

/** What a run carries from step to step. */
export interface RunState<S> {
  readonly trainer: S;
  /** Step of the last evaluation; -1 before the first. */
  readonly lastEval: number;
  /** Seconds of work so far, earlier attempts included. */
  readonly seconds: number;
}

export type EvalKind = "before" | "during" | "after";
export type RunEnd = "done" | "limit" | "stopped" | "collapsed";

export interface RunHooks<S, O> {
  /** Seconds of work in this attempt. */
  readonly seconds: () => number;
  /** False ends the run as "collapsed": the weights are not worth a checkpoint. */
  readonly onStep: (outcome: O) => boolean;
  /** Returns the figure that ranks checkpoints. */
  readonly evaluate: (step: number, kind: EvalKind, signal: AbortSignal) => Promise<number>;
  readonly save: (step: number, state: RunState<S>, metric: number | null) => Promise<void>;
  readonly saveRequested: () => boolean;
  readonly progress: StepProgress;
}

/**
 * Every point that `save` sees can be resumed from exactly. On an abort the last whole step is saved.
 * @param from state of a resumed run; null for a new one
 */
export async function runLoop<S, O>(
  trainer: Steps<S, O>,
  options: RunOptions,
  hooks: RunHooks<S, O>,
  from: RunState<S> | null,
  stop: AbortSignal,
): Promise<RunEnd> {
  let lastEval = from?.lastEval ?? -1;
  const earlier = from?.seconds ?? 0;
  if (from !== null) restore(trainer, from.trainer);
  let savedAt = from === null ? -1 : trainer.progress.step;
  let metric: number | null = null;
  const seconds = () => earlier + hooks.seconds();
  const save = async () => {
    const { step } = trainer.progress;
    await hooks.save(step, { trainer: trainer.state(), lastEval, seconds: seconds() }, metric);
    savedAt = step;
  };
  try {
    await trainer.prepare(stop, hooks.progress);
    for (;;) {
      const { step } = trainer.progress;
      const limit = limitReached(trainer.progress.tokens, options, seconds());
      const last = step >= options.steps || limit;
      if (lastEval < step && (last || isEvalStep(step, options))) {
        metric = await hooks.evaluate(step, step === 0 && !last ? "before" : last ? "after" : "during", stop);
        lastEval = step;
        // Evaluations are expensive, so save right after one.
        await save();
      } else if (savedAt < step && (isSaveStep(step, options) || hooks.saveRequested())) {
        await save();
      }
      if (last) {
        if (savedAt < step) await save();
        return limit && step < options.steps ? "limit" : "done";
      }
      stop.throwIfAborted();
      metric = null;
      if (!hooks.onStep(await trainer.step(stop, hooks.progress, step + 1 >= options.steps)))
        return "collapsed";
    }
  } catch (error) {
    if (!stop.aborted) throw error;
    if (savedAt < trainer.progress.step) await save();
    return "stopped";
  }
}

/** A state that has the right form and does not fit this trainer, or what it consists of. */
function restore<S>(trainer: Steps<S, unknown>, state: S): void {
  try {
    trainer.restore(state);
  } catch (cause) {
    if (cause instanceof TrainError) throw cause;
    throw new TrainError("data", `the state in the checkpoint is not of this run: ${messageOf(cause)}`, {
      hint: "resume the run with the version that wrote it, or start another run with run.name=OTHER",
      cause,
    });
  }
}

const isEvalStep = (step: number, { evalBefore, evalEvery }: RunOptions): boolean =>
  step === 0 ? evalBefore : evalEvery > 0 && step % evalEvery === 0;

/** Without an evaluation before the first step there is nothing worth a checkpoint there. */
const isSaveStep = (step: number, { saveEvery }: RunOptions): boolean => step > 0 && step % saveEvery === 0;

function limitReached(tokens: number, options: RunOptions, seconds: number): boolean {
  const { maxGeneratedTokens, maxSeconds } = options;
  return (
    (maxGeneratedTokens !== null && tokens >= maxGeneratedTokens) ||
    (maxSeconds !== null && seconds >= maxSeconds)
  );
}
