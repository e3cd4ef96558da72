/** Which problems to visit: sampling without replacement with probability in proportion to a score. */

/**
 * A uniform in (0, 1) that depends on the problem and the draw only, so that the choice does not depend on the order
 * of the data set. Finaliser of MurmurHash3.
 */
export function uniformOf(key: number, draw: number): number {
  let h = (key ^ Math.imul(draw + 0x9e3779b9, 0x85ebca6b)) >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  h = Math.imul(h ^ (h >>> 16), 0x27d4eb2f);
  h ^= h >>> 15;
  return ((h >>> 0) + 0.5) / 4294967296;
}

/**
 * Order of a weighted draw without replacement (Efraimidis and Spirakis 2006): the greatest log(u) / score first. Ties go
 * to the smaller key.
 * @param scores [M] > 0 to be drawable; 0 = never
 * @param keys [M] a 32-bit hash of each problem's id
 * @param count how many are wanted at most
 */
export function weightedOrder(
  scores: Float64Array,
  keys: Uint32Array,
  draw: number,
  count: number,
): number[] {
  const rank = new Float64Array(scores.length);
  for (let i = 0; i < scores.length; i++) {
    const score = scores[i]!;
    rank[i] = score > 0 ? Math.log(uniformOf(keys[i]!, draw)) / score : Number.NEGATIVE_INFINITY;
  }
  return greatest(rank, keys, count);
}

/** Indices of the `count` greatest ranks, greatest first, ties by the smaller key; -Infinity is never taken. O(M log count). */
export function greatest(rank: Float64Array, keys: Uint32Array, count: number): number[] {
  // A heap of the best so far with the worst of them on top.
  const heap: number[] = [];
  const before = (i: number, j: number): boolean =>
    rank[i]! !== rank[j]! ? rank[i]! > rank[j]! : keys[i]! !== keys[j]! ? keys[i]! < keys[j]! : i < j;
  const sink = (from: number): void => {
    let at = from;
    for (;;) {
      let worst = at;
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < heap.length && before(heap[worst]!, heap[child]!)) worst = child;
      }
      if (worst === at) return;
      [heap[at], heap[worst]] = [heap[worst]!, heap[at]!];
      at = worst;
    }
  };
  for (let i = 0; i < rank.length; i++) {
    if (rank[i] === Number.NEGATIVE_INFINITY || count <= 0) continue;
    if (heap.length < count) {
      heap.push(i);
      if (heap.length === count) for (let k = (count >> 1) - 1; k >= 0; k--) sink(k);
    } else if (before(i, heap[0]!)) {
      heap[0] = i;
      sink(0);
    }
  }
  return heap.sort((i, j) => (before(i, j) ? -1 : 1));
}
