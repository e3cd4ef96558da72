/** Attention's heads as tfjs's public operations. */

import type { HeadShape, Kernels, Rotation, Tensor } from "./kernels.js";
import { type PlainCalls, type TfTensor, t } from "./plain-calls.js";
import { rotationAngles } from "./rotation-angles.js";

/** `rotation`, `splitHeads` and `joinHeads` of the kernels. */
export function plainHeads({
  tf,
  put,
  run,
  scopes,
}: PlainCalls): Pick<Kernels, "rotation" | "splitHeads" | "joinHeads"> {
  const headPairs = ({ rows, length, numKvHeads, group, headDim }: HeadShape): number[] => [
    rows,
    length,
    (numKvHeads * (group + 2) * headDim) / 2,
    2,
  ];
  const turn = (x: TfTensor, table: Tensor): TfTensor => {
    const [cos, sin] = tf.split(t(table), 2, 0) as [TfTensor, TfTensor];
    return tf.add(tf.mul(x, cos), tf.mul(tf.reverse(x, -1), sin));
  };

  return {
    rotation(shape, cos, sin, scale): Rotation {
      // Two tables [T, pairs, 2]: of cosines, and of sines with the sign of the pair's side.
      const { length, numKvHeads, group, headDim } = shape;
      const pairs = (numKvHeads * (group + 2) * headDim) / 2;
      const table = (way: 1 | -1): Tensor => {
        const out = new Float32Array(2 * length * pairs * 2);
        let at = 0;
        rotationAngles(shape, cos, sin, scale, way, (c, s) => {
          out.set([c, c], at);
          out.set([-s, s], length * pairs * 2 + at);
          at += 2;
        });
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
      const [q, k, v] = tf.split(t(turned), [group, 1, 1], 2) as [TfTensor, TfTensor, TfTensor];
      const flat = (part: TfTensor, time: number): Tensor => {
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
        const five = (x: Tensor, n: number): TfTensor => t(x).reshape([numKvHeads, rows, n, length, headDim]);
        const all = tf.concat([five(q, group), five(k, 1), five(v, 1)], 2);
        const back = tf.transpose(all, [1, 3, 0, 2, 4]).reshape(headPairs(shape));
        return turn(back, rotation.backward).reshape([rows * length, -1]);
      });
    },
  };
}
