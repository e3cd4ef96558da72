/**
 * Causal attention of grouped queries, forward and backward. The query heads of a key head are the rows of one product,
 * so keys and values are never repeated. Queries are cut into blocks; block i sees the keys up to its own end only, which
 * nearly halves the score matrices, the largest thing that is read and written, as the number of blocks grows, for more
 * kernel calls.
 */

import type { HeadShape, Heads, Kernels, Tensor } from "./kernels.js";

/** [KV*B, group*C, (i + 1) C] for block i. */
export type Scores = readonly Tensor[];

export interface Attended {
  readonly p: Scores;
  readonly o: Tensor; // [KV*B, group*T, hd]
}

/** Score matrices of fewer floats are not cut: the calls would cost more than the reading. */
const WORTH_CUTTING = 2 ** 26;

/** Blocks for B rows of T; T is a multiple of 16. */
export function blocksFor({ rows, length, numKvHeads, group }: HeadShape): number {
  if (rows * numKvHeads * group * length * length < WORTH_CUTTING) return 1;
  return length >= 512 && length % 4 === 0 ? 4 : 2;
}

/** @param masks of each block, [group*C, (i + 1) C], 0 or very negative */
export function attend(k: Kernels, heads: Heads, masks: readonly Tensor[], shape: HeadShape): Attended {
  return k.scope(
    () => {
      const qs = cut(k, heads.q, masks.length, shape);
      const p = masks.map((mask, i) => {
        const scores = k.batchMatMul(qs[i]!, upTo(k, heads.k, i, masks.length), false, true);
        const hidden = k.add(scores, mask);
        k.free(scores);
        const seen = k.softmax(hidden);
        k.free(hidden);
        return seen;
      });
      const os = p.map((seen, i) => k.batchMatMul(seen, upTo(k, heads.v, i, masks.length)));
      return { p, o: join(k, os, shape) };
    },
    ({ p, o }) => [...p, o],
  );
}

/** dS = P (dO V' - rowsum(dO O)) */
export function attendGrad(
  k: Kernels,
  heads: Heads,
  { p, o }: Attended,
  dO: Tensor,
  shape: HeadShape,
): Heads {
  return k.scope(
    () => {
      const n = p.length;
      const qs = cut(k, heads.q, n, shape);
      const dOs = cut(k, dO, n, shape);
      const alongs = cut(k, k.sum(k.mul(dO, o), 2, true), n, shape);
      const dq: Tensor[] = [];
      const dk: Tensor[] = [];
      const dv: Tensor[] = [];
      p.forEach((seen, i) => {
        const dP = k.batchMatMul(dOs[i]!, upTo(k, heads.v, i, n), false, true);
        const centred = k.sub(dP, alongs[i]!);
        k.free(dP);
        const dS = k.mul(centred, seen);
        k.free(centred);
        dq.push(k.batchMatMul(dS, upTo(k, heads.k, i, n)));
        dk.push(k.batchMatMul(dS, qs[i]!, true, false));
        dv.push(k.batchMatMul(seen, dOs[i]!, true, false));
        k.free(dS);
      });
      return { q: join(k, dq, shape), k: sumFirst(k, dk, shape), v: sumFirst(k, dv, shape) };
    },
    ({ q, k: keys, v }) => [q, keys, v],
  );
}

/** [KV*B, group*T, n] to blocks of [KV*B, group*C, n], and back. */
function cut(k: Kernels, x: Tensor, blocks: number, { group, length }: HeadShape): readonly Tensor[] {
  if (blocks === 1) return [x];
  const [batch, , n] = x.shape as [number, number, number];
  const c = length / blocks;
  return k
    .split(k.reshape(x, [batch, group, length, n]), Array<number>(blocks).fill(c), 2)
    .map((part) => k.reshape(part, [batch, group * c, n]));
}
function join(k: Kernels, parts: readonly Tensor[], { group, length }: HeadShape): Tensor {
  if (parts.length === 1) return parts[0]!;
  const [batch, , n] = parts[0]!.shape as [number, number, number];
  const four = parts.map((part) => k.reshape(part, [batch, group, length / parts.length, n]));
  return k.reshape(k.concat(four, 2), [batch, group * length, n]);
}

/** The keys or values that block i sees. */
function upTo(k: Kernels, x: Tensor, i: number, blocks: number): Tensor {
  if (i === blocks - 1) return x;
  const [batch, length, n] = x.shape as [number, number, number];
  return k.slice(x, [0, 0, 0], [batch, ((i + 1) * length) / blocks, n]);
}

/** Sum of parts that cover the first keys only. */
function sumFirst(k: Kernels, parts: readonly Tensor[], { length }: HeadShape): Tensor {
  if (parts.length === 1) return parts[0]!;
  return k.addAll(
    parts.map((part) => {
      const more = length - part.shape[1]!;
      return more === 0
        ? part
        : k.pad(part, [
            [0, 0],
            [0, more],
            [0, 0],
          ]);
    }),
  );
}
