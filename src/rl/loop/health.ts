/**
 * The run's health: what a person would look for in the curves, said in plain sentences with what to try. Pure and
 * serialisable; every rule looks at a step's vitals and at moving averages of them, so that a resumed run says the
 * same. Limits follow what is reported of GRPO and DAPO runs (arXiv 2503.14476, section 3: entropy collapse, clip
 * fraction, truncation; 2505.24183, section 4: length).
 */

import type { Stateful } from "../../core/ports.js";

/** What the rules look at, of one step; null where the step has no such value. */
export interface Vitals {
  readonly step: number;
  /** Share of scored rollouts that pass. */
  readonly passRate: number | null;
  readonly rewardStd: number | null;
  /** Mean -log p of trained tokens, nats. */
  readonly entropy: number | null;
  /** Share of trained tokens outside the clip range. */
  readonly clipped: number | null;
  readonly meanLength: number | null;
  /** Share of rollouts cut at the token limit. */
  readonly truncated: number | null;
  /** Mean k3 KL between the sampler's log-probs and the learner's at the step's first update, nats a token. */
  readonly gap: number | null;
  /** Versions between the two; 0 = on-policy, where the gap is the engines' disagreement. */
  readonly lag: number;
  /** Share of drawn groups with a signal. */
  readonly yield: number | null;
  /** Problems newly quarantined in the step. */
  readonly quarantined: readonly string[];
}

export type Sign =
  | "entropy"
  | "collapse"
  | "clipping"
  | "length"
  | "truncation"
  | "variance"
  | "gap"
  | "yield"
  | "quarantine";

export interface Warning {
  readonly sign: Sign;
  readonly text: string;
}

interface Average {
  readonly value: number;
  /** Steps averaged. */
  readonly n: number;
  /** The average after its first ten steps: what later values are compared with. */
  readonly early: number | null;
}

export interface HealthState {
  readonly entropy: Average;
  readonly length: Average;
  readonly truncated: Average;
  readonly clipped: Average;
  readonly yield: Average;
  readonly passRate: Average;
  /** Highest average pass rate so far, and how many steps in a row the average has fallen. */
  readonly peak: number;
  readonly falling: number;
  readonly flat: number;
  /** Step of the last warning of each sign. */
  readonly warned: Readonly<Partial<Record<Sign, number>>>;
}

const NONE: Average = { value: 0, n: 0, early: null };
const EMPTY: HealthState = {
  entropy: NONE,
  length: NONE,
  truncated: NONE,
  clipped: NONE,
  yield: NONE,
  passRate: NONE,
  peak: 0,
  falling: 0,
  flat: 0,
  warned: {},
};

/** Weight of the newest step in a moving average. */
const NEWEST = 0.3;
const EARLY_STEPS = 10;
/** Steps before the same warning is said again. */
const AGAIN = 25;
/** Steps in a row that the average pass rate must fall, and the share of its peak it must lose, to be a collapse. */
const FALLING_STEPS = 10;
const LOST_SHARE = 0.3;
const FLAT_STEPS = 3;

export class Health implements Stateful<HealthState> {
  private s: HealthState = EMPTY;

  state(): HealthState {
    return this.s;
  }

  restore(state: HealthState): void {
    this.s = state;
  }

  /** Takes the step in and returns what is to be said; a sign speaks again only after 25 steps. */
  observe(v: Vitals): Warning[] {
    const before = this.s;
    const passRate = push(before.passRate, v.passRate);
    const fell = v.passRate !== null && before.passRate.n > 0 && passRate.value < before.passRate.value;
    const s: HealthState = {
      entropy: push(before.entropy, v.entropy),
      length: push(before.length, v.meanLength),
      truncated: push(before.truncated, v.truncated),
      clipped: push(before.clipped, v.clipped),
      yield: push(before.yield, v.yield),
      passRate,
      peak: Math.max(before.peak, passRate.n >= 3 ? passRate.value : 0),
      falling: fell ? before.falling + 1 : v.passRate === null ? before.falling : 0,
      flat: v.rewardStd === 0 ? before.flat + 1 : v.rewardStd === null ? before.flat : 0,
      warned: before.warned,
    };
    const said = RULES.flatMap((rule): Warning[] => {
      const text = rule.look(v, s);
      if (text === null) return [];
      const last = before.warned[rule.sign];
      if (last !== undefined && v.step - last < AGAIN && rule.sign !== "quarantine") return [];
      return [{ sign: rule.sign, text: `step ${v.step}: ${text}` }];
    });
    this.s = { ...s, warned: { ...s.warned, ...Object.fromEntries(said.map((w) => [w.sign, v.step])) } };
    return said;
  }

