/**
 * One step of reinforcement learning (design: architecture.md "One step"): gather, update, publish. Ports only: it
 * touches no file, process, network or clock of its own.
 *
 * With `maxLag` 1 the steps overlap: while the learner works on step k, step k + 1 is gathered by the weights before
 * that update. Both end before the next pair starts, so what is drawn by which weights does not depend on speed.
 */

import { TrainError } from "../../core/errors.js";
import type { Stateful } from "../../core/ports.js";
import type { StepReport } from "../../core/types.js";
import { policyVersion } from "../../core/units.js";
import { learningRate } from "../algo/schedule.js";
import { type Gathered, Gatherer } from "./gather.js";
import type { StepProgress, TrainerDeps, TrainerOptions } from "./options.js";
import type { GatherState, LearnedCounters, LoopCounters, LoopState } from "./state.js";
import { phaseTimer, type StepTally } from "./tally.js";
import { type Update, update } from "./update.js";

export type { StepPhase, StepProgress, TrainerDeps, TrainerOptions } from "./options.js";

/** What a step did; metrics and sample tables are made from it. */
export interface StepOutcome extends Update {
  readonly step: number;
  readonly lr: number;
  readonly tally: StepTally;
  readonly counters: LoopCounters;
  /** Problems in quarantine since the run began. */
  readonly quarantined: number;
  readonly gauges: Readonly<Record<string, number | string | null>>;
  /** Wall time of the step. */
  readonly seconds: number;
}

/** A step's update is skipped on a non-finite gradient; this many in a row stop the run. */
const MAX_SKIPPED = 3;
/** Steps in a row without signal after which `on_no_signal: stop` ends the run. */
const MAX_EMPTY = 3;

/** The next step's rollouts, gathered while the learner worked. */
interface Ahead {
  readonly gathered: Gathered;
  /** Version of the weights they were drawn with. */
  readonly version: number;
  /** The gatherer as it was before: what a checkpoint holds, so that a resumed run gathers the step again. */
  readonly before: GatherState;
  readonly undo: () => void;
}

interface Gathering {
  /** Null when it failed or was aborted; the gatherer is then as it was before. */
  readonly result: Promise<Ahead | null>;
  /** Ends it and undoes what it did. */
  drop(): Promise<void>;
}

/** What a resumed run has to do again as it was done. */
interface Again {
  readonly version: number;
  readonly widen: boolean;
}

export class RlTrainer implements Stateful<LoopState> {
  private readonly options: TrainerOptions;
  private readonly deps: TrainerDeps;
  private readonly gatherer: Gatherer;
  private learned: LearnedCounters = { step: 0, version: 0, emptySteps: 0, skippedInARow: 0 };
  private ahead: Ahead | null = null;
  private again: Again | null = null;

  constructor(options: TrainerOptions, deps: TrainerDeps) {
    this.options = options;
    this.deps = deps;
    this.gatherer = new Gatherer(options, deps);
  }

  /** What finished steps add up to. */
  get progress(): LoopCounters {
    return { ...(this.ahead?.before.counters ?? this.gatherer.sampled), ...this.learned };
  }

  /** The difficulty filter before the first step, where one is asked for. */
  async screen(signal: AbortSignal, onProgress: StepProgress = () => {}): Promise<void> {
    if (this.learned.step === 0) await this.gatherer.screen(signal, onProgress);
  }

  /**
   * Runs the next step. When the signal aborts before the update, the step leaves no trace: the state is as it was
   * before, and the abort reason is thrown.
   * @param last no further step follows, so none is gathered ahead
   */
  async step(signal: AbortSignal, onProgress: StepProgress = () => {}, last = false): Promise<StepOutcome> {
    const { clock } = this.deps;
    const began = clock.now();
    const number = this.learned.step + 1;
    const { ahead: had, again, learned } = this;
    const undo = this.gatherer.mark();
    try {
      const gathered = had?.gathered ?? (await this.gatherNow(number, signal, onProgress));
      const next = this.options.maxLag > 0 && !last ? this.gatherAhead(number + 1, signal, onProgress) : null;
      const lr = learningRate(number, this.options.lr, gathered.spent);
      const done = await this.learn(gathered, lr, next, onProgress);
      return {
        ...done,
        step: number,
        lr,
        tally: gathered.tally,
        counters: { ...gathered.counters, ...this.learned },
        quarantined: gathered.quarantined,
        gauges: gathered.gauges,
        seconds: (clock.now() - began) / 1000,
      };
    } catch (error) {
      undo();
      Object.assign(this, { ahead: had, again, learned });
      throw error;
    }
  }

