/**
 * One step of reinforcement learning (design: architecture.md "One step"): choose, sample, score, group, admit, pack,
 * learn, publish. Ports only: it touches no file, process, network or clock of its own.
 */

import { TrainError } from "../../core/errors.js";
import type { Clock, Learner, Stateful } from "../../core/ports.js";
import type { Rng } from "../../core/rng.js";
import type { RolloutProgress } from "../../core/rollouts.js";
import type { Batch, Group, LossSpec, Sampling, StepHyper, StepReport } from "../../core/types.js";
import { policyVersion, step as toStep } from "../../core/units.js";
import { type AdvantageMode, groupAdvantages } from "../algo/advantages.js";
import { GroupBank } from "../algo/bank.js";
import { groupKind, successes } from "../algo/filters.js";
import { type Corrected, correctStale } from "../algo/importance.js";
import { overlongPenalty } from "../algo/overlong.js";
import { type Divisor, type Packed, type PackRow, packRows, rowsOfGroup } from "../algo/pack.js";
import { type LrSchedule, learningRate } from "../algo/schedule.js";
import type { PlannedProblem, Strategy } from "../algo/strategy.js";
import { type CollectDeps, collectRound } from "./collect.js";
import { type Quarantined, withoutQuarantined } from "./quarantine.js";
import { loadRound, type RoundKeeper, storeRound } from "./rounds.js";
import { type LoopCounters, type LoopState, loadGroup, storeGroup } from "./state.js";
import { emptyTally, type StepTally, tallyGroups } from "./tally.js";

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
  readonly sampling: Sampling;
  readonly hyper: Omit<StepHyper, "lr">;
  readonly lr: LrSchedule;
  readonly onNoSignal: "widen" | "stop";
}

export interface TrainerDeps extends CollectDeps {
  readonly learner: Learner;
  readonly strategy: Strategy;
  readonly clock: Clock;
  readonly rng: Rng;
  /** Keeps finished rounds until a checkpoint covers them; without it a killed run samples them again. */
  readonly rounds?: RoundKeeper;
}

/** What a step did; metrics and sample tables are made from it. */
export interface StepOutcome {
  readonly step: number;
  readonly lr: number;
  readonly tally: StepTally;
  /** Groups that were trained on, with their rows' advantages. */
  readonly trained: readonly { readonly group: Group; readonly advantages: readonly number[] }[];
  readonly report: StepReport | null;
  readonly nonFinite: number;
  /** Importance correction of the step's stale tokens; null where there were none, or it is off. */
  readonly importance: { readonly mean: number | null; readonly capped: number | null } | null;
  /** Trained rows' mean lag in versions. */
  readonly lag: number;
  readonly counters: LoopCounters;
  /** Problems in quarantine since the run began. */
  readonly quarantined: number;
  readonly gauges: Readonly<Record<string, number | string | null>>;
}

export type StepPhase = "prepare" | "sample" | "score" | "learn" | "publish";
export type StepProgress = (phase: StepPhase, p: RolloutProgress | null) => void;

/** A step's update is skipped on a non-finite gradient; this many in a row stop the run. */
const MAX_SKIPPED = 3;
/** Steps in a row without signal after which `on_no_signal: stop` ends the run. */
const MAX_EMPTY = 3;

export class RlTrainer implements Stateful<LoopState> {
  private readonly options: TrainerOptions;
  private readonly deps: TrainerDeps;
  private readonly bank: GroupBank<Group>;
  private readonly indexOf: ReadonlyMap<string, number>;
  private quarantined: readonly Quarantined[] = [];
  private counters: LoopCounters = {
    step: 0,
    version: 0,
    nextGroupId: 0,
    tokens: 0,
    rollouts: 0,
    emptySteps: 0,
    skippedInARow: 0,
  };

  constructor(options: TrainerOptions, deps: TrainerDeps) {
    this.options = options;
    this.deps = deps;
    this.bank = new GroupBank(options.bankMaxAge);
    this.indexOf = new Map(deps.problems.map((p, i) => [p.id, i]));
  }

  get progress(): LoopCounters {
    return this.counters;
  }

  /**
   * Runs the next step. When the signal aborts before the update, the step leaves no trace: the state is as it was
   * before, and the abort reason is thrown.
   */
  async step(signal: AbortSignal, onProgress: StepProgress = () => {}): Promise<StepOutcome> {
    const { counters, quarantined } = this;
    const undo = this.deps.strategy.mark();
    const bank = this.bank.state();
    try {
      return await this.attempt(signal, onProgress);
    } catch (error) {
      this.counters = counters;
      this.quarantined = quarantined;
      undo();
      this.bank.restore(bank);
      throw error;
    }
  }

