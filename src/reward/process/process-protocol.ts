/** What the rewarder's process and its proxy say to each other. Plain data, by structured clone. */

import { type ErrorCode, messageOf, TrainError } from "../../core/errors.js";
import type { RewardStats } from "../../core/ports.js";
import type { Verdict, VerilogTask } from "../../core/types.js";
import type { ProblemId, Seed } from "../../core/units.js";
import type { Environment } from "../../equiv/environment.js";
import type { Explanation } from "../../equiv/explain.js";
import type { RewarderSettings } from "../settings.js";

/** Jobs running, and when the oldest of them began (epoch ms; 0 = none). */
export interface Gauges {
  readonly running: number;
  readonly oldest: number;
}

export const epochMs = (): number => performance.timeOrigin + performance.now();

/** Every call: arguments and result. Problems go by number, so that a golden crosses once. */
export interface Calls {
  score: {
    args: { problem: number; text: string; seed: Seed; tier: "sim" | "formal" };
    result: Verdict;
  };
  prepare: { args: { problems: readonly number[] }; result: ReadonlyMap<ProblemId, string> };
  explain: { args: { problem: number; code: string }; result: Explanation };
  stats: { args: null; result: RewardStats };
  environment: { args: null; result: Environment };
  close: { args: null; result: null };
}

export type CallName = keyof Calls;

/** `settings` comes first. */
export type ToProcess =
  | { readonly kind: "settings"; readonly settings: RewarderSettings }
  | { readonly kind: "problem"; readonly number: number; readonly id: ProblemId; readonly task: VerilogTask }
  | {
      [N in CallName]: {
        readonly kind: "call";
        readonly id: number;
        readonly name: N;
        readonly args: Calls[N]["args"];
      };
    }[CallName]
  | { readonly kind: "abort"; readonly id: number };

export type Answer =
  | { readonly kind: "result"; readonly id: number; readonly value: unknown }
  | { readonly kind: "progress"; readonly id: number; readonly done: number; readonly total: number }
  | { readonly kind: "error"; readonly id: number; readonly error: WireError };

/** Several answers at a time; none when only the gauges have changed. */
export interface FromProcess {
  readonly answers: readonly Answer[];
  readonly gauges: Gauges;
}

export interface WireError {
  /** Null for what is not a TrainError. */
  readonly code: ErrorCode | null;
  readonly name: string;
  readonly message: string;
  readonly hint: string | undefined;
  readonly details: readonly string[];
  readonly stack: string | undefined;
}

export function toWire(thrown: unknown): WireError {
  const known = thrown instanceof TrainError ? thrown : null;
  return {
    code: known?.code ?? null,
    name: thrown instanceof Error ? thrown.name : "Error",
    message: messageOf(thrown),
    hint: known?.hint,
    details: known?.details ?? [],
    stack: thrown instanceof Error ? thrown.stack : undefined,
  };
}

export function fromWire(e: WireError): Error {
  const revived =
    e.code === null
      ? Object.assign(new Error(e.message), { name: e.name })
      : new TrainError(e.code, e.message, {
          ...(e.hint === undefined ? {} : { hint: e.hint }),
          details: e.details,
        });
  if (e.stack !== undefined) revived.stack = e.stack;
  return revived;
}
