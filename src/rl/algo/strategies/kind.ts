/** What a sampling strategy brings: its name, its settings, and how to make one. `index.ts` lists them. */

import type { z } from "zod";
import type { Rng } from "../../../core/rng.js";
import type { ProblemId, Seed } from "../../../core/units.js";
import type { AdvantageMode, BetaCounts } from "../advantages.js";
import type { KeepRule } from "../filters.js";
import type { PosteriorProblem } from "../posterior.js";
import type { Strategy } from "../strategy.js";

/** What every strategy is given, whatever its settings are. */
export interface StrategyContext {
  /** The training problems; a strategy speaks of them by their place in this list. */
  readonly problems: readonly (PosteriorProblem & { readonly id: ProblemId })[];
  /** Rollouts of a problem; the mean number where the strategy varies it. */
  readonly groupSize: number;
  /** Steps of the run, for schedules. */
  readonly steps: number;
  readonly advantage: AdvantageMode;
  /** Orders the problems, where the strategy takes them in turn. */
  readonly rng: Rng;
  /** Of the run, where the strategy draws by problem. */
  readonly seed: Seed;
}

/** The settings that contradict each other: key of `rl.sampling` or `rl`, and a sentence. */
export interface KnobConflict {
  readonly path: readonly string[];
  readonly message: string;
}

/** What a conflict is judged by besides the strategy's own settings. */
export interface Surroundings {
  readonly groups: number;
  readonly groupSize: number;
  readonly advantage: AdvantageMode;
}

/** Why an advantage that compares the rollouts of a group needs two of them. */
export const NO_SPREAD = "a group of one has no spread: use at least 2, or advantage: history";

/** @template K the zod shape of the strategy's settings, keys as in a config's `rl.sampling` */
export interface StrategyKind<K extends z.ZodRawShape = z.ZodRawShape> {
  readonly name: string;
  /** What it does, in a phrase. */
  readonly describe: string;
  readonly knobs: K;
  /** True when it estimates a pass rate for each problem, which `history` advantages then use as the baseline. */
  readonly estimates: boolean;
  /** Fewest rollouts of a chosen problem, where that is not the group size. */
  fewest?(knobs: z.output<z.ZodObject<K>>, groupSize: number): number;
  /** Which groups it trains on. */
  keep(knobs: z.output<z.ZodObject<K>>, advantage: AdvantageMode): KeepRule;
  conflicts?(knobs: z.output<z.ZodObject<K>>, around: Surroundings): readonly KnobConflict[];
  make(knobs: z.output<z.ZodObject<K>>, context: StrategyContext): Strategy;
}

/** Pseudo-counts of a problem that nobody keeps counts for. */
export const FLAT_PRIOR: BetaCounts = { a: 1, b: 1 };
