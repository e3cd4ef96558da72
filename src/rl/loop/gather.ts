/**
 * The first half of a step: choose, sample, score, group, admit, until there are enough useful groups. Everything here
 * that has memory (posterior, bank, counters of what was sampled, quarantine) can be marked and undone as one.
 */

import type { Stateful } from "../../core/ports.js";
import type { Group } from "../../core/types.js";
import { policyVersion, step as toStep } from "../../core/units.js";
import { GroupBank } from "../algo/bank.js";
import { isKept, successes } from "../algo/filters.js";
import type { PlannedProblem } from "../algo/strategy.js";
import type { StepProgress, TrainerDeps, TrainerOptions } from "./options.js";
import { type Quarantined, withoutQuarantined } from "./quarantine.js";
import { type Collected, collectRound } from "./round.js";
import { screenPlans } from "./screen.js";
import type { GatherState, SampledCounters } from "./state.js";
import { loadRound, storeRound } from "./stored-round.js";
import { emptyTally, phaseTimer, type StepTally, tallyGroups } from "./tally.js";

/** What a step will be trained on. */
export interface Gathered {
  readonly step: number;
  readonly tally: StepTally;
  readonly groups: readonly Group[];
  /** Share of the token budget that was used before this step. */
  readonly spent: number;
  /** After this step's sampling. */
  readonly counters: SampledCounters;
  readonly quarantined: number;
  readonly gauges: Readonly<Record<string, number | string | null>>;
}

export class Gatherer implements Stateful<GatherState> {
  private readonly options: TrainerOptions;
  private readonly deps: TrainerDeps;
  private readonly bank: GroupBank<Group>;
  private readonly indexOf: ReadonlyMap<string, number>;
  private quarantined: readonly Quarantined[] = [];
  private counters: SampledCounters = { nextGroupId: 0, tokens: 0, rollouts: 0 };

  constructor(options: TrainerOptions, deps: TrainerDeps) {
    this.options = options;
    this.deps = deps;
    this.counters = { ...this.counters, tokens: options.priorTokens };
    this.bank = new GroupBank(options.bankMaxAge);
    this.indexOf = new Map(deps.problems.map((p, i) => [p.id, i]));
  }

  get sampled(): SampledCounters {
    return this.counters;
  }

  /** Share of the token budget that is used up; 0 without a budget. */
  private get spent(): number {
    const { tokenBudget } = this.options;
    return tokenBudget === null ? 0 : Math.min(1, this.counters.tokens / tokenBudget);
  }

  /** Remembers everything cheaply; the function it returns goes back to it. */
  mark(): () => void {
    const { counters, quarantined } = this;
    const undo = this.deps.strategy.mark();
    const bank = this.bank.state();
    return () => {
      this.counters = counters;
      this.quarantined = quarantined;
      undo();
      this.bank.restore(bank);
    };
  }

  state(): GatherState {
    return {
      counters: this.counters,
      strategy: this.deps.strategy.state(),
      bank: this.bank.state(),
      quarantined: this.quarantined,
    };
  }

  restore(state: GatherState): void {
    this.counters = state.counters;
    this.deps.strategy.restore(state.strategy);
    this.bank.restore(state.bank);
    this.quarantined = state.quarantined ?? [];
  }

  /**
   * The difficulty filter, before the first step: some rollouts of every problem, which feed the estimates and not the
   * gradient; their tokens count. Does nothing when it is off or done; when the signal aborts, it leaves no trace.
   */
  async screen(signal: AbortSignal, onProgress: StepProgress): Promise<void> {
    const { options, deps } = this;
    if (options.screen === 0 || this.counters.screened === true) return;
    const undo = this.mark();
    const version = policyVersion(0);
    const tally = emptyTally();
    const timer = phaseTimer(deps.clock, tally);
    try {
      for (const [round, planned] of screenPlans(deps.problems.length, options.screen).entries()) {
        onProgress("prepare", null, false);
        const plan = await this.admissible(planned, tally, signal, (done, total) =>
          onProgress("prepare", null, false, { done, total }),
        );
        const context = { step: toStep(0), version, round, needed: 0, spent: 0 };
        const collected = await this.collect(context, plan, timer, signal, onProgress, false);
        this.setAside(collected.quarantined, [], tally);
        const { trusted } = withoutQuarantined(collected.groups, this.shut());
        deps.strategy.observe(
          version,
          trusted.map((g) => this.outcomeOf(g)),
        );
        const { tokens, rollouts } = this.counters;
        this.counters = {
          ...this.counters,
          tokens: tokens + collected.tokens,
          rollouts: rollouts + collected.rollouts,
        };
      }
      this.counters = { ...this.counters, screened: true };
    } catch (error) {
      undo();
      throw error;
    }
  }

