/** A parameter vector with its moments as tfjs tensors; AdamW makes new ones. */

import type { AdamHyper, Moving } from "./kernels.js";
import { type PlainCalls, type TfTensor, t } from "./plain-calls.js";

/** Kernel calls of one AdamW update below. */
const ADAMW_CALLS = 14;

/** Makes `moving` of the kernels. */
export function plainMoving({ tf, put, count: counted }: PlainCalls): (values: Float32Array) => Moving {
  return (values) => {
    const size = values.length;
    const fresh = (from: Float32Array): TfTensor => tf.keep(tf.tensor1d(from.slice()));
    let value = fresh(values);
    let m = fresh(new Float32Array(size));
    let v = fresh(new Float32Array(size));
    const swap = (old: TfTensor, next: TfTensor): TfTensor => {
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
          return [tf.sub(tf.mul(value, 1 - decay), step), mi, vi] as [TfTensor, TfTensor, TfTensor];
        });
        counted(ADAMW_CALLS);
        value = swap(value, nextValue);
        m = swap(m, nextM);
        v = swap(v, nextV);
      },
      dispose() {
        for (const x of [value, m, v]) x.dispose();
      },
    };
  };
}
