/**
 * What a run on one GPU spent its time on, from its run directory and the card's samples:
 *   npx tsx bench/speed/gpu/end-to-end.ts RUN_DIR [--cards FILE] [--out FILE]
 *
 * FILE of --cards is what this printed beside the run:
 *   nvidia-smi --query-gpu=timestamp,utilization.gpu,memory.used,power.draw --format=csv,noheader -l 1
 * on a host whose time zone is UTC.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: { cards: { type: "string" }, out: { type: "string" } },
});
const [dir] = positionals;
if (dir === undefined) throw new Error("expected a run directory");

type Line = Readonly<Record<string, number>>;
const lines: Line[] = readFileSync(join(dir, "metrics.jsonl"), "utf8")
  .trim()
  .split("\n")
  .map((text) => JSON.parse(text));
const run = JSON.parse(readFileSync(join(dir, "run.json"), "utf8"));
const sum = (xs: readonly number[]): number => xs.reduce((a, b) => a + b, 0);
const mean = (xs: readonly number[]): number | null => (xs.length === 0 ? null : sum(xs) / xs.length);
const median = (xs: readonly number[]): number => [...xs].sort((a, b) => a - b)[(xs.length - 1) >> 1]!;
const round = (x: number, digits = 3): number => Number(x.toFixed(digits));

const steps = lines.filter((l) => l["timing/step_s"] !== undefined);
const evals = lines.filter((l) => l["eval/test/pass@1"] !== undefined);
const column = (key: string): number[] => steps.flatMap((l) => (typeof l[key] === "number" ? [l[key]!] : []));
const wall = sum(column("timing/step_s"));
const PARTS = ["prepare", "sample", "score", "learn", "publish"] as const;
const split = Object.fromEntries(
  PARTS.flatMap((part) => {
    const seconds = column(`timing/${part}_s`);
    return seconds.length === 0
      ? []
      : [[part, { seconds: round(sum(seconds)), median: round(median(seconds)) }] as const];
  }),
);

/** Seconds since the epoch of the samples, with percent busy, MiB and watts. */
const cards = (flags.cards === undefined ? "" : readFileSync(flags.cards, "utf8"))
  .split("\n")
  .flatMap((line) => {
    const [when, busy, mib, watts] = line.split(",").map((cell) => cell.trim());
    if (watts === undefined) return [];
    return [
      {
        at: Date.parse(`${when!.replaceAll("/", "-").replace(" ", "T")}Z`) / 1000,
        busy: Number.parseFloat(busy!),
        mib: Number.parseFloat(mib!),
        watts: Number.parseFloat(watts),
      },
    ];
  });
const within = (spans: readonly (readonly [number, number])[]) => {
  const taken = cards.filter(({ at }) => spans.some(([from, to]) => at >= from && at <= to));
  const of = (xs: readonly number[]): number | null => {
    const m = mean(xs);
    return m === null ? null : round(m, 1);
  };
  return {
    samples: taken.length,
    busyPercent: of(taken.map((c) => c.busy)),
    watts: of(taken.map((c) => c.watts)),
    mostMiB: taken.reduce((most, c) => Math.max(most, c.mib), 0),
  };
};
const span = (l: Line, key: string): readonly [number, number] => [l.time! - l[key]!, l.time!];

const tokens = column("train/tokens");
const elapsed = column("timing/elapsed_s").at(-1);
const report = {
  bench: "speed/gpu/end-to-end",
  run: run.name,
  stage: run.stage,
  engine: run.engine,
  choices: run.choices,
  versions: run.versions,
  steps: steps.length,
  stepSeconds: { sum: round(wall), median: round(median(column("timing/step_s"))) },
  split,
  tokens: sum(tokens),
  tokensPerSecond: Math.round(sum(tokens) / wall),
  rollouts: sum(column("train/rollouts")),
  // The last step's; a stage that does not record it has none.
  elapsedSeconds: elapsed === undefined ? null : round(elapsed, 1),
  card: {
    steps: within(steps.map((l) => span(l, "timing/step_s"))),
    evaluations: within(evals.map((l) => span(l, "timing/eval_s"))),
  },
  evaluations: evals.map((l) => ({
    step: l.step,
    problems: l["eval/test/problems"],
    samples: l["eval/test/samples"],
    "pass@1": l["eval/test/pass@1"],
    interval: [l["eval/test/pass@1/lo"], l["eval/test/pass@1/hi"]],
    "pass@4": l["eval/test/pass@4"],
    seconds: round(l["timing/eval_s"]!, 1),
  })),
};
const text = JSON.stringify(report, null, 1);
console.log(text);
if (flags.out !== undefined) writeFileSync(flags.out, `${text}\n`);