  private async attempt(signal: AbortSignal, onProgress: StepProgress): Promise<StepOutcome> {
    const { options, deps } = this;
    const number = this.counters.step + 1;
    const step = toStep(number);
    const version = policyVersion(this.counters.version);
    const tally = emptyTally();
    const timer = phaseTimer(deps, tally);

    for (const group of this.bank.expire(version)) {
      tally.expired++;
      tally.staleRollouts += group.members.length;
    }
    const useful: Group[] = this.bank.take(options.groups);
    tally.fromBank = useful.length;
    for (let round = 0; round < options.maxRounds && useful.length < options.groups; round++) {
      const needed = options.groups - useful.length;
      onProgress("prepare", null);
      const plan = await this.admissible(deps.strategy.plan({ step, version, round, needed }), tally, signal);
      timer("prepare");
      if (plan.length === 0) break;
      let waiting = false;
      const sampledAll = () => {
        if (!waiting) timer("sample");
        waiting = true;
      };
      const kept = loadRound((await deps.rounds?.load(number, round)) ?? null, plan);
      const collected =
        kept ??
        (await collectRound(
          deps,
          { step, round, version, plan, firstGroupId: this.counters.nextGroupId, sampling: options.sampling },
          deps.rng,
          signal,
          (p) => {
            if (p.sampled === p.total && p.scored < p.total) sampledAll();
            onProgress(p.sampled === p.total ? "score" : "sample", p);
          },
        ));
      if (kept === null) await deps.rounds?.save(number, round, storeRound(plan, collected));
      timer(waiting ? "score" : "sample");
      this.bump({
        nextGroupId: this.counters.nextGroupId + plan.length,
        tokens: this.counters.tokens + collected.tokens,
        rollouts: this.counters.rollouts + collected.rollouts,
      });
      tallyGroups(tally, plan, collected);
      this.setAside(collected.quarantined, useful, tally);
      const { trusted, rollouts } = withoutQuarantined(collected.groups, this.shut());
      tally.quarantinedRollouts += rollouts;
      deps.strategy.observe(
        version,
        trusted.map((g) => this.outcomeOf(g)),
      );
      const minSize = options.advantage === "history" ? 1 : 2;
      useful.push(...trusted.filter((g) => admit(g, deps.strategy.filters, minSize)));
    }
    const trainedGroups = useful.slice(0, options.groups);
    const surplus = useful.slice(options.groups);
    if (options.bank) this.bank.put(surplus);
    tally.surplusRollouts = surplus.reduce((n, g) => n + g.members.length, 0);
    tally.banked = this.bank.size;

    const trained = trainedGroups.map((group) => ({ group, advantages: this.advantages(group) }));
    const lr = learningRate(number, options.lr);
    let report: StepReport | null = null;
    let nonFinite = 0;
    let importance: StepOutcome["importance"] = null;
    if (trained.length >= Math.min(options.minGroups, options.groups)) {
      const packed = this.pack(step, trained, tally.drawnGroups || trained.length);
      nonFinite = packed.nonFinite;
      if (packed.batch.lossTokens > 0) {
        onProgress("learn", null);
        const corrected = await this.correct(packed.batch, trained, signal);
        importance = corrected;
        for (let k = 0; k < options.updatesPerBatch; k++) {
          // Not interruptible: an update is done whole or not at all.
          report = await deps.learner.step(
            corrected?.batch ?? packed.batch,
            { ...options.hyper, lr },
            new AbortController().signal,
          );
        }
        timer("learn");
        if (report?.skipped === false) {
          onProgress("publish", null);
          await deps.sampler.publish(policyVersion(version + 1), null);
          timer("publish");
        }
      }
    }
    this.settle(number, report);
    return {
      step: number,
      lr,
      tally,
      trained,
      report,
      nonFinite,
      importance,
      lag:
        trained.length === 0
          ? 0
          : trained.reduce((n, t) => n + version - t.group.policyVersion, 0) / trained.length,
      counters: this.counters,
      quarantined: this.quarantined.length,
      gauges: deps.strategy.metrics(),
    };
  }

  state(): LoopState {
    return {
      counters: { ...this.counters },
      strategy: this.deps.strategy.state(),
      bank: this.bank.state().map(storeGroup),
      quarantined: this.quarantined,
    };
  }

  restore(state: LoopState): void {
    this.counters = { ...state.counters };
    this.deps.strategy.restore(state.strategy);
    this.bank.restore(state.bank.map(loadGroup));
    this.quarantined = state.quarantined ?? [];
  }

  private shut(): ReadonlySet<string> {
    return new Set(this.quarantined.map((q) => q.id));
  }

  /** Takes problems out of the choice, the bank and what this step has so far. */
  private setAside(found: readonly Quarantined[], useful: Group[], tally: StepTally): void {
    const fresh = found.filter((q) => !this.shut().has(q.id));
    if (fresh.length === 0) return;
    this.quarantined = [...this.quarantined, ...fresh];
    tally.quarantined.push(...fresh);
    this.deps.strategy.exclude(fresh.map((q) => this.indexOf.get(q.id)!));
    const shut = this.shut();
    const inStep = withoutQuarantined(useful.splice(0), shut);
    useful.push(...inStep.trusted);
    const banked = withoutQuarantined(this.bank.state(), shut);
    this.bank.restore(banked.trusted);
    tally.quarantinedRollouts += inStep.rollouts + banked.rollouts;
  }

