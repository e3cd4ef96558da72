/** The kernels as tfjs's public operations: slower, and the same on each of its backends. */

import type * as tfjs from "@tensorflow/tfjs";
import type { AdamHyper, HeadShape, Kernels, Rotation, Tensor } from "./kernels.js";
import { makeScopes } from "./scopes.js";

type Tf = typeof tfjs;
type T = tfjs.Tensor;

export function plainKernels(tf: Tf): Kernels {
  let calls = 0;
  const scopes = makeScopes<T>((x) => x.dispose());
  const constants = new Map<number, T>();
  const put = (x: T): Tensor => {
    calls += 1;
    return scopes.made(x);
  };
  /** tfjs frees what an operation makes on its way; its result is then the caller's. */
  const run = (work: () => T): Tensor => put(tf.keep(tf.tidy(work)));
  const t = (x: Tensor): T => x as T;

  const headPairs = ({ rows, length, numKvHeads, group, headDim }: HeadShape): number[] => [
    rows,
    length,
    (numKvHeads * (group + 2) * headDim) / 2,
    2,
  ];
  const turn = (x: T, table: Tensor): T => {
    const [cos, sin] = tf.split(t(table), 2, 0) as [T, T];
    return tf.add(tf.mul(x, cos), tf.mul(tf.reverse(x, -1), sin));
  };

  return {
    runtime: `tfjs ${tf.version.tfjs ?? tf.version["tfjs-core"]}`,
    device: tf.getBackend(),
    get calls() {
      return calls;
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

    rotation({ length, numKvHeads, group, headDim }, cos, sin, scale): Rotation {
      // Two tables [T, pairs, 2]: of cosines, and of sines with the sign of the pair's side.
      const half = headDim / 2;
      const pairs = numKvHeads * (group + 2) * half;
      const table = (way: 1 | -1): Tensor => {
        const out = new Float32Array(2 * length * pairs * 2);
        for (let at = 0, pos = 0; pos < length; pos++) {
          for (let head = 0; head < numKvHeads * (group + 2); head++) {
            const j = head % (group + 2);
            const factor = j < group ? scale : 1;
            for (let i = 0; i < half; i++, at += 2) {
              const c = j === group + 1 ? 1 : cos[pos * half + i]! * factor;
              const s = j === group + 1 ? 0 : sin[pos * half + i]! * factor * way;
              out.set([c, c], at);
              out.set([-s, s], length * pairs * 2 + at);
            }
          }
        }
        return put(tf.tensor(out, [2, length, pairs, 2]));
      };
      return { forward: table(1), backward: table(-1) };
    },
    splitHeads(x, shape, rotation) {
      const { rows, length, numKvHeads, group, headDim } = shape;
      const turned = run(() =>
        tf.transpose(
          turn(tf.reshape(t(x), headPairs(shape)), rotation.forward).reshape([
            rows,
            length,
            numKvHeads,
            group + 2,
            headDim,
          ]),
          [2, 0, 3, 1, 4],
        ),
      );
      const [q, k, v] = tf.split(t(turned), [group, 1, 1], 2) as [T, T, T];
      const flat = (part: T, time: number): Tensor => {
        const out = put(part.reshape([numKvHeads * rows, time, headDim]));
        part.dispose();
        return out;
      };
      scopes.free(t(turned));
      return { q: flat(q, group * length), k: flat(k, length), v: flat(v, length) };
    },
    joinHeads({ q, k, v }, shape, rotation) {
      const { rows, length, numKvHeads, group, headDim } = shape;
      return run(() => {
        const five = (x: Tensor, n: number): T => t(x).reshape([numKvHeads, rows, n, length, headDim]);
        const all = tf.concat([five(q, group), five(k, 1), five(v, 1)], 2);
        const back = tf.transpose(all, [1, 3, 0, 2, 4]).reshape(headPairs(shape));
        return turn(back, rotation.backward).reshape([rows * length, -1]);
      });
    },

    moving(values) {
      const size = values.length;
      const fresh = (from: Float32Array): T => tf.keep(tf.tensor1d(from.slice()));
      let value = fresh(values);
      let m = fresh(new Float32Array(size));
      let v = fresh(new Float32Array(size));
      const swap = (old: T, next: T): T => {
        old.dispose();
        return tf.keep(next);
      };
      return {
        value: () => put(value.clone()),
        moments: () => ({ m: put(m.clone()), v: put(v.clone()) }),
        set(from) {
          value = swap(value, fresh(from));
        },
        setMoments(first, second) {
          m = swap(m, fresh(first));
          v = swap(v, fresh(second));
        },
        adamw(gradient, factor, { lr, beta1, beta2, eps, decay, count }: AdamHyper) {
          const rate = lr / (1 - beta1 ** count);
          const root = 1 / Math.sqrt(1 - beta2 ** count);
          const [nextValue, nextM, nextV] = tf.tidy(() => {
            const g = tf.mul(t(gradient), factor);
            const mi = tf.add(tf.mul(m, beta1), tf.mul(g, 1 - beta1));
            const vi = tf.add(tf.mul(v, beta2), tf.mul(tf.square(g), 1 - beta2));
            const step = tf.div(tf.mul(mi, rate), tf.add(tf.mul(tf.sqrt(vi), root), eps));
            return [tf.sub(tf.mul(value, 1 - decay), step), mi, vi] as [T, T, T];
          });
          calls += 14;
          value = swap(value, nextValue);
          m = swap(m, nextM);
          v = swap(v, nextV);
        },
        dispose() {
          for (const x of [value, m, v]) x.dispose();
        },
      };
    },
    close() {
      for (const x of constants.values()) x.dispose();
      constants.clear();
    },
  };
}
