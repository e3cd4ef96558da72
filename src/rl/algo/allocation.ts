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
  // Worths may be equal by rounding alone: then the greater value goes first.
  const tie = (i: number, j: number): number =>
    worth[j]! - worth[i]! || items[j]!.value - items[i]!.value || i - j;
  const byWorth = items.map((_, i) => i).sort(tie);
  for (const i of byWorth) {
    const price = limits.min * items[i]!.cost;
    if (price > left) continue;
    counts[i] = limits.min;
    left -= price;
  }
  // A heap of those that may get one more, the greatest gain on top.
  const heap = byWorth.filter((i) => counts[i]! > 0 && limits.min < limits.max);
  const gain = worth.map((w, i) => w / (counts[i]! + 1) / Math.max(1, counts[i]!));
  // Gains that differ by less than rounding must not put the lesser worth first.
  const before = (i: number, j: number): boolean =>
    gain[i]! !== gain[j]! ? gain[i]! > gain[j]! : tie(i, j) < 0;
  for (let k = (heap.length >> 1) - 1; k >= 0; k--) sink(heap, k, before);
  while (heap.length > 0) {
    const best = heap[0]!;
    const price = items[best]!.cost;
    if (price > left || counts[best]! + 1 > limits.max) {
      const last = heap.pop()!;
      if (heap.length === 0) break;
      heap[0] = last;
    } else {
      counts[best]!++;
      left -= price;
      gain[best] = worth[best]! / (counts[best]! + 1) / Math.max(1, counts[best]!);
    }
    sink(heap, 0, before);
  }
  return counts;
}

function sink(heap: number[], from: number, before: (i: number, j: number) => boolean): void {
  let at = from;
  for (;;) {
    let first = at;
    for (const child of [2 * at + 1, 2 * at + 2]) {
      if (child < heap.length && before(heap[child]!, heap[first]!)) first = child;
    }
    if (first === at) return;
    [heap[at], heap[first]] = [heap[first]!, heap[at]!];
    at = first;
  }
}
