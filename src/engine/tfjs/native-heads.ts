/**
 * Attention's heads on TensorFlow's kernels. A pair of features is one complex number, so the rotation is one product, and
 * neither it nor the transposition beside it has to take q, k and v apart. The values pass through it times one.
 */

import { DType } from "./binding.js";
import type { Heads, Kernels, Rotation, Tensor } from "./kernels.js";
import type { Attributes, Handle, NativeCalls } from "./native-calls.js";
import { rotationAngles } from "./rotation-angles.js";

/** What the head kernels take from the rest. */
export interface HeadParts {
  reshape(x: Tensor, shape: readonly number[]): Handle;
  concat(parts: readonly Tensor[], axis: number): Handle;
  split(x: Tensor, sizes: readonly number[], axis: number): Handle[];
}

/** `rotation`, `splitHeads` and `joinHeads` of the kernels. */
export function nativeHeads(
  { op, ints, upload, free, scopes }: NativeCalls,
  a: Attributes,
  { reshape, concat, split }: HeadParts,
): Pick<Kernels, "rotation" | "splitHeads" | "joinHeads"> {
  const complexT = [a.type("T", DType.complex64)];
  const complexPermuted = [complexT[0]!, a.type("Tperm", DType.int32)];
  const toComplex = [a.type("T", DType.float), a.type("type", DType.complex64)];
  const toFloat = [complexT[0]!, a.type("type", DType.float)];
  return {
    rotation(shape, cos, sin, scale): Rotation {
      const { length, numKvHeads, group, headDim } = shape;
      const table = (way: 1 | -1): Handle => {
        const out = new Float32Array(length * numKvHeads * (group + 2) * headDim);
        let at = 0;
        rotationAngles(shape, cos, sin, scale, way, (c, s) => {
          out[at++] = c;
          out[at++] = s;
        });
        const floats = upload(out, [length, numKvHeads, group + 2, headDim / 2, 2]);
        const made = op("Bitcast", toComplex, [floats]);
        free(floats);
        return made;
      };
      return { forward: table(1), backward: table(-1) };
    },
    splitHeads(x, { rows, length, numKvHeads: kv, group, headDim: hd }, rotation): Heads {
      return scopes.scope(
        () => {
          const pairs = reshape(x, [rows, length, kv, group + 2, hd / 2, 2]);
          const turned = op("Mul", complexT, [op("Bitcast", toComplex, [pairs]), rotation.forward]);
          const heads = op("Transpose", complexPermuted, [turned, ints([2, 0, 3, 1, 4])]);
          const [q, k, v] = split(op("Bitcast", toFloat, [heads]), [group, 1, 1], 2);
          return {
            q: reshape(q!, [kv * rows, group * length, hd]),
            k: reshape(k!, [kv * rows, length, hd]),
            v: reshape(v!, [kv * rows, length, hd]),
          };
        },
        ({ q, k, v }) => [q, k, v] as Handle[],
      );
    },
    joinHeads({ q, k, v }, { rows, length, numKvHeads: kv, group, headDim: hd }, rotation): Tensor {
      return scopes.scope(
        () => {
          const six = (x: Tensor, n: number) => reshape(x, [kv, rows, n, length, hd / 2, 2]);
          const all = op("Bitcast", toComplex, [concat([six(q, group), six(k, 1), six(v, 1)], 2)]);
          const back = op("Transpose", complexPermuted, [all, ints([1, 3, 0, 2, 4])]);
          const turned = op("Mul", complexT, [back, rotation.backward]);
          return reshape(op("Bitcast", toFloat, [turned]), [rows * length, kv * (group + 2) * hd]);
        },
        (made) => [made as Handle],
      );
    },
  };
}
