/** What a finished run says: the block for people and the object for `--json`. Pure. */

import { compactCount, compactDuration, fixed, grouped } from "../core/format.js";
import type { Interval } from "../core/stats.js";

export interface EvalPoint {
  readonly pass1: Interval;
  /** k -> pass@k of the other k measured. */
  readonly passK: Readonly<Record<number, number>>;
}

export interface RunSummary {
  readonly name: string;
  /** Folder of the run, as the user would type it. */
  readonly run: string;
  readonly state: "done" | "stopped" | "failed";
  /** Why it ended early; null when it did not. */
  readonly reason: string | null;
  readonly steps: number;
  readonly totalSteps: number;
  readonly tokens: number;
  readonly rollouts: number;
  readonly seconds: number;
  /** Seconds by kind of work, in the order to show. */
  readonly split: readonly (readonly [name: string, seconds: number])[];
  /** Evaluation set of `before` and `after`: the first that the config names. */
  readonly set: string;
  readonly before: EvalPoint | null;
  readonly after: EvalPoint | null;
  /** Name -> path of things made: report, policy, … */
  readonly places: readonly (readonly [name: string, path: string])[];
  readonly next: readonly string[];
}

interface JsonPoint {
  readonly pass1: number;
  readonly lo: number;
  readonly hi: number;
}

export interface JsonSummary {
  readonly run: string;
  readonly steps: number;
  readonly tokens: number;
  readonly rollouts: number;
  readonly seconds: number;
  readonly eval: {
    readonly set: string;
    readonly before: JsonPoint | null;
    readonly after: JsonPoint | null;
  };
}

/** The object of `--json` for the rl stage: fixed keys. */
export const jsonSummary = (s: RunSummary): JsonSummary => ({
  run: s.run,
  steps: s.steps,
  tokens: s.tokens,
  rollouts: s.rollouts,
  seconds: Math.round(s.seconds * 1000) / 1000,
  eval: { set: s.set, before: jsonPoint(s.before), after: jsonPoint(s.after) },
});

const jsonPoint = (p: EvalPoint | null): JsonPoint | null =>
  p === null ? null : { pass1: p.pass1.mean, lo: p.pass1.lo, hi: p.pass1.hi };

/** The block at the end. Paths and commands are never cut, so they may pass 80 columns. */
export function summaryLines(s: RunSummary): string[] {
  const what = { done: "finished", stopped: "stopped", failed: "failed" }[s.state];
  const lines = [
    "",
    `${s.name}: ${what} at step ${s.steps} of ${s.totalSteps} in ${compactDuration(s.seconds)}` +
      (s.reason === null ? "" : ` (${s.reason})`),
  ];
  const ks = [...new Set([s.before, s.after].flatMap((p) => Object.keys(p?.passK ?? {}).map(Number)))];
  if (s.before !== null || s.after !== null) {
    lines.push(line(s.set, cells("before", "after", "change")));
    lines.push(
      line(
        "pass@1",
        cells(
          interval(s.before),
          interval(s.after),
          difference(s, (p) => p.pass1.mean),
        ),
      ),
    );
    for (const k of ks.filter((k) => k !== 1).sort((a, b) => a - b)) {
      const at = (p: EvalPoint | null) => fixed(p?.passK[k] ?? Number.NaN, 3);
      lines.push(
        line(
          `pass@${k}`,
          cells(
            at(s.before),
            at(s.after),
            difference(s, (p) => p.passK[k] ?? Number.NaN),
          ),
        ),
      );
    }
  }
  lines.push(line("sampled", `${compactCount(s.tokens)} tokens in ${grouped(s.rollouts)} rollouts`));
  const total = s.split.reduce((sum, [, x]) => sum + x, 0);
  if (total > 0) {
    const shares = s.split.map(([name, x]) => `${name} ${Math.round((100 * x) / total)}%`);
    lines.push(line("time", shares.join(", ")));
  }
  for (const [name, path] of [["run", s.run] as const, ...s.places]) lines.push(line(name, path));
  s.next.forEach((command, i) => {
    lines.push(line(i === 0 ? "next" : "", command));
  });
  return lines;
}

const line = (name: string, text: string): string => `  ${name.padEnd(9)} ${text}`.trimEnd();
const cells = (a: string, b: string, c: string): string => a.padEnd(21) + b.padEnd(21) + c;
const interval = (p: EvalPoint | null): string =>
  p === null ? "-" : `${fixed(p.pass1.mean, 3)} [${fixed(p.pass1.lo, 2)}, ${fixed(p.pass1.hi, 2)}]`;

function difference(s: RunSummary, of: (p: EvalPoint) => number): string {
  if (s.before === null || s.after === null) return "";
  const d = of(s.after) - of(s.before);
  return Number.isFinite(d) ? `${d >= 0 ? "+" : ""}${fixed(d, 3)}` : "";
}
