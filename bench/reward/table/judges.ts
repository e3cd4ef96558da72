/** The two judges of the table: this project's reward, and the published check beside it. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Design, problemOf } from "../../../designs/index.js";
import { seed } from "../../../src/core/units.js";
import { makeRewarder } from "../../../src/reward/rewarder.js";
import { DEFAULT_LIMITS, type Limits } from "../../../src/sim/simulator.js";
import type { Tools } from "../../../src/sim/tools.js";
import { codevVerdict } from "../rival/codev.js";

/** A golden and a text to judge beside it. */
export interface Trial {
  readonly golden: Design;
  readonly name: string;
  readonly code: string;
}

export interface Answer {
  readonly trial: Trial;
  readonly passed: boolean;
  /** What was said: an outcome, or what stopped the judge. */
  readonly said: string;
}

/** Every trial by the reward as it is configured by default; goldens that cannot serve count as not passed. */
export async function byReward(
  trials: readonly Trial[],
  tools: Tools,
  signal: AbortSignal,
  limits: Limits = DEFAULT_LIMITS,
): Promise<Answer[]> {
  const dir = mkdtempSync(join(tmpdir(), "table-"));
  const rewarder = makeRewarder({
    tools,
    cacheDir: join(dir, "cache"),
    scratchDir: join(dir, "scratch"),
    // A second look at some passes is measured elsewhere; here the first verdict speaks for itself.
    audit: { share: 0, vectors: 10_000 },
    limits,
  });
  try {
    const goldens = [...new Map(trials.map((t) => [t.golden.name, problemOf(t.golden)])).values()];
    const refused = await rewarder.prepare(goldens, () => {}, signal);
    return await Promise.all(
      trials.map(async (trial): Promise<Answer> => {
        const problem = problemOf(trial.golden);
        const reason = refused.get(problem.id);
        if (reason !== undefined) return { trial, passed: false, said: `refused: ${reason}` };
        // By hand: hostile code may hold fences and tags of its own.
        const text = `<think></think>\n<answer>\n\`\`\`verilog\n${trial.code}\n\`\`\`\n</answer>`;
        const v = await rewarder.score({ problem, text, seed: seed(1) }, signal);
        return v.kind === "scored"
          ? { trial, passed: v.passed, said: `${v.outcome}${v.log === "" ? "" : `: ${v.log}`}` }
          : { trial, passed: false, said: `infra ${v.code}` };
      }),
    );
  } finally {
    await rewarder.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Every trial by the published check, `concurrency` at a time. */
export async function byBaseline(
  trials: readonly Trial[],
  tools: Tools,
  concurrency: number,
): Promise<Answer[]> {
  const answers: Answer[] = new Array(trials.length);
  let next = 0;
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      while (next < trials.length) {
        const at = next++;
        const trial = trials[at]!;
        const v = await codevVerdict(trial.golden.golden, trial.code, trial.golden.top, tools);
        answers[at] = {
          trial,
          passed: v.verdict === "pass",
          said: v.verdict === "error" ? `error: ${v.log}` : v.verdict,
        };
      }
    }),
  );
  return answers;
}
