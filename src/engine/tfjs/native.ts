/** The kernels on TensorFlow itself, a call each: see binding.ts. */

import { attributes, type Binding, DType } from "./binding.js";
import type { Kernels, Tensor } from "./kernels.js";
import { type Handle, nativeCalls } from "./native-calls.js";
import { nativeHeads } from "./native-heads.js";
import { nativeMoving } from "./native-moving.js";

export interface NativeOptions {
  readonly binding: Binding;
  readonly runtime: string;
  readonly device: string;
}

/** The kernels over a loaded binding; `close` frees what stays between steps. */
export function nativeKernels({ binding, runtime, device }: NativeOptions): Kernels {
  const a = attributes(binding);
  const calls = nativeCalls(binding);
  const { op, ops, fix, ints, int, upload, free, scopes } = calls;
  const T = a.type("T", DType.float);
  const onlyT = [T];
  const flags = (first: string, second: string) =>
    [false, true].map((x) => [false, true].map((y) => [T, a.bool(first, x), a.bool(second, y)]));
  const products = flags("transpose_a", "transpose_b");
  const batched = flags("adj_x", "adj_y");
  const reduction = [false, true].map((keep) => [T, a.type("Tidx", DType.int32), a.bool("keep_dims", keep)]);
  const shaped = [T, a.type("Tshape", DType.int32)];
  const permuted = [T, a.type("Tperm", DType.int32)];
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
  const sliced = [T, a.type("Index", DType.int32)];
  const padded = [T, a.type("Tpaddings", DType.int32)];
  const pairs = (counts: readonly (readonly [number, number])[]): Handle =>
    fix(`p${counts.join()}`, DType.int32, [counts.length, 2], Int32Array.from(counts.flat()));
  const splitting = (n: number) => [a.int("num_split", n), T, a.type("Tlen", DType.int32)];
  const joining = (n: number) => [a.int("N", n), T, a.type("Tidx", DType.int32)];

  const reshape = (x: Tensor, shape: readonly number[]): Handle => op("Reshape", shaped, [x, ints(shape)]);
  const concat = (parts: readonly Tensor[], axis: number): Handle =>
    parts.length === 1
      ? op("Identity", onlyT, parts)
      : op("ConcatV2", joining(parts.length), [...parts, int(axis)]);
  const split = (x: Tensor, sizes: readonly number[], axis: number): Handle[] =>
    ops("SplitV", splitting(sizes.length), [x, ints(sizes), int(axis)], sizes.length);

  return {
    runtime,
    device,
    get calls() {
      return calls.calls;
    },
    get numTensors() {
      return scopes.alive + calls.numFixed;
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

    ...nativeHeads(calls, a, { reshape, concat, split }),
    moving: nativeMoving(calls, a),
    close: calls.close,
  };
}