  /**
   * @param version of the weights that the sampler draws with
   * @throws what the signal was aborted with; the caller undoes what was done so far
   */
  async gather(
    number: number,
    version: number,
    signal: AbortSignal,
    onProgress: StepProgress,
    ahead: boolean,
  ): Promise<Gathered> {
    const { options, deps } = this;
    const tally = emptyTally();
    const timer = phaseTimer(deps.clock, tally);
    for (const group of this.bank.expire(policyVersion(version))) {
      tally.expired++;
      tally.staleRollouts += group.members.length;
    }
    const spent = this.spent;
    const useful: Group[] = this.bank.take(options.groups);
    tally.fromBank = useful.length;
    for (let round = 0; round < options.maxRounds && useful.length < options.groups; round++) {
      const context = {
        step: toStep(number),
        version: policyVersion(version),
        round,
        needed: options.groups - useful.length,
        spent,
      };
      onProgress("prepare", null, ahead);
      const plan = await this.admissible(deps.strategy.plan(context), tally, signal, (done, total) =>
        onProgress("prepare", null, ahead, { done, total }),
      );
      timer("prepare");
      if (plan.length === 0) break;
      const collected = await this.collect(context, plan, timer, signal, onProgress, ahead);
      this.counters = {
        ...this.counters,
        nextGroupId: this.counters.nextGroupId + plan.length,
        tokens: this.counters.tokens + collected.tokens,
        rollouts: this.counters.rollouts + collected.rollouts,
      };
      tallyGroups(tally, plan, collected, this.minSize, (g) => this.kept(g));
      this.setAside(collected.quarantined, useful, tally);
      const { trusted, rollouts } = withoutQuarantined(collected.groups, this.shut());
      tally.quarantinedRollouts += rollouts;
      deps.strategy.observe(
        context.version,
        trusted.map((g) => this.outcomeOf(g)),
      );
      useful.push(...trusted.filter((g) => this.kept(g)));
    }
    const surplus = useful.slice(options.groups);
    if (options.bank) this.bank.put(surplus);
    tally.surplusRollouts = surplus.reduce((n, g) => n + g.members.length, 0);
    tally.banked = this.bank.size;
    return {
      step: number,
      tally,
      groups: useful.slice(0, options.groups),
      spent,
      counters: this.counters,
      quarantined: this.quarantined.length,
      gauges: deps.strategy.metrics(),
    };
  }

  /** One round: read back when it was kept before a kill, else sampled and kept. */
  private async collect(
    context: Parameters<TrainerDeps["strategy"]["plan"]>[0],
    plan: readonly PlannedProblem[],
    timer: ReturnType<typeof phaseTimer>,
    signal: AbortSignal,
    onProgress: StepProgress,
    ahead: boolean,
  ): Promise<Collected> {
    const { deps, options } = this;
    const { step, version, round } = context;
    const kept = loadRound((await deps.rounds?.load(step, round)) ?? null, plan);
    if (kept !== null) return kept;
    let waiting = false;
    const collected = await collectRound(
      deps,
      { step, round, version, plan, firstGroupId: this.counters.nextGroupId, sampling: options.sampling },
      deps.rng,
      signal,
      (p) => {
        if (p.sampled === p.total && p.scored < p.total && !waiting) {
          timer("sample");
          waiting = true;
        }
        onProgress(p.sampled === p.total ? "score" : "sample", p, ahead);
      },
    );
    await deps.rounds?.save(step, round, storeRound(plan, collected));
    timer(waiting ? "score" : "sample");
    return collected;
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

  /** Drops problems whose golden cannot serve from the plan, for good. */
  private async admissible(
    plan: readonly PlannedProblem[],
    tally: StepTally,
    signal: AbortSignal,
    progress: (done: number, total: number) => void,
  ): Promise<readonly PlannedProblem[]> {
    const { deps } = this;
    if (plan.length === 0) return plan;
    const refused = await deps.rewarder.prepare(
      plan.map((p) => deps.problems[p.problem]!),
      progress,
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

  /** Fewest scored rollouts that the advantage can do with. */
  private get minSize(): number {
    return this.options.advantage === "history" ? 1 : 2;
  }

  private kept(group: Group): boolean {
    const passed = successes(group);
    return isKept(passed, group.members.length - passed, group.prior, this.deps.strategy.keep, this.minSize);
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
}
