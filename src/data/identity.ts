/**
 * When two problems are the same text. Prompts are compared by role and content with runs of white space as one blank;
 * goldens token by token, so that comments and white space do not count.
 */

import type { Problem } from "../core/types.js";
import { lex, normalForm } from "../verilog/lexer.js";

type Text = Pick<Problem, "prompt" | "task">;

/** Equal for prompts that say the same in the same roles. */
export const promptKey = (problem: Text): string =>
  problem.prompt.map((m) => `${m.role}:${m.content.replace(/\s+/g, " ").trim()}`).join("\u0001");

/** Equal for goldens of the same tokens; of text that is no Verilog, for the same words. */
export function goldenKey({ task }: Text): string {
  const lexed = lex(task.golden);
  return lexed.ok ? normalForm(lexed.tokens) : task.golden.replace(/\s+/g, " ").trim();
}

/**
 * For each problem the index of the first one of its set; problems are in one set when a chain of equal prompts or
 * equal goldens joins them. A set must lie in one split, or the test split would hold what was trained on.
 */
export function identicalSets(problems: readonly Text[]): number[] {
  const parent = problems.map((_, i) => i);
  const root = (i: number): number => {
    let r = i;
    while (parent[r] !== r) r = parent[r]!;
    parent[i] = r;
    return r;
  };
  const seen = new Map<string, number>();
  problems.forEach((problem, i) => {
    for (const key of [`p${promptKey(problem)}`, `g${goldenKey(problem)}`]) {
      const earlier = seen.get(key);
      if (earlier === undefined) {
        seen.set(key, i);
        continue;
      }
      const [a, b] = [root(earlier), root(i)];
      parent[Math.max(a, b)] = Math.min(a, b);
    }
  });
  return problems.map((_, i) => root(i));
}
