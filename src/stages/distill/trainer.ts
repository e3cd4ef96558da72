/** Supervised steps: the next rows of the schedule, one update on their completions. */

import { z } from "zod";
import { TrainError } from "../../core/errors.js";
import type { Clock, Learner } from "../../core/ports.js";
import type { Batch, StepHyper, StepReport } from "../../core/types.js";
import { type Step, step as toStep } from "../../core/units.js";
import type { ScheduleState, SftRow, SftSchedule } from "../../data/sft.js";
import { packRows } from "../../rl/algo/pack.js";
import { type LrSchedule, learningRate } from "../../rl/algo/schedule.js";
import type { StepProgress } from "../../rl/loop/options.js";
import type { Steps } from "../../rl/loop/steps.js";

const count = z.int().min(0);
export const sftStateSchema = z.object({
  /** Finished steps, the tokens in their rows, and the tokens among them that were trained. */
  step: count,
  seen: count,
  trained: count,
  /** Where the rows of the next step begin. */
  schedule: z.object({ pass: count, position: count }),
});
export type SftState = z.infer<typeof sftStateSchema>;

export interface SftOutcome {
  readonly step: number;
  readonly lr: number;
  readonly report: StepReport;
  /** Tokens in the rows of all steps so far. */
  readonly seen: number;
  /** Wall time of the step. */
  readonly seconds: number;
}

export interface SftOptions {
  readonly lr: LrSchedule;
  readonly hyper: Omit<StepHyper, "lr">;
}

export interface SftDeps {
  readonly learner: Learner;
  readonly schedule: SftSchedule;
  readonly clock: Clock;
}

/** The rows of a step, and where the schedule was before they were taken. */
interface Taken {
  readonly rows: readonly SftRow[];
  readonly before: ScheduleState;
}

export class SftTrainer implements Steps<SftState, SftOutcome> {
  private readonly options: SftOptions;
  private readonly deps: SftDeps;
  private done = { step: 0, seen: 0, trained: 0 };
  /** The next step's rows, encoded while the learner worked. */
  private ahead: Taken | null = null;

  constructor(options: SftOptions, deps: SftDeps) {
    this.options = options;
    this.deps = deps;
  }

  get progress(): { readonly step: number; readonly tokens: number; readonly trained: number } {
    return { step: this.done.step, tokens: this.done.seen, trained: this.done.trained };
  }

  async prepare(): Promise<void> {}

  /**
   * The update itself cannot be interrupted: it is done whole.
   * @throws TrainError diverged when the loss or its gradient is not finite
   */
  async step(signal: AbortSignal, onProgress: StepProgress, last: boolean): Promise<SftOutcome> {
    signal.throwIfAborted();
    const { clock, learner } = this.deps;
    const began = clock.now();
    const number = this.done.step + 1;
    onProgress("learn", null, false);
    const { rows } = this.ahead ?? this.take();
    const lr = learningRate(number, this.options.lr);
    const [report, ahead] = await Promise.all([
      learner.step(
        sftBatch(rows, toStep(number)),
        { ...this.options.hyper, lr },
        new AbortController().signal,
      ),
      // The engine works in a thread of its own, so the next rows are encoded meanwhile.
      last ? null : this.takeLater(),
    ]);
    if (report.skipped) {
      throw new TrainError("diverged", `step ${number}: the loss or its gradient is not finite`, {
        hint: "lower learner.lr, or resume from the last checkpoint",
      });
    }
    this.ahead = ahead;
    const { seen, trained } = this.done;
    this.done = { step: number, seen: seen + report.tokens, trained: trained + report.lossTokens };
    return { step: number, lr, report, seen: this.done.seen, seconds: (clock.now() - began) / 1000 };
  }

  state(): SftState {
    return { ...this.done, schedule: this.ahead?.before ?? this.deps.schedule.state() };
  }

  restore({ schedule, ...done }: SftState): void {
    this.ahead = null;
    this.done = done;
    this.deps.schedule.restore(schedule);
  }

  private take(): Taken {
    const { schedule } = this.deps;
    const before = schedule.state();
    return { before, rows: schedule.next() };
  }

  /** After the learner has been given its batch. A trace that does not fit rejects. */
  private async takeLater(): Promise<Taken> {
    await Promise.resolve();
    return this.take();
  }
}

/** A cross-entropy batch of rows whose completions are trained; D is the number of trained tokens. */
export function sftBatch(rows: readonly SftRow[], step: Step): Batch {
  const packed = rows.map((row, i) => ({
    // Nobody sampled these rows, so there is nothing to correct for.
    member: { rollout: { ...row, logprobs: new Float32Array(row.completionIds.length) } },
    groupId: i,
    advantage: 0,
    weight: 1,
    trained: true,
  }));
  return packRows(packed, { step, temperature: 1, loss: { kind: "ce" }, divisor: { kind: "token" } }).batch;
}
