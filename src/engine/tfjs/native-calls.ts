/** One call of a TensorFlow kernel through the binding: its tensors, its scope and its count. */

import { type Attribute, type attributes, type Binding, DType } from "./binding.js";
import type { Tensor } from "./kernels.js";
import { makeScopes, type Scopes } from "./scopes.js";

export interface Handle extends Tensor {
  readonly id: number;
  readonly shape: readonly number[];
}

export type Attributes = ReturnType<typeof attributes>;

export interface NativeCalls {
  readonly binding: Binding;
  readonly scopes: Scopes<Handle>;
  /** Kernels called since the start. */
  readonly calls: number;
  /** Tensors that stay until `close`. */
  readonly numFixed: number;
  /** Calls a kernel with one result, with several, with none. */
  op(name: string, attrs: readonly Attribute[], inputs: readonly Tensor[]): Handle;
  ops(name: string, attrs: readonly Attribute[], inputs: readonly Tensor[], count: number): Handle[];
  effect(name: string, attrs: readonly Attribute[], inputs: readonly Tensor[]): void;
  /** A small tensor that stays, made once for each key: whole numbers on the host, floats on the device. */
  fix(key: string, dtype: number, shape: readonly number[], data: Float32Array | Int32Array): Handle;
  ints(values: readonly number[]): Handle;
  int(value: number): Handle;
  upload(values: Float32Array, shape: readonly number[]): Handle;
  free(...tensors: readonly Tensor[]): void;
  close(): void;
}

/** The calls over one binding; all tensors belong to its scopes. */
export function nativeCalls(binding: Binding): NativeCalls {
  let calls = 0;
  const scopes = makeScopes<Handle>(({ id }) => binding.deleteTensor(id));
  const fixed = new Map<string, Handle>();
  const execute = (name: string, attrs: readonly Attribute[], inputs: readonly Tensor[], count: number) => {
    calls += 1;
    const ids: number[] = [];
    for (const x of inputs) ids.push((x as Handle).id);
    return binding.executeOp(name, attrs, ids, count);
  };
  const fix: NativeCalls["fix"] = (key, dtype, shape, data) => {
    let made = fixed.get(key);
    if (made === undefined) {
      made = { id: binding.createTensor(shape, dtype, data), shape };
      fixed.set(key, made);
    }
    return made;
  };
  return {
    binding,
    scopes,
    get calls() {
      return calls;
    },
    get numFixed() {
      return fixed.size;
    },
    op: (name, attrs, inputs) => scopes.made(execute(name, attrs, inputs, 1)[0] as Handle),
    ops: (name, attrs, inputs, count) =>
      execute(name, attrs, inputs, count).map((made) => scopes.made(made as Handle)),
    effect: (name, attrs, inputs) => void execute(name, attrs, inputs, 0),
    fix,
    ints: (values) => fix(`v${values.join()}`, DType.int32, [values.length], Int32Array.from(values)),
    int: (value) => fix(`i${value}`, DType.int32, [], Int32Array.of(value)),
    upload(values, shape) {
      // The device's copy is made later than this call, so the caller's array must not be the one it reads.
      const copy = values.slice();
      return scopes.made({ id: binding.createTensor(shape, DType.float, copy), shape });
    },
    free: (...tensors) => scopes.free(...(tensors as Handle[])),
    close() {
      for (const { id } of fixed.values()) binding.deleteTensor(id);
      fixed.clear();
    },
  };
}
