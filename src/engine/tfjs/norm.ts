/**
 * Root-mean-square norm without its weight: x / sqrt(mean(x^2) + eps). The weight is folded into the columns of the
 * matrices that read the result (parameters.ts), so it costs nothing for each token.
 */

import type { Kernels, Tensor } from "./kernels.js";

export interface Normed {
  readonly y: Tensor; // [N, d]
  readonly inverse: Tensor; // [N, 1]
}

export function norm(k: Kernels, x: Tensor, eps: number): Normed {
  return k.scope(
    () => {
      const inverse = k.rsqrt(k.add(k.mean(k.square(x), 1, true), k.constant(eps)));
      return { y: k.mul(x, inverse), inverse };
    },
    ({ y, inverse }) => [y, inverse],
  );
}

/** dx = inverse (dy - y mean(dy y)) */
export function normGrad(k: Kernels, { y, inverse }: Normed, dy: Tensor): Tensor {
  return k.scope(
    () => k.mul(k.sub(dy, k.mul(y, k.mean(k.mul(dy, y), 1, true))), inverse),
    (dx) => [dx],
  );
}
