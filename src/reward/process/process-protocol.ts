/** What the rewarder's process and its proxy say to each other. Plain data, by structured clone. */

import type { RewardStats } from "../../core/ports.js";
import type { Verdict, VerilogTask } from "../../core/types.js";
import type { ProblemId, Seed } from "../../core/units.js";
import type { Environment } from "../../equiv/environment.js";
import type { Explanation } from "../../equiv/explain.js";
import type { Answer, Request } from "../../rpc/wire.js";
import type { RewarderSettings } from "../settings.js";

/** Jobs running, and when the oldest of them began (epoch ms; 0 = none). */
export interface Gauges {
  readonly running: number;
  readonly oldest: number;
}

export const epochMs = (): number => performance.timeOrigin + performance.now();

/** Every call; problems go by number, so that a golden crosses once. */
export interface RewardCalls {
  score: {
    args: { problem: number; text: string; seed: Seed; tier: "sim" | "formal" };
    result: Verdict;
    item: never;
  };
  prepare: {
    args: { problems: readonly number[] };
    result: ReadonlyMap<ProblemId, string>;
    item: { readonly done: number; readonly total: number };
  };
  explain: { args: { problem: number; code: string }; result: Explanation; item: never };
  stats: { args: null; result: RewardStats; item: never };
  environment: { args: null; result: Environment; item: never };
  close: { args: null; result: null; item: never };
}

/** `settings` comes first. */
export type ToProcess =
  | { readonly kind: "settings"; readonly settings: RewarderSettings }
  | { readonly kind: "problem"; readonly number: number; readonly id: ProblemId; readonly task: VerilogTask }
  | Request<RewardCalls>;

/** Several answers at a time; none when only the gauges have changed. */
export interface FromProcess {
  readonly answers: readonly Answer[];
  readonly gauges: Gauges;
}