  state(): LoopState {
    const { counters, ...gathering } = this.ahead?.before ?? this.gatherer.state();
    const again = this.ahead === null ? this.again : { version: this.ahead.version, widen: this.widened };
    return { counters: { ...counters, ...this.learned }, ...gathering, ...(again === null ? {} : { again }) };
  }

  restore(state: LoopState): void {
    const { nextGroupId, tokens, rollouts, screened, ...learned } = state.counters;
    this.ahead = null;
    this.again = state.again ?? null;
    this.learned = learned;
    this.gatherer.restore({
      ...state,
      counters: { nextGroupId, tokens, rollouts, ...(screened === true && { screened }) },
    });
  }

  /** The last finished step had no signal. */
  private get widened(): boolean {
    return this.learned.emptySteps > 0;
  }

  private async gatherNow(number: number, signal: AbortSignal, onProgress: StepProgress): Promise<Gathered> {
    const version = this.again?.version ?? this.learned.version;
    const gathered = await this.gatherer.gather(number, version, signal, onProgress, false);
    if (this.again?.widen) this.deps.strategy.widen();
    this.again = null;
    return gathered;
  }

  /** When this fails, the next step gathers again, and then reports the error. */
  private gatherAhead(number: number, signal: AbortSignal, onProgress: StepProgress): Gathering {
    const before = this.gatherer.state();
    const undo = this.gatherer.mark();
    const { version } = this.learned;
    const own = new AbortController();
    const result = this.gatherer
      .gather(number, version, AbortSignal.any([signal, own.signal]), onProgress, true)
      .then(
        (gathered): Ahead => ({ gathered, version, before, undo }),
        () => {
          undo();
          return null;
        },
      );
    return {
      result,
      drop: async () => {
        own.abort(new Error("the step before it failed"));
        (await result)?.undo();
      },
    };
  }

  /** The update, then the end of what is gathered beside it, then the new weights for the sampler. */
  private async learn(
    gathered: Gathered,
    lr: number,
    next: Gathering | null,
    onProgress: StepProgress,
  ): Promise<Update> {
    const { deps, options } = this;
    const { version } = this.learned;
    const timer = phaseTimer(deps.clock, gathered.tally);
    let done: Update;
    try {
      done = await update(gathered, version, lr, options, deps, () => onProgress("learn", null, false));
    } catch (error) {
      await next?.drop();
      throw error;
    }
    timer("learn");
    const ahead = next === null ? null : await next.result;
    if (done.report?.skipped === false) {
      const publishing = phaseTimer(deps.clock, gathered.tally);
      onProgress("publish", null, false);
      // Not interruptible: the weights have changed, and what is drawn next has to be drawn from them.
      await deps.handover.publish(policyVersion(version + 1), new AbortController().signal);
      publishing("publish");
    }
    this.ahead = ahead;
    this.settle(gathered.step, done.report);
    return done;
  }

  /** Counts, versions and the consequences of steps that changed nothing. */
  private settle(number: number, report: StepReport | null): void {
    const c = this.learned;
    const empty = report === null && this.options.learn;
    const skipped = report?.skipped === true;
    this.learned = {
      step: number,
      version: report === null || skipped ? c.version : c.version + 1,
      emptySteps: empty ? c.emptySteps + 1 : 0,
      skippedInARow: skipped ? c.skippedInARow + 1 : 0,
    };
    if (empty) this.deps.strategy.widen();
    if (this.learned.skippedInARow >= MAX_SKIPPED) {
      throw new TrainError(
        "diverged",
        `the loss or its gradient was not finite in ${MAX_SKIPPED} steps in a row`,
        { hint: "resume from the last checkpoint with a lower learner.lr" },
      );
    }
    if (this.options.onNoSignal === "stop" && this.learned.emptySteps >= MAX_EMPTY) {
      throw new TrainError(
        "no_signal",
        `${MAX_EMPTY} steps in a row found too few groups with both right and wrong rollouts`,
        {
          hint: "use an easier or harder problem set, more rollouts (rl.group_size), or rl.on_no_signal=widen",
        },
      );
    }
  }
}
