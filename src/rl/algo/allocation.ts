/** How many rollouts each chosen problem gets, fixed before any reward of the step is seen. Pure and deterministic. */

export interface AllocationItem {
  /** Expected outcome variance v = E[p(1-p)]. */
  readonly value: number;
  /** Weight w of the problem in the objective. */
  readonly weight: number;
  /** Expected tokens of one rollout. */
  readonly cost: number;
}

export interface AllocationLimits {
  readonly min: number;
  readonly max: number;
  /** Expected tokens of all rollouts together at most. */
  readonly budget: number;
}

/**
 * Greedy on the marginal gain of one more rollout, w^2 v / (N (N - 1)) per token: the fall of the variance w^2 v / N of a
 * problem's mean. Everyone starts with `min`, as far as the budget reaches (in order of gain); ties go to the greater worth, then to the lower index.
 * @returns rollouts per item; 0 for those the budget does not reach
 */
export function allocateRollouts(items: readonly AllocationItem[], limits: AllocationLimits): number[] {
  const counts = items.map(() => 0);
  const worth = items.map((it) => (it.weight * it.weight * it.value) / it.cost);
  let left = limits.budget;
  const byWorth = items.map((_, i) => i).sort((i, j) => worth[j]! - worth[i]! || i - j);
  for (const i of byWorth) {
    const price = limits.min * items[i]!.cost;
    if (price > left) continue;
    counts[i] = limits.min;
    left -= price;
  }
  const open = new Set(byWorth.filter((i) => counts[i]! > 0 && limits.min < limits.max));
  while (open.size > 0) {
    let best = -1;
    let bestGain = Number.NEGATIVE_INFINITY;
    for (const i of open) {
      const n = counts[i]! + 1;
      const gain = worth[i]! / (n * Math.max(1, n - 1));
      // Gains that differ by less than rounding must not put the lesser worth first.
      const tie = gain === bestGain && (worth[i]! > worth[best]! || (worth[i] === worth[best] && i < best));
      if (gain > bestGain || tie) {
        best = i;
        bestGain = gain;
      }
    }
    const price = items[best]!.cost;
    if (price > left) {
      open.delete(best);
      continue;
    }
    counts[best]!++;
    left -= price;
    if (counts[best] === limits.max) open.delete(best);
  }
  return counts;
}
