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
 * Order of a weighted draw without replacement (Efraimidis and Spirakis 2006): sort by log(u) / score, best first.
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
  const drawable: number[] = [];
  for (let i = 0; i < scores.length; i++) {
    const score = scores[i]!;
    if (!(score > 0)) continue;
    rank[i] = Math.log(uniformOf(keys[i]!, draw)) / score;
    drawable.push(i);
  }
  drawable.sort((i, j) => rank[j]! - rank[i]! || keys[i]! - keys[j]!);
  return drawable.slice(0, count);
}
