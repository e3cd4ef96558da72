/**
 * Causal attention with grouped queries, differentiable. The queries of a group are folded into the rows of one matrix
 * product, so keys and values are never repeated. Queries are cut into `chunks` blocks of C = T / chunks positions;
 * block i sees only the first (i + 1) C keys, which halves the quadratic work as `chunks` grows.
 *
 * The scale 1 / sqrt(headDim) is expected inside q already (in the rotary tables).
 */

import type { Graph, Value } from "./graph.js";
import { reshape, type Scope, slice } from "./ops.js";
import { added } from "./tape.js";

export interface AttentionShape {
  readonly numHeads: number;
  readonly numKvHeads: number;
  readonly headDim: number;
  readonly chunks: number;
}

/** Symbols used: B rows, T padded length, C = T / chunks. */
export interface AttentionInputs {
  readonly q: Value; // [B*T, numHeads*headDim], rotated and scaled
  readonly k: Value; // [B*T, numKvHeads*headDim], rotated
  readonly v: Value; // [B*T, numKvHeads*headDim]
  /** Per chunk i: 0 where key <= query, very negative elsewhere; [group*C, (i+1)*C]. */
  readonly masks: readonly Value[];
}

/** Name and dimensions of the mask of chunk i. */
export const maskDims = (shape: AttentionShape, i: number): [string, string] => [
  `C*${shape.numHeads / shape.numKvHeads}`,
  `C*${i + 1}`,
];

export function causalAttention({ g, tape }: Scope, shape: AttentionShape, inputs: AttentionInputs): Value {
  const { numHeads, numKvHeads, headDim, chunks } = shape;
  const group = numHeads / numKvHeads;
  const indices = Array.from({ length: chunks }, (_, i) => i);
  const upTo = (x: Value, axis: number, i: number): Value =>
    i === chunks - 1 ? x : slice(g, x, axis, 0, `C*${i + 1}`);

  /** [B*T, H*hd] -> chunks of [B, KV, group*C, hd] */
  const fold = (x: Value): Value[] => {
    const six = reshape(g, x, ["B", chunks, "C", numKvHeads, group, headDim]);
    const turned = g.op("Transpose", [six], { perm: [1, 0, 3, 4, 2, 5] });
    const dims = ["B", numKvHeads, `C*${group}`, headDim];
    if (chunks === 1) return [reshape(g, turned, dims)];
    return g
      .ops("Split", [turned], { axis: 0, num_outputs: chunks }, { outputs: chunks })
      .map((part) => reshape(g, part, dims));
  };
  /** The opposite of `fold`. */
  const unfold = (parts: readonly Value[]): Value => {
    const six = parts.map((part) => reshape(g, part, [1, "B", numKvHeads, group, "C", headDim]));
    const all = six.length === 1 ? six[0]! : g.op("Concat", six, { axis: 0 });
    return reshape(g, g.op("Transpose", [all], { perm: [1, 0, 4, 2, 3, 5] }), [-1, numHeads * headDim]);
  };
  const heads = (x: Value): Value => reshape(g, x, ["B", "T", numKvHeads, headDim]);

  const q = fold(inputs.q);
  const kT = g.op("Transpose", [heads(inputs.k)], { perm: [0, 2, 3, 1] }); // [B, KV, hd, T]
  const v = g.op("Transpose", [heads(inputs.v)], { perm: [0, 2, 1, 3] }); // [B, KV, T, hd]
  const kTs = indices.map((i) => upTo(kT, 3, i));
  const vs = indices.map((i) => upTo(v, 2, i));
  const p = indices.map((i) =>
    g.op("Softmax", [g.op("Add", [g.op("MatMul", [q[i]!, kTs[i]!]), inputs.masks[i]!])], { axis: -1 }),
  );
  const o = indices.map((i) => g.op("MatMul", [p[i]!, vs[i]!]));
  const y = unfold(o);

  tape?.record(y, (dy) => {
    const dO = fold(dy);
    // dS = P * (dO V' - rowsum(dO * O)); the row sum rides along as one more column of the product.
    const ones = g.op("Expand", [g.constant(-1), g.shape(["B", numKvHeads, 1, "T"])]);
    const vT = g.op("Concat", [g.op("Transpose", [heads(inputs.v)], { perm: [0, 2, 3, 1] }), ones], {
      axis: 2,
    });
    const k = g.op("Transpose", [heads(inputs.k)], { perm: [0, 2, 1, 3] });
    const dq: Value[] = [];
    const dk: Value[] = [];
    const dv: Value[] = [];
    for (const i of indices) {
      const rowSum = g.op("ReduceSum", [g.op("Mul", [dO[i]!, o[i]!]), g.shape([-1])], { keepdims: 1 });
      const wide = g.op("Concat", [dO[i]!, rowSum], { axis: 3 });
      const dS = g.op("Mul", [g.op("MatMul", [wide, upTo(vT, 3, i)]), p[i]!]);
      dq.push(g.op("MatMul", [dS, upTo(k, 2, i)]));
      dk.push(g.op("MatMul", [swap(g, dS), q[i]!]));
      dv.push(g.op("MatMul", [swap(g, p[i]!), dO[i]!]));
    }
    tape.contribute(inputs.q, added(g, unfold(dq)));
    tape.contribute(inputs.k, added(g, unheads(g, sumPrefixes(g, dk), numKvHeads * headDim)));
    tape.contribute(inputs.v, added(g, unheads(g, sumPrefixes(g, dv), numKvHeads * headDim)));
  });
  return y;
}

const swap = (g: Graph, x: Value): Value => g.op("Transpose", [x], { perm: [0, 1, 3, 2] });

/** [B, KV, T, hd] -> [B*T, KV*hd] */
const unheads = (g: Graph, x: Value, width: number): Value =>
  reshape(g, g.op("Transpose", [x], { perm: [0, 2, 1, 3] }), [-1, width]);

/** Sum of parts that cover the first C, 2C, ... positions of axis 2. */
function sumPrefixes(g: Graph, parts: readonly Value[]): Value {
  if (parts.length === 1) return parts[0]!;
  const last = parts.length - 1;
  const padded = parts.map((part, i) =>
    i === last ? part : g.op("Pad", [part, g.shape([0, 0, 0, 0, 0, 0, `C*${last - i}`, 0]), g.constant(0)]),
  );
  return g.op("Sum", padded);
}
