/**
 * When two problems are the same text. Prompts are compared by role and content with runs of white space as one blank;
 * goldens with comments and white space taken out.
 */

import type { Problem } from "../core/types.js";

type Text = Pick<Problem, "prompt" | "task">;

export const promptKey = (problem: Text): string =>
  problem.prompt.map((m) => `${m.role}:${m.content.replace(/\s+/g, " ").trim()}`).join("\u0001");

export const goldenKey = (problem: Text): string =>
  problem.task.golden
    .replace(/\/\/[^\n]*|\/\*[\s\S]*?\*\//g, " ")
    .replace(/\s+/g, " ")
    .replace(/ ?([^\w$ ]) ?/g, "$1")
    .trim();

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
