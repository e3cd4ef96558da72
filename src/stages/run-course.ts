/** The one way in which a stage trains: resume, evaluate, step, save and stop, with what people and files see of it. */

import { policyVersion } from "../core/units.js";
import type { StepProgress } from "../rl/loop/options.js";
import { type EvalKind, type RunEnd, type RunHooks, type RunOptions, runLoop } from "../rl/loop/run.js";
import type { Steps } from "../rl/loop/steps.js";
import type { Course } from "./course.js";
import { type EvaluationSetup, evalPoints, runEvaluation } from "./evaluation.js";
import { restoreCheckpoint, saveCheckpoint, type TrainablePolicy } from "./policy.js";
import { loadState, type SavedRun, type StateForm, saveState } from "./saved-state.js";
import type { Session } from "./session.js";
import type { StageContext } from "./stage.js";

export interface CourseOf<S, O> {
  readonly session: Session;
  readonly ctx: StageContext;
  readonly policy: TrainablePolicy;
  readonly trainer: Steps<S, O>;
  /** How the trainer's state goes into checkpoints. */
  readonly form: StateForm<S>;
  readonly course: Course;
  readonly evaluation: EvaluationSetup;
  readonly options: RunOptions;
  readonly hooks: CourseHooks<O>;
}

/** What a stage adds to the common course. */
export interface CourseHooks<O> {
  readonly progress: StepProgress;
  /** @param elapsed seconds of work so far, earlier attempts included; false ends the run as collapsed */
  readonly onStep: (outcome: O, elapsed: number) => boolean;
  /** For a sampler that does not have the newest weights yet. */
  readonly beforeEvaluation?: (step: number, signal: AbortSignal) => Promise<void>;
  /** An evaluation begins; the returned function is called when it has ended. */
  readonly onEvaluation?: (step: number) => () => void;
  /** A checkpoint of this step is complete. */
  readonly onSaved?: (step: number) => void;
}

/** Gives policy and course the state of the latest checkpoint. Null for a new run, and for one that never saved. */
export async function resumeCourse<S, O>(run: CourseOf<S, O>): Promise<SavedRun<S> | null> {
  const { session, policy, course } = run;
  if (!session.dir.resumed) return null;
  const checkpoint = await session.checkpoints.latest();
  let saved: SavedRun<S> | null = null;
  if (checkpoint !== null) {
    saved = await loadState(checkpoint, run.form);
    const version = policyVersion(run.form.version(saved.trainer));
    await restoreCheckpoint(checkpoint.dir, policy, version, run.ctx.stop);
    course.restore(saved.course);
    session.reporter.line(`resuming ${session.dir.name} from step ${checkpoint.step}`);
  }
  session.tracker.rewind(checkpoint?.step ?? -1);
  return saved;
}

/** @param from what `resumeCourse` returned */
export async function runCourse<S, O>(
  run: CourseOf<S, O>,
  from: SavedRun<S> | null,
): Promise<{ readonly end: RunEnd; readonly seconds: number }> {
  const { session, ctx, trainer, options } = run;
  const seconds = () => (from?.seconds ?? 0) + session.seconds();
  const hooks: RunHooks<S, O> = {
    seconds: session.seconds,
    saveRequested: ctx.saveRequested,
    progress: run.hooks.progress,
    onStep: (outcome) => run.hooks.onStep(outcome, seconds()),
    evaluate: (step, kind, signal) => evaluateIn(run, step, kind, signal),
    save: (step, state, metric) => saveIn(run, step, { ...state, course: run.course.state() }, metric),
  };
  const end = await runLoop(trainer, options, hooks, from, ctx.stop);
  return { end, seconds: seconds() };
}

async function evaluateIn<S, O>(
  { session, course, evaluation, hooks }: CourseOf<S, O>,
  step: number,
  kind: EvalKind,
  signal: AbortSignal,
): Promise<number> {
  const started = session.seconds();
  const ended = hooks.onEvaluation?.(step);
  await hooks.beforeEvaluation?.(step, signal);
  const result = await runEvaluation(evaluation, step, kind !== "during", signal);
  ended?.();
  course.spend("eval", session.seconds() - started);
  if (kind === "before") course.before = evalPoints(result);
  if (kind === "after") course.after = evalPoints(result);
  return result.pass1.mean;
}

async function saveIn<S, O>(
  { session, policy, form, hooks }: CourseOf<S, O>,
  step: number,
  state: SavedRun<S>,
  metric: number | null,
): Promise<void> {
  session.waitFor(() => "writing a checkpoint");
  await session.checkpoints.save(step, metric === null ? {} : { metric }, async (dir) => {
    await saveCheckpoint(dir, policy);
    await saveState(dir, form, state);
  });
  hooks.onSaved?.(step);
  session.dir.update({ step });
}
