/** The kernels as tfjs's public operations: slower, and the same on each of its backends. */

import type * as tfjs from "@tensorflow/tfjs";
import type { Kernels } from "./kernels.js";
import { plainCalls, type TfTensor as T, type Tf, t } from "./plain-calls.js";
import { plainHeads } from "./plain-heads.js";
import { plainMoving } from "./plain-moving.js";

/** The kernels over any of tfjs's backends. */
export function plainKernels(tf: Tf): Kernels {
  const calls = plainCalls(tf);
  const { scopes, put, run } = calls;
  const constants = new Map<number, T>();

  return {
    runtime: `tfjs ${tf.version.tfjs ?? tf.version["tfjs-core"]}`,
    device: tf.getBackend(),
    get calls() {
      return calls.calls;
    },
    get numTensors() {
      return scopes.alive;
    },
    scope: (work, keep) => scopes.scope(work, keep as never),
    scopeAsync: (work) => scopes.scopeAsync(work),
    outside: (work) => scopes.outside(work),
    free: (...tensors) => scopes.free(...(tensors as T[])),
    upload: (values, shape) => put(tf.tensor(values.slice(), [...shape])),
    uploadInts: (values) => put(tf.tensor1d(values.slice(), "int32")),
    download: async (x) => (await t(x).data()) as Float32Array,
    constant(value) {
      let made = constants.get(value);
      if (made === undefined) {
        made = tf.keep(tf.scalar(value));
        constants.set(value, made);
      }
      return made;
    },
    matMul: (a, b, ta = false, tb = false) => run(() => tf.matMul(t(a), t(b), ta, tb)),
    batchMatMul: (a, b, ta = false, tb = false) => run(() => tf.matMul(t(a), t(b), ta, tb)),
    add: (a, b) => run(() => tf.add(t(a), t(b))),
    sub: (a, b) => run(() => tf.sub(t(a), t(b))),
    mul: (a, b) => run(() => tf.mul(t(a), t(b))),
    minimum: (a, b) => run(() => tf.minimum(t(a), t(b))),
    maximum: (a, b) => run(() => tf.maximum(t(a), t(b))),
    square: (x) => run(() => tf.square(t(x))),
    rsqrt: (x) => run(() => tf.rsqrt(t(x))),
    exp: (x) => run(() => tf.exp(t(x))),
    sigmoid: (x) => run(() => tf.sigmoid(t(x))),
    sigmoidGrad: (y, dy) => run(() => tf.mul(t(dy), tf.mul(t(y), tf.sub(1, t(y))))),
    softmax: (x) => run(() => tf.softmax(t(x))),
    logSoftmax: (x) => run(() => tf.logSoftmax(t(x))),
    addBias: (x, b) => run(() => tf.add(t(x), t(b))),
    biasGrad: (dy) => run(() => tf.sum(t(dy), 0)),
    atLeast: (a, b) => run(() => tf.greaterEqual(t(a), t(b))),
    both: (a, b) => run(() => tf.logicalAnd(t(a), t(b))),
    select: (mask, a, b) => run(() => tf.where(t(mask), t(a), t(b))),
    sum: (x, axis, keep) => run(() => tf.sum(t(x), axis, keep)),
    mean: (x, axis, keep) => run(() => tf.mean(t(x), axis, keep)),
    halfSquares: (x) => run(() => tf.mul(0.5, tf.sum(tf.square(t(x))))),
    reshape: (x, shape) => run(() => tf.reshape(t(x), [...shape])),
    transpose: (x, perm) => run(() => tf.transpose(t(x), [...perm])),
    concat: (parts, axis) =>
      run(() => (parts.length === 1 ? t(parts[0]!).clone() : tf.concat(parts as T[], axis))),
    split: (x, sizes, axis) => tf.split(t(x), [...sizes], axis).map(put),
    slice: (x, begin, size) => run(() => tf.slice(t(x), [...begin], [...size])),
    pad: (x, counts) =>
      run(() =>
        tf.pad(
          t(x),
          counts.map(([before, after]) => [before, after] as [number, number]),
        ),
      ),
    addAll: (parts) => run(() => tf.addN(parts as T[])),
    gatherRows: (w, index) => run(() => tf.gather(t(w), t(index) as tfjs.Tensor1D)),
    sumRowsAt: (x, index, rows) => run(() => tf.unsortedSegmentSum(t(x), t(index) as tfjs.Tensor1D, rows)),
    crossEntropy(logits, targets) {
      const [rows, vocab] = logits.shape as [number, number];
      const hot = tf.oneHot(t(targets) as tfjs.Tensor1D, vocab).toFloat();
      const nll = run(() => tf.neg(tf.sum(tf.mul(tf.logSoftmax(t(logits)), hot), 1)).reshape([rows]));
      const miss = run(() => tf.sub(tf.softmax(t(logits)), hot));
      hot.dispose();
      return { nll, miss };
    },

    ...plainHeads(calls),
    moving: plainMoving(calls),
    close() {
      for (const x of constants.values()) x.dispose();
      constants.clear();
    },
  };
}
