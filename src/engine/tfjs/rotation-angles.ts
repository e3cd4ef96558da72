/** The rotary angles of every pair of features in a row of q, k and v, in the order in which one row lays them out. */

import type { HeadShape } from "./kernels.js";

/**
 * Calls `put` for each position, head and pair with the pair's cosine and signed sine. Queries are scaled; values are not
 * turned, so theirs are 1 and 0.
 * @param cos angles [T, headDim / 2], and `sin` the same  @param way 1 turns forward, -1 back
 */
export function rotationAngles(
  { length, numKvHeads, group, headDim }: HeadShape,
  cos: Float32Array,
  sin: Float32Array,
  scale: number,
  way: 1 | -1,
  put: (cos: number, sin: number) => void,
): void {
  const half = headDim / 2;
  for (let pos = 0; pos < length; pos++) {
    for (let head = 0; head < numKvHeads * (group + 2); head++) {
      const j = head % (group + 2);
      const factor = j < group ? scale : 1;
      for (let i = 0; i < half; i++) {
        if (j === group + 1) put(1, 0);
        else put(cos[pos * half + i]! * factor, sin[pos * half + i]! * factor * way);
      }
    }
  }
}
