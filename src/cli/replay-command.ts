/** `train replay`: a step done again, beside what was recorded. */

import { TrainError } from "../core/errors.js";
import type { Replayed } from "../stages/rl/replay.js";
import { interruptible } from "./interrupt.js";
import { makeReporter } from "./reporter.js";
import { findRun } from "./runs-command.js";
import type { Parts, Shell } from "./shell.js";
import { table } from "./text.js";
import { clock, configResolver } from "./train-command.js";

/** 0 = every value is what was recorded, 1 = some differ. */
export async function replayCommand(
  shell: Shell,
  parts: Parts,
  request: {
    readonly run: string;
    readonly step: string | undefined;
    readonly dir: string | undefined;
    readonly json: boolean;
  },
): Promise<number> {
  const step = Number(request.step);
  if (request.step === undefined || !Number.isSafeInteger(step) || step < 1) {
    throw new TrainError("usage", `--step: expected the number of a step, got ${request.step ?? "nothing"}`, {
      hint: `${shell.program} replay ${request.run} --step 1`,
    });
  }
  const run = findRun(shell, request, "replay");
  const reporter = makeReporter(shell.stderr, { quiet: request.json });
  const { replay } = await import("../stages/rl/replay.js");
  try {
    const result = await interruptible((signal) =>
      replay(
        { run, step, clock, onStep: (k) => reporter.status(`step ${k} of ${step}`) },
        { ...shell, reporter, resolve: configResolver(shell, parts) },
        signal,
      ),
    );
    reporter.close();
    shell.stdout.write(request.json ? `${JSON.stringify(result)}\n` : text(result));
    return result.differences.length === 0 ? 0 : 1;
  } finally {
    reporter.close();
  }
}

function text(r: Replayed): string {
  const where = `step ${r.step} of ${r.run}, done again from ${r.from === 0 ? "the base policy" : `checkpoint ${r.from}`}`;
  if (r.differences.length === 0) return `${where}: all ${r.compared} values are what was recorded\n`;
  const show = (x: number | null): string => (x === null ? "-" : String(x));
  const rows = r.differences.map((d) => [d.key, show(d.recorded), show(d.replayed)]);
  return `${where}: ${rows.length} of ${r.compared} values differ\n${table([["value", "recorded", "replayed"], ...rows])}\n`;
}
