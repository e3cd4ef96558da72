/** The kernels on TensorFlow itself, a call each: see binding.ts. */

import { type Attribute, attributes, type Binding, DType } from "./binding.js";
import type { AdamHyper, Heads, Kernels, Moving, Rotation, Tensor } from "./kernels.js";
import { makeScopes } from "./scopes.js";

interface Handle extends Tensor {
  readonly id: number;
  readonly shape: readonly number[];
}

export interface NativeOptions {
  readonly binding: Binding;
  readonly runtime: string;
  readonly device: string;
}

export function nativeKernels({ binding, runtime, device }: NativeOptions): Kernels {
  const a = attributes(binding);
  let calls = 0;
  const scopes = makeScopes<Handle>(({ id }) => binding.deleteTensor(id));

  const op = (name: string, attrs: readonly Attribute[], inputs: readonly Tensor[]): Handle => {
    calls += 1;
    const ids: number[] = [];
    for (const x of inputs) ids.push((x as Handle).id);
    return scopes.made(binding.executeOp(name, attrs, ids, 1)[0] as Handle);
  };
  const ops = (
    name: string,
    attrs: readonly Attribute[],
    inputs: readonly Tensor[],
    count: number,
  ): Handle[] => {
    calls += 1;
    const ids = inputs.map((x) => (x as Handle).id);
    return binding.executeOp(name, attrs, ids, count).map((made) => scopes.made(made as Handle));
  };
  const effect = (name: string, attrs: readonly Attribute[], inputs: readonly Tensor[]): void => {
    calls += 1;
    binding.executeOp(
      name,
      attrs,
      inputs.map((x) => (x as Handle).id),
      0,
    );
  };

  /** Shapes, axes and scalars that stay: small tensors on the host (ints) or the device (floats). */
  const fixed = new Map<string, Handle>();
  const fix = (
    key: string,
    dtype: number,
    shape: readonly number[],
    data: Float32Array | Int32Array,
  ): Handle => {
    let made = fixed.get(key);
    if (made === undefined) {
      made = { id: binding.createTensor(shape, dtype, data), shape };
      fixed.set(key, made);
    }
    return made;
  };
  const ints = (values: readonly number[]): Handle =>
    fix(`v${values.join()}`, DType.int32, [values.length], Int32Array.from(values));
  const int = (value: number): Handle => fix(`i${value}`, DType.int32, [], Int32Array.of(value));

  const T = a.type("T", DType.float);
  const onlyT = [T];
  const complexT = [a.type("T", DType.complex64)];
  const flags = (first: string, second: string) =>
    [false, true].map((x) => [false, true].map((y) => [T, a.bool(first, x), a.bool(second, y)]));
  const products = flags("transpose_a", "transpose_b");
  const batched = flags("adj_x", "adj_y");
  const reduction = [false, true].map((keep) => [T, a.type("Tidx", DType.int32), a.bool("keep_dims", keep)]);
  const shaped = [T, a.type("Tshape", DType.int32)];
  const permuted = [T, a.type("Tperm", DType.int32)];
  const complexPermuted = [complexT[0]!, permuted[1]!];
  const gather = [
    a.type("Tparams", DType.float),
    a.type("Tindices", DType.int32),
    a.type("Taxis", DType.int32),
    a.int("batch_dims", 0),
  ];
  const segments = [T, a.type("Tindices", DType.int32), a.type("Tnumsegments", DType.int32)];
  const labelled = [T, a.type("Tlabels", DType.int32)];
  const nhwc = [T, a.string("data_format", "NHWC")];
  const toInt = [a.type("SrcT", DType.float), a.type("DstT", DType.int32), a.bool("Truncate", false)];
  const toComplex = [T, a.type("type", DType.complex64)];
  const toFloat = [complexT[0]!, a.type("type", DType.float)];
  const sliced = [T, a.type("Index", DType.int32)];
  const padded = [T, a.type("Tpaddings", DType.int32)];
  const pairs = (counts: readonly (readonly [number, number])[]): Handle =>
    fix(`p${counts.join()}`, DType.int32, [counts.length, 2], Int32Array.from(counts.flat()));
  const splitting = (n: number) => [a.int("num_split", n), T, a.type("Tlen", DType.int32)];
  const joining = (n: number) => [a.int("N", n), T, a.type("Tidx", DType.int32)];
  const variable = [a.type("dtype", DType.float)];

  const reshape = (x: Tensor, shape: readonly number[]): Handle => op("Reshape", shaped, [x, ints(shape)]);
  const upload = (values: Float32Array, shape: readonly number[]): Handle => {
    // The device's copy is made later than this call, so the caller's array must not be the one it reads.
    const copy = values.slice();
    return scopes.made({ id: binding.createTensor(shape, DType.float, copy), shape });
  };
  const concat = (parts: readonly Tensor[], axis: number): Handle =>
    parts.length === 1
      ? op("Identity", onlyT, parts)
      : op("ConcatV2", joining(parts.length), [...parts, int(axis)]);
  const split = (x: Tensor, sizes: readonly number[], axis: number): Handle[] =>
    ops("SplitV", splitting(sizes.length), [x, ints(sizes), int(axis)], sizes.length);
  const free = (...tensors: readonly Tensor[]): void => scopes.free(...(tensors as Handle[]));
  let variables = 0;

  const kernels: Kernels = {
    runtime,
    device,
    get calls() {
      return calls;
    },
    get numTensors() {
      return scopes.alive + fixed.size;
    },
    scope: (work, keep) => scopes.scope(work, keep as never),
    scopeAsync: (work) => scopes.scopeAsync(work),
    outside: (work) => scopes.outside(work),
    free,
    upload,
    uploadInts(values) {
      // Whole numbers stay on the host until a cast makes them there: copied at each use they would make the host wait.
      const floats = upload(Float32Array.from(values), [values.length]);
      const made = op("Cast", toInt, [floats]);
      free(floats);
      return made;
    },
    download: async (x) => binding.tensorDataSync((x as Handle).id) as Float32Array,
    constant: (value) => fix(`f${value}`, DType.float, [], Float32Array.of(value)),
    matMul: (x, y, ta = false, tb = false) => op("MatMul", products[+ta]![+tb]!, [x, y]),
    batchMatMul: (x, y, ta = false, tb = false) => op("BatchMatMulV2", batched[+ta]![+tb]!, [x, y]),
    add: (x, y) => op("AddV2", onlyT, [x, y]),
    sub: (x, y) => op("Sub", onlyT, [x, y]),
    mul: (x, y) => op("Mul", onlyT, [x, y]),
    minimum: (x, y) => op("Minimum", onlyT, [x, y]),
    maximum: (x, y) => op("Maximum", onlyT, [x, y]),
    square: (x) => op("Square", onlyT, [x]),
    rsqrt: (x) => op("Rsqrt", onlyT, [x]),
    exp: (x) => op("Exp", onlyT, [x]),
    sigmoid: (x) => op("Sigmoid", onlyT, [x]),
    sigmoidGrad: (y, dy) => op("SigmoidGrad", onlyT, [y, dy]),
    softmax: (x) => op("Softmax", onlyT, [x]),
    logSoftmax: (x) => op("LogSoftmax", onlyT, [x]),
    addBias: (x, b) => op("BiasAdd", nhwc, [x, b]),
    biasGrad: (dy) => op("BiasAddGrad", nhwc, [dy]),
    atLeast: (x, y) => op("GreaterEqual", onlyT, [x, y]),
    both: (x, y) => op("LogicalAnd", [], [x, y]),
    select: (mask, x, y) => op("SelectV2", onlyT, [mask, x, y]),
    sum: (x, axis, keep) => op("Sum", reduction[+keep]!, [x, ints([axis])]),
    mean: (x, axis, keep) => op("Mean", reduction[+keep]!, [x, ints([axis])]),
    halfSquares: (x) => op("L2Loss", onlyT, [x]),
    reshape,
    transpose: (x, perm) => op("Transpose", permuted, [x, ints(perm)]),
    concat,
    split,
    slice: (x, begin, size) => op("Slice", sliced, [x, ints(begin), ints(size)]),
    pad: (x, counts) => op("Pad", padded, [x, pairs(counts)]),
    addAll: (parts) => op("AddN", [a.int("N", parts.length), T], parts),
    gatherRows: (w, index) => op("GatherV2", gather, [w, index, int(0)]),
    sumRowsAt: (x, index, rows) => op("UnsortedSegmentSum", segments, [x, index, int(rows)]),
    crossEntropy(logits, targets) {
      const [nll, miss] = ops("SparseSoftmaxCrossEntropyWithLogits", labelled, [logits, targets], 2);
      return { nll: nll!, miss: miss! };
    },

    // A pair of features is one complex number, so the rotation is one product, and neither it nor the transposition
    // beside it has to take q, k and v apart. The values pass through it times one.
    rotation({ length, numKvHeads, group, headDim }, cos, sin, scale): Rotation {
      const half = headDim / 2;
      const table = (way: 1 | -1): Handle => {
        const out = new Float32Array(length * numKvHeads * (group + 2) * half * 2);
        for (let at = 0, pos = 0; pos < length; pos++) {
          for (let head = 0; head < numKvHeads * (group + 2); head++) {
            const j = head % (group + 2);
            const factor = j < group ? scale : 1;
            for (let i = 0; i < half; i++, at += 2) {
              out[at] = j === group + 1 ? 1 : cos[pos * half + i]! * factor;
              out[at + 1] = j === group + 1 ? 0 : sin[pos * half + i]! * factor * way;
            }
          }
        }
        const floats = upload(out, [length, numKvHeads, group + 2, half, 2]);
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

    moving(values): Moving {
      const size = values.length;
      const shape = [size];
      const handle = (): Handle => {
        variables += 1;
        const attrs = [
          a.string("container", ""),
          a.string("shared_name", `veriloop.${variables}`),
          ...variable,
          a.shape("shape", shape),
        ];
        return { id: binding.executeOp("VarHandleOp", attrs, [], 1)[0]!.id, shape };
      };
      const [w, m, v] = [handle(), handle(), handle()];
      const assign = (to: Handle, from: Float32Array): void => {
        const x = upload(from, shape);
        effect("AssignVariableOp", variable, [to, x]);
        free(x);
      };
      const read = (from: Handle): Handle => op("ReadVariableOp", variable, [from]);
      const scalar = (value: number): Handle => upload(Float32Array.of(value), []);
      assign(w, values);
      assign(m, new Float32Array(size));
      assign(v, new Float32Array(size));
      return {
        value: () => read(w),
        moments: () => ({ m: read(m), v: read(v) }),
        set: (from) => assign(w, from),
        setMoments(first, second) {
          assign(m, first);
          assign(v, second);
        },
        adamw(gradient, factor, { lr, beta1, beta2, eps, decay, count }: AdamHyper) {
          scopes.scope(() => {
            const powers = [beta1 ** count, beta2 ** count] as const;
            // The operation adds epsilon to sqrt(v) before the correction of v's bias, so it is scaled to stand after.
            const corrected = eps * Math.sqrt(1 - powers[1]);
            // Uploaded before anything is queued, because an upload waits for that.
            const [scale, less, ...scalars] = [factor, decay, ...powers, lr, beta1, beta2, corrected].map(
              scalar,
            );
            const g = factor === 1 ? gradient : op("Mul", onlyT, [gradient, scale!]);
            if (decay !== 0) {
              const now = read(w);
              const decayed = op("Mul", onlyT, [now, less!]);
              free(now); // else the variable would be copied to be written
              effect("AssignSubVariableOp", variable, [w, decayed]);
            }
            effect("ResourceApplyAdam", adam, [w, m, v, ...scalars, g]);
          });
        },
        dispose() {
          for (const x of [w, m, v]) {
            effect("DestroyResourceOp", [a.bool("ignore_lookup_error", true)], [x]);
            binding.deleteTensor(x.id);
          }
        },
      };
    },
    close() {
      for (const { id } of fixed.values()) binding.deleteTensor(id);
      fixed.clear();
    },
  };
  const adam = [T, a.bool("use_locking", false), a.bool("use_nesterov", false)];
  return kernels;
}
