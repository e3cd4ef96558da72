/**
 * TensorFlow's eager operations through tfjs-node's binding, by tensor ids and without tfjs's engine around each: a
 * third of its host time for a call. The binding is the package's own object; the fields used here are all of it.
 */

import type * as tfjs from "@tensorflow/tfjs";
import { TrainError } from "../../core/errors.js";

/** Fields of the package's native module (tfjs-node 4.x, `TFJSBinding`). */
export interface Binding {
  createTensor(shape: readonly number[], dtype: number, data: Float32Array | Int32Array): number;
  deleteTensor(id: number): void;
  tensorDataSync(id: number): Float32Array | Int32Array;
  executeOp(
    name: string,
    attributes: readonly Attribute[],
    inputs: readonly number[],
    outputs: number,
  ): readonly { readonly id: number; readonly shape: readonly number[]; readonly dtype: number }[];
  readonly TF_ATTR_TYPE: number;
  readonly TF_ATTR_INT: number;
  readonly TF_ATTR_BOOL: number;
  readonly TF_ATTR_STRING: number;
  readonly TF_ATTR_SHAPE: number;
}

export interface Attribute {
  readonly name: string;
  readonly type: number;
  readonly value: unknown;
}

/** TensorFlow's DataType numbers. */
export const DType = { float: 1, int32: 3, complex64: 8, bool: 10 } as const;

/** The binding of a loaded tfjs-node; null when the backend is another. */
export function bindingOf(tf: typeof tfjs): { binding: Binding; gpu: boolean } | null {
  if (tf.getBackend() !== "tensorflow") return null;
  const backend = tf.backend() as unknown as { binding?: Partial<Binding>; isUsingGpuDevice?: boolean };
  const { binding } = backend;
  if (typeof binding?.executeOp !== "function" || typeof binding.createTensor !== "function") {
    throw new TrainError("tool", "tfjs-node's backend has no native binding of the expected form", {
      hint: "scripts/setup --cpu-tfjs, or scripts/setup --gpu",
    });
  }
  return { binding: binding as Binding, gpu: backend.isUsingGpuDevice === true };
}

/** Attribute lists, made once for each operation. */
export function attributes(binding: Binding) {
  const type = (name: string, value: number): Attribute => ({ name, type: binding.TF_ATTR_TYPE, value });
  return {
    type,
    bool: (name: string, value: boolean): Attribute => ({ name, type: binding.TF_ATTR_BOOL, value }),
    int: (name: string, value: number): Attribute => ({ name, type: binding.TF_ATTR_INT, value }),
    string: (name: string, value: string): Attribute => ({ name, type: binding.TF_ATTR_STRING, value }),
    shape: (name: string, value: readonly number[]): Attribute => ({
      name,
      type: binding.TF_ATTR_SHAPE,
      value,
    }),
  };
}