  /** Counts, versions and the consequences of steps that changed nothing. */
  private settle(number: number, report: StepReport | null): void {
    const c = this.counters;
    const empty = report === null;
    const skipped = report?.skipped === true;
    this.bump({
      step: number,
      version: empty || skipped ? c.version : c.version + 1,
      emptySteps: empty ? c.emptySteps + 1 : 0,
      skippedInARow: skipped ? c.skippedInARow + 1 : 0,
    });
    if (empty) this.deps.strategy.widen();
    if (this.counters.skippedInARow >= MAX_SKIPPED) {
      throw new TrainError(
        "diverged",
        `the loss or its gradient was not finite in ${MAX_SKIPPED} steps in a row`,
        {
          hint: "resume from the last checkpoint with a lower learner.lr",
        },
      );
    }
    if (this.options.onNoSignal === "stop" && this.counters.emptySteps >= MAX_EMPTY) {
      throw new TrainError(
        "no_signal",
        `${MAX_EMPTY} steps in a row found too few groups with both right and wrong rollouts`,
        {
          hint: "use an easier or harder problem set, more rollouts (rl.group_size), or rl.on_no_signal=widen",
        },
      );
    }
  }

  /** Drops problems whose golden cannot serve from the plan, for good. */
  private async admissible(
    plan: readonly PlannedProblem[],
    tally: StepTally,
    signal: AbortSignal,
  ): Promise<readonly PlannedProblem[]> {
    const { deps } = this;
    if (plan.length === 0) return plan;
    const refused = await deps.rewarder.prepare(
      plan.map((p) => deps.problems[p.problem]!),
      () => {},
      signal,
    );
    if (refused.size === 0) return plan;
    const bad = plan.filter((p) => refused.has(deps.problems[p.problem]!.id));
    deps.strategy.exclude(bad.map((p) => p.problem));
    tally.refused.push(
      ...bad.map((p) => `${deps.problems[p.problem]!.id}: ${refused.get(deps.problems[p.problem]!.id)}`),
    );
    return plan.filter((p) => !refused.has(deps.problems[p.problem]!.id));
  }

  private outcomeOf(group: Group) {
    const passed = successes(group);
    const lengths = group.members.reduce((n, m) => n + m.rollout.completionIds.length, 0);
    return {
      problem: this.indexOf.get(group.problemId)!,
      successes: passed,
      failures: group.members.length - passed,
      meanTokens: group.members.length === 0 ? 0 : lengths / group.members.length,
    };
  }

  private advantages(group: Group): number[] {
    const { mode, buffer, factor } = this.options.overlong;
    const rewards = group.members.map(({ rollout, verdict }) =>
      mode === "punish"
        ? verdict.reward +
          overlongPenalty(rollout.completionIds.length, this.options.sampling.maxTokens, buffer, factor)
        : verdict.reward,
    );
    return groupAdvantages(rewards, this.options.advantage, group.prior);
  }

  private pack(
    step: ReturnType<typeof toStep>,
    trained: StepOutcome["trained"],
    problemsSampled: number,
  ): Packed {
    const { options } = this;
    const masked = options.overlong.mode === "mask";
    const rows: PackRow[] = trained.flatMap(({ group, advantages }) =>
      rowsOfGroup(group, advantages, group.weight, (m) => !(masked && m.rollout.finish === "length")),
    );
    const divisor: Divisor =
      options.divisor === "prompt"
        ? { kind: "prompt", problemsSampled }
        : options.divisor === "constant"
          ? { kind: "constant", length: options.sampling.maxTokens }
          : { kind: "token" };
    return packRows(rows, { step, temperature: options.sampling.temperature, loss: options.loss, divisor });
  }

  private async correct(
    batch: Batch,
    trained: StepOutcome["trained"],
    signal: AbortSignal,
  ): Promise<Corrected | null> {
    const cap = this.options.importanceCap;
    const stale = trained.flatMap(({ group }) =>
      group.members.map(() => group.policyVersion < this.counters.version),
    );
    if (cap === null || !stale.includes(true)) return null;
    return correctStale(batch, await this.deps.learner.logprobs(batch, signal), stale, cap);
  }

  private bump(change: Partial<LoopCounters>): void {
    this.counters = { ...this.counters, ...change };
  }
}

/** A group is trained on when it is mixed, or whenever it is large enough where nothing is filtered. */
function admit(group: Group, filters: boolean, minSize: number): boolean {
  return filters ? groupKind(group, 2) === "mixed" : group.members.length >= minSize;
}

/** Adds the time since the last call to the named phase. */
function phaseTimer(deps: TrainerDeps, tally: StepTally): (phase: keyof StepTally["seconds"]) => void {
  let last = deps.clock.now();
  return (phase) => {
    const now = deps.clock.now();
    tally.seconds[phase] += (now - last) / 1000;
    last = now;
  };
}
