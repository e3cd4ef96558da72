/** What a course of training is made of, whether it learns by reinforcement or from examples. */

import type { Stateful } from "../../core/ports.js";
import type { StepProgress } from "./options.js";

/** @typeParam S its state  @typeParam O what it tells about a finished step */
export interface Steps<S, O> extends Stateful<S> {
  /** Finished steps, and the tokens that count against a token limit. */
  readonly progress: { readonly step: number; readonly tokens: number };
  /** What has to happen before the first step; does nothing when it is done or not needed. */
  prepare(signal: AbortSignal, onProgress: StepProgress): Promise<void>;
  /**
   * Runs the next step. When the signal aborts in time, the step leaves no trace and the abort reason is thrown.
   * @param last no further step follows, so nothing is prepared for one
   */
  step(signal: AbortSignal, onProgress: StepProgress, last: boolean): Promise<O>;
}
