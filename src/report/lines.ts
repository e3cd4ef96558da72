/**
 * The lines that a person reads along, each at most 80 columns. Pure. Full numbers are in metrics.jsonl.
 */

import { clip, compactCount, compactDuration, compactSeconds, fixed } from "../core/format.js";
import type { Stateful } from "../core/ports.js";
import { type Interval, median } from "../core/stats.js";

export interface StepLine {
  readonly step: number;
  readonly total: number;
  readonly reward: number;
  readonly passRate: number; // 0 to 1
  readonly keptGroups: number;
  readonly drawnGroups: number;
  readonly rolloutsMin: number;
  readonly rolloutsMax: number;
  readonly tokensPerSecond: number;
  readonly sampleSeconds: number;
  /** Waited for verdicts after sampling ended. */
  readonly rewardSeconds: number;
  readonly learnSeconds: number;
  readonly etaSeconds: number | null;
}

/** Printed once, before the first step. */
export const STEP_HEADER: readonly string[] = [
  "kept = groups that are trained on, of those drawn; rollouts: per problem",
  "tok/s = sampled tokens a second; time = sampling + rewards wait + learning",
  row("step", "reward", "pass", "kept", "rollouts", "tok/s", "time", "left"),
];

export function stepLine(s: StepLine): string {
  const times = [s.sampleSeconds, s.rewardSeconds, s.learnSeconds].map(compactSeconds).join("+");
  return row(
    `step ${clip(`${count(s.step)}/${count(s.total)}`, 11)}`,
    reward(s.reward),
    Number.isFinite(s.passRate) ? `${Math.round(Math.min(1, Math.max(0, s.passRate)) * 100)}%` : "-",
    `${compactCount(s.keptGroups)}/${compactCount(s.drawnGroups)}`,
    s.rolloutsMin === s.rolloutsMax
      ? compactCount(s.rolloutsMin)
      : `${compactCount(s.rolloutsMin)}-${compactCount(s.rolloutsMax)}`,
    compactCount(s.tokensPerSecond),
    `${times}s`,
    s.etaSeconds === null ? "-" : compactDuration(s.etaSeconds),
  );
}

export interface EvalLine {
  readonly step: number;
  readonly set: string;
  readonly pass1: Interval;
  /** The largest k that was measured, if more than 1. */
  readonly passK?: { readonly k: number; readonly value: number };
  readonly problems: number;
  readonly samples: number;
}

/** `eval step 20  test pass@1 0.41 [0.37, 0.45]  pass@8 0.66  (200 problems x 4)` */
export function evalLine(e: EvalLine): string {
  const two = (x: number) => fixed(Math.min(1, Math.max(0, x)), 2);
  const head = `eval step ${count(e.step)}`;
  const one = `pass@1 ${two(e.pass1.mean)} [${two(e.pass1.lo)}, ${two(e.pass1.hi)}]`;
  const many = e.passK === undefined ? "" : `  pass@${compactCount(e.passK.k)} ${two(e.passK.value)}`;
  const problems = compactCount(e.problems);
  const samples = compactCount(e.samples);
  for (const tail of [`  (${problems} problems x ${samples})`, `  (${problems} x ${samples})`]) {
    const fixedWidth = head.length + 2 + 1 + one.length + many.length + tail.length;
    const set = clip(e.set, Math.max(4, 80 - fixedWidth));
    const line = `${head}  ${set} ${one}${many}${tail}`;
    if (line.length <= 80) return line;
  }
  return clip(`${head}  ${clip(e.set, 4)} ${one}${many}`, 80);
}

/** Estimates the time that is left. Its state is the seconds of the last steps. */
export interface Eta extends Stateful<readonly number[]> {
  push(seconds: number): void;
  /** Seconds; null before the first step. */
  eta(stepsLeft: number): number | null;
}

/** Remaining time as steps left times the median of the last `window` steps; evaluations are not pushed. */
export function makeEta(window = 16): Eta {
  let recent: number[] = [];
  return {
    state: () => [...recent],
    restore(state) {
      recent = state.slice(-window);
    },
    push(seconds) {
      recent.push(seconds);
      if (recent.length > window) recent.shift();
    },
    eta: (stepsLeft) => (recent.length === 0 ? null : median(recent) * stepsLeft),
  };
}

/** Whole up to 99999, then compact. */
const count = (n: number): string =>
  Number.isInteger(n) && n >= 0 && n <= 99_999 ? String(n) : compactCount(n);

const reward = (r: number): string => {
  const text = fixed(r, 3);
  return text.length <= 6 ? text : r > 0 ? ">99" : "<-9";
};

/** Widths 16 + 6 + 4 + 9 + 9 + 5 + 15 + 5 with separators = 80. */
function row(
  step: string,
  reward: string,
  pass: string,
  kept: string,
  rollouts: string,
  rate: string,
  time: string,
  left: string,
): string {
  return (
    `${step.padEnd(16)} ${reward.padStart(6)}  ${pass.padStart(4)}  ${kept.padStart(9)}  ${rollouts.padStart(9)}` +
    `  ${rate.padStart(5)} ${time.padStart(15)} ${left.padStart(5)}`
  );
}
