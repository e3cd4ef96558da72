/** Does every golden equal itself? Each is prepared with several stimulus seeds and judged against its own text, rewritten in blanks and comments. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seed as asSeed } from "../src/core/units.js";
import { makeRewarder } from "../src/reward/rewarder.js";
import type { Tools } from "../src/sim/tools.js";
import { formatCompletion } from "../src/text/format.js";
import { type Design, problemOf } from "./corpus.js";

export interface SelfResult {
  /** Verdicts given, over all seeds. */
  readonly judged: number;
  /** Designs that cannot serve, with the reason; the same for every seed, or the seed is named. */
  readonly refused: ReadonlyMap<string, string>;
  /** Wrong rejects: design, seed and message. */
  readonly rejected: readonly { readonly name: string; readonly seed: number; readonly log: string }[];
}

/** The text again, with other blanks and one more comment. */
export const reformatted = (code: string): string => `// again\n${code.replace(/\n\s*/g, "\n\t")}\n`;

export async function selfEquivalence(
  designs: readonly Design[],
  seeds: readonly number[],
  tools: Tools,
  signal: AbortSignal,
): Promise<SelfResult> {
  const refused = new Map<string, string>();
  const rejected: { name: string; seed: number; log: string }[] = [];
  let judged = 0;
  for (const seed of seeds) {
    const dir = mkdtempSync(join(tmpdir(), "self-"));
    // No bench quality: mutants say nothing about a golden beside itself.
    const rewarder = makeRewarder({
      tools,
      cacheDir: join(dir, "cache"),
      scratchDir: join(dir, "scratch"),
      seed,
      mutants: 0,
    });
    try {
      const reasons = await rewarder.prepare(designs.map(problemOf), () => {}, signal);
      await Promise.all(
        designs.map(async (design) => {
          const problem = problemOf(design);
          const reason = reasons.get(problem.id);
          if (reason !== undefined) {
            const known = refused.get(design.name);
            if (known === undefined) refused.set(design.name, reason);
            else if (known !== reason) refused.set(design.name, `${known}; with seed ${seed}: ${reason}`);
            return;
          }
          const text = formatCompletion("thinking", reformatted(design.golden));
          const verdict = await rewarder.score({ problem, text, seed: asSeed(seed) }, signal);
          judged++;
          if (verdict.kind === "scored" && verdict.passed) return;
          const log =
            verdict.kind === "scored" ? `${verdict.outcome}: ${verdict.log}` : `infra ${verdict.code}`;
          rejected.push({ name: design.name, seed, log });
        }),
      );
    } finally {
      await rewarder.close();
      rmSync(dir, { recursive: true, force: true });
    }
  }
  return { judged, refused, rejected };
}
