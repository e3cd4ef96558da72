/** Which checkpoints may go. Pure. */

export interface Rated {
  readonly step: number;
  /** Higher is better; null when not evaluated. */
  readonly metric: number | null;
}

/** Steps to delete, ascending: all but the newest `keepLast`, the best `keepBest`, and `keep`. */
export function prunable(
  all: readonly Rated[],
  rule: { readonly keepLast: number; readonly keepBest: number; readonly keep: number | null },
): number[] {
  const newest = [...all].sort((a, b) => b.step - a.step).slice(0, Math.max(1, rule.keepLast));
  const best = all
    .filter((c) => c.metric !== null)
    .sort((a, b) => b.metric! - a.metric! || b.step - a.step)
    .slice(0, rule.keepBest);
  const kept = new Set([...newest, ...best].map((c) => c.step));
  if (rule.keep !== null) kept.add(rule.keep);
  return all
    .map((c) => c.step)
    .filter((s) => !kept.has(s))
    .sort((a, b) => a - b);
}
