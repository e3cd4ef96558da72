/**
 * The differentiable operations of a Qwen2 decoder. Activations are two-dimensional, [rows, features]; weights keep the
 * HF layout [out, in]. With `tape` null only the forward nodes are written.
 *
 * Only plain Gemm, MatMul, Transpose and ScatterElements are used for products and scatters: ScatterND with add races
 * between threads, and on the CPU the optimizer fuses Transpose + MatMul by itself.
 */

import type { Dim, Graph, Value } from "./graph.js";
import { added, type Tape } from "./tape.js";

export interface Scope {
  readonly g: Graph;
  readonly tape: Tape | null;
}

export const reshape = (g: Graph, x: Value, dims: readonly Dim[]): Value =>
  g.op("Reshape", [x, g.shape(dims)]);

/** Cells [start, end) of one axis. */
export const slice = (g: Graph, x: Value, axis: number, start: Dim, end: Dim): Value =>
  g.op("Slice", [x, g.shape([start]), g.shape([end]), g.shape([axis])]);

/** x [M, in] by w [out, in], plus a bias [out] or a residual [M, out]. */
export function linear(
  { g, tape }: Scope,
  x: Value,
  w: Value,
  plus?: { bias?: Value; residual?: Value },
): Value {
  const c = plus?.bias ?? plus?.residual;
  const y = g.op("Gemm", c === undefined ? [x, w] : [x, w, c], { transB: 1 });
  tape?.record(y, (dy) => {
    tape.contribute(w, (soFar) => {
      const inputs = [dy, x];
      if (soFar !== undefined) inputs.push(soFar);
      return g.op("Gemm", inputs, { transA: 1 });
    });
    if (plus?.bias !== undefined) {
      tape.contribute(plus.bias, added(g, g.op("ReduceSum", [dy, g.shape([0])], { keepdims: 0 })));
    }
    if (plus?.residual !== undefined) tape.contribute(plus.residual, added(g, dy));
    tape.contribute(x, (soFar) => g.op("Gemm", soFar === undefined ? [dy, w] : [dy, w, soFar]));
  });
  return y;
}

/** Root-mean-square norm of each row: x / sqrt(mean(x^2) + eps) * w. */
export function rmsNorm({ g, tape }: Scope, x: Value, w: Value, width: number, eps: number): Value {
  const [y, inv] = g.ops(
    "SimplifiedLayerNormalization",
    [x, w],
    { axis: -1, epsilon: { float: eps } },
    { outputs: tape === null ? 1 : 2 },
  ) as [Value, Value];
  tape?.record(y, (dy) => {
    const xhat = g.op("Mul", [x, inv]);
    const p = g.op("Mul", [dy, xhat]);
    tape.contribute(w, added(g, g.op("ReduceSum", [p, g.shape([0])], { keepdims: 0 })));
    const mean = g.op("Gemm", [p, reshape(g, w, [width, 1])], { alpha: { float: 1 / width } }); // [M, 1]
    const along = g.op("Mul", [xhat, mean]);
    const dx = g.op("Mul", [g.op("Sub", [g.op("Mul", [dy, w]), along]), inv]);
    tape.contribute(x, added(g, dx));
  });
  return y;
}

/** silu(gate) * up, elementwise. */
export function swiglu({ g, tape }: Scope, gate: Value, up: Value): Value {
  const s = g.op("Sigmoid", [gate]);
  const h = g.op("Mul", [gate, s]);
  const y = g.op("Mul", [h, up]);
  tape?.record(y, (dy) => {
    tape.contribute(up, added(g, g.op("Mul", [dy, h])));
    // silu'(a) = s + silu(a) (1 - s)
    const slope = g.op("Add", [s, g.op("Sub", [h, g.op("Mul", [h, s])])]);
    tape.contribute(gate, added(g, g.op("Mul", [g.op("Mul", [dy, up]), slope])));
  });
  return y;
}

/**
 * The rows of x [M, d] at `index` [R] (each at most once). `inverse` [M] holds the place of a row in the result, or R
 * where it is not taken, so that the gradient is a gather too: copies of whole rows, no scatter.
 */
export function takeRows({ g, tape }: Scope, x: Value, index: Value, inverse: Value, width: number): Value {
  const y = g.op("Gather", [x, index], { axis: 0 });
  tape?.record(y, (dy) => {
    const zeros = g.constant(new Float32Array(width), [1, width]);
    const padded = g.op("Concat", [dy, zeros], { axis: 0 });
    tape.contribute(x, added(g, g.op("Gather", [padded, inverse], { axis: 0 })));
  });
  return y;
}

/** Rows of the table w [V, d] at ids [M]. */
export function embed({ g, tape }: Scope, w: Value, ids: Value, vocabSize: number, width: number): Value {
  const y = g.op("Gather", [w, ids], { axis: 0 });
  tape?.record(y, (dy) => {
    tape.contribute(w, (soFar) => {
      const into = soFar ?? g.op("Expand", [g.constant(0), g.shape([vocabSize, width])]);
      const index = g.op("Expand", [reshape(g, ids, [-1, 1]), g.shape([1, width])]);
      return g.op("ScatterElements", [into, index, dy], { axis: 0, reduction: "add" });
    });
  });
  return y;
}

export interface RotaryTables {
  readonly cos: Value; // [maxLength, headDim / 2]
  readonly sin: Value;
  readonly minusSin: Value;
}

/**
 * Rotary position embedding, rotate-half form, of x [B*T, heads*headDim]; `positions` is int64 [1] (an offset) or
 * [B, T]. Its adjoint is the rotation by the opposite angle.
 */
export function rotary(
  { g, tape }: Scope,
  x: Value,
  heads: number,
  headDim: number,
  tables: RotaryTables,
  positions: Value,
  time: Dim,
): Value {
  const turn = (value: Value, sin: Value): Value => {
    const three = reshape(g, value, [-1, time, heads * headDim]);
    const [turned] = g.ops(
      "RotaryEmbedding",
      [three, positions, tables.cos, sin],
      { interleaved: 0, num_heads: heads, rotary_embedding_dim: 0 },
      { contrib: true },
    ) as [Value];
    return reshape(g, turned, [-1, heads * headDim]);
  };
  const y = turn(x, tables.sin);
  tape?.record(y, (dy) => tape.contribute(x, added(g, turn(dy, tables.minusSin))));
  return y;
}
