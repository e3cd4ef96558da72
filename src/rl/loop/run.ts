/**
 * The course of a run: evaluate, save, step, until the steps or a limit are reached or somebody asks to stop. What to do
 * at each point is given as functions, so that the order (which resume depends on) stands in one place.
 */

import type { LoopState } from "./state.js";
import type { RlTrainer, StepOutcome, StepProgress } from "./trainer.js";

export interface RunOptions {
  readonly steps: number;
  readonly saveEvery: number;
  /** 0 = before and after only. */
  readonly evalEvery: number;
  readonly maxGeneratedTokens: number | null;
  readonly maxSeconds: number | null;
}

/** What a run carries besides the trainer's own state. */
export interface RunState {
  readonly trainer: LoopState;
  /** Step of the last evaluation; -1 before the first. */
  readonly lastEval: number;
  /** Seconds of work in earlier attempts. */
  readonly seconds: number;
}

export type EvalKind = "before" | "during" | "after";
export type RunEnd = "done" | "limit" | "stopped" | "collapsed";

export interface RunHooks {
  /** Seconds of work in this attempt. */
  readonly seconds: () => number;
  /** False ends the run as "collapsed": the weights are not worth a checkpoint. */
  readonly onStep: (outcome: StepOutcome) => boolean;
  /** Returns the figure that ranks checkpoints. */
  readonly evaluate: (step: number, kind: EvalKind, signal: AbortSignal) => Promise<number>;
  readonly save: (state: RunState, metric: number | null) => Promise<void>;
  readonly saveRequested: () => boolean;
  readonly progress: StepProgress;
}

/**
 * Every point that `save` sees can be resumed from exactly. On an abort the last whole step is saved.
 * @param from state of a resumed run; null for a new one
 */
export async function runLoop(
  trainer: RlTrainer,
  options: RunOptions,
  hooks: RunHooks,
  from: RunState | null,
  stop: AbortSignal,
): Promise<RunEnd> {
  let lastEval = from?.lastEval ?? -1;
  const earlier = from?.seconds ?? 0;
  if (from !== null) trainer.restore(from.trainer);
  let savedAt = from === null ? -1 : trainer.progress.step;
  let metric: number | null = null;
  const seconds = () => earlier + hooks.seconds();
  const save = async () => {
    await hooks.save({ trainer: trainer.state(), lastEval, seconds: seconds() }, metric);
    savedAt = trainer.progress.step;
  };
  try {
    await trainer.screen(stop, hooks.progress);
    for (;;) {
      const { step } = trainer.progress;
      const limit = limitReached(trainer, options, seconds());
      const last = step >= options.steps || limit;
      if (lastEval < step && (last || isEvalStep(step, options.evalEvery))) {
        metric = await hooks.evaluate(step, step === 0 && !last ? "before" : last ? "after" : "during", stop);
        lastEval = step;
        // An evaluation is dear: a checkpoint right behind it saves doing it again.
        await save();
      } else if (savedAt < step && (step % options.saveEvery === 0 || hooks.saveRequested())) {
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

const isEvalStep = (step: number, every: number): boolean => step === 0 || (every > 0 && step % every === 0);

function limitReached(trainer: RlTrainer, options: RunOptions, seconds: number): boolean {
  const { maxGeneratedTokens, maxSeconds } = options;
  return (
    (maxGeneratedTokens !== null && trainer.progress.tokens >= maxGeneratedTokens) ||
    (maxSeconds !== null && seconds >= maxSeconds)
  );
}
