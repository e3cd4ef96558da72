/** What the tests of this folder share: one rewarder on a scratch of its own, and problems from source text. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Problem, ScoredVerdict, Verdict } from "../../src/core/types.js";
import { problemId, seed } from "../../src/core/units.js";
import { makeRewarder, type RewarderOptions } from "../../src/reward/rewarder.js";
import { locateTools, type Tools } from "../../src/reward/tools.js";
import { formatCompletion } from "../../src/text/format.js";

let located: Tools | null = null;
export const tools = (): Tools => {
  located ??= locateTools(process.env.PATH ?? "");
  return located;
};

export const signal = (): AbortSignal => new AbortController().signal;

export const problem = (golden: string, id = "p", top = "top_module"): Problem => ({
  id: problemId(id),
  prompt: [],
  task: { golden, top },
  meta: { source: "test", split: "train" },
});

export const answer = (code: string): string => formatCompletion("thinking", code);

export function open(options: Partial<RewarderOptions> = {}) {
  const dir = mkdtempSync(join(tmpdir(), "reward-test-"));
  const rewarder = makeRewarder({
    tools: tools(),
    cacheDir: join(dir, "cache"),
    scratchDir: join(dir, "scratch"),
    concurrency: 2,
    ...options,
  });
  const score = (p: Problem, code: string): Promise<Verdict> =>
    rewarder.score({ problem: p, text: answer(code), seed: seed(1) }, signal());
  return {
    dir,
    rewarder,
    score,
    /** For verdicts that must be scored. */
    async scored(p: Problem, code: string): Promise<ScoredVerdict> {
      const v = await score(p, code);
      if (v.kind !== "scored") throw new Error(`infra ${v.code}: ${v.log}`);
      return v;
    },
    async close(): Promise<void> {
      await rewarder.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