  /** The train pass rate has fallen for ten steps and lost a good part of its best. */
  get collapsed(): boolean {
    return hasCollapsed(this.s);
  }
}

const hasCollapsed = (s: HealthState): boolean =>
  s.falling >= FALLING_STEPS && s.passRate.value < (1 - LOST_SHARE) * s.peak;

function push(a: Average, x: number | null): Average {
  if (x === null || !Number.isFinite(x)) return a;
  const value = a.n === 0 ? x : (1 - NEWEST) * a.value + NEWEST * x;
  const n = a.n + 1;
  return { value, n, early: n === EARLY_STEPS ? value : a.early };
}

interface Rule {
  readonly sign: Sign;
  readonly look: (v: Vitals, s: HealthState) => string | null;
}

const percent = (x: number): string => `${(100 * x).toFixed(0)}%`;

const RULES: readonly Rule[] = [
  {
    sign: "collapse",
    look: (_v, s) =>
      hasCollapsed(s)
        ? `the train pass rate has fallen for ${s.falling} steps, from ${percent(s.peak)} to ${percent(s.passRate.value)}: ` +
          "the policy is getting worse; try a lower learner.lr, or rl.loss.kl_coef=0.01"
        : null,
  },
  {
    sign: "entropy",
    look: (_v, s) =>
      s.entropy.early !== null && s.entropy.value < 0.25 * s.entropy.early
        ? `entropy is ${s.entropy.value.toFixed(3)} nats a token, a quarter of what it was: the policy explores little; ` +
          "try a higher rl.loss.eps_high, sampler.temperature, or rl.loss.entropy_coef=0.001"
        : null,
  },
  {
    sign: "clipping",
    look: (_v, s) =>
      s.clipped.n >= 3 && s.clipped.value > 0.1
        ? `${percent(s.clipped.value)} of the trained tokens are outside the clip range: steps are too large; ` +
          "try a lower learner.lr or rl.updates_per_batch"
        : null,
  },
  {
    sign: "length",
    look: (_v, s) =>
      s.length.early !== null && s.length.value > 1.5 * s.length.early
        ? `completions have grown from ${s.length.early.toFixed(0)} to ${s.length.value.toFixed(0)} tokens; if they do not ` +
          "get better, try rl.loss.overlong=punish or rl.loss.divisor=constant"
        : s.length.early !== null && s.length.value < 0.5 * s.length.early
          ? `completions have shrunk from ${s.length.early.toFixed(0)} to ${s.length.value.toFixed(0)} tokens; look at ` +
            "samples/ for answers that skip the reasoning"
          : null,
  },
  {
    sign: "truncation",
    look: (_v, s) =>
      s.truncated.n >= 3 && s.truncated.value > 0.25
        ? `${percent(s.truncated.value)} of the rollouts are cut at the token limit and teach nothing; ` +
          "try a higher sampler.max_tokens"
        : null,
  },
  {
    sign: "variance",
    look: (_v, s) =>
      s.flat >= FLAT_STEPS
        ? `every rollout of ${s.flat} steps got the same reward: there is nothing to learn from; ` +
          "check the problems with --rollouts-only, or try easier or harder ones"
        : null,
  },
  {
    sign: "gap",
    look: (v) =>
      v.lag === 0 && v.gap !== null && v.gap > 0.01
        ? `sampler and learner disagree by ${v.gap.toFixed(3)} nats a token on the same weights; the gradient is biased: ` +
          "check that both have the same weights, temperature and precision"
        : null,
  },
  {
    sign: "yield",
    look: (_v, s) =>
      s.yield.n >= 5 && s.yield.value < 0.15
        ? `only ${percent(s.yield.value)} of the drawn groups have a signal; try rl.sampling.strategy=adaptive, ` +
          "more rollouts (rl.group_size), or problems nearer to what the policy can do"
        : null,
  },
  {
    sign: "quarantine",
    look: (v) =>
      v.quarantined.length > 0
        ? `problem ${v.quarantined.slice(0, 3).join(", ")}${v.quarantined.length > 3 ? ` and ${v.quarantined.length - 3} more` : ""} ` +
          "set aside: two ways of checking disagreed about a rollout; look at its golden with `train verify`"
        : null,
  },
];
