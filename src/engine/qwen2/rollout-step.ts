/**
 * One decode step of B rows inside a rollout graph, and the forms its key-value cache can take. A loop's state is never
 * updated in place (a body's inputs are kept), so appending a column copies the piece it is appended to:
 *
 *   whole   one piece, as long as the chunk will need; the column is put in by Where. Fewest and cheapest nodes, but
 *           the whole cache is copied each step: for small models, which are bound by launches.
 *   split   a base that stays as it is during the chunk, and a recent piece of `chunk` columns written by Where. The
 *           scores of both are joined for the softmax. Copies little: for large models, which are bound by memory.
 *   grown   as `split`, but the recent piece grows by Concat, so nothing is computed for columns to come.
 *
 * CUDA's Concat and Split of unequal parts copy tables to the device first (Split into three on the last axis does
 * not), which costs the host about three launches: `whole` has none of them in a layer, `split` two, `grown` four.
 */

import type { Qwen2Config } from "../../model/config.js";
import type { Graph, Value } from "../onnx/graph.js";
import { reshape } from "../onnx/ops.js";
import { EMBEDDING, FINAL_NORM, HEAD, layerNames } from "./flat.js";
import { fusedNames } from "./step-graph.js";

export const CACHE_FORMS = ["whole", "split", "grown"] as const;
export type CacheForm = (typeof CACHE_FORMS)[number];

/** Products with transposed keys: ORT's FusedMatMul, or Transpose and MatMul where a provider lacks it (WebGPU). */
export const PRODUCTS = ["fused", "plain"] as const;
export type Products = (typeof PRODUCTS)[number];

/** Keys and values [B, KV, columns, hd] of one layer. */
export interface Piece {
  readonly k: Value;
  readonly v: Value;
}

export interface StepInputs {
  readonly form: CacheForm;
  readonly products: Products;
  readonly ids: Value; // int64 [B]
  readonly positions: Value; // int64 [B, 1]
  /** Added to the scores, 0 where a row sees a column: of all columns [B, 1, 1, L]; grown: of the base only. */
  readonly mask: Value;
  /** bool [1, 1, columns, 1]: where the recent piece takes the new column; null for grown. */
  readonly here: Value | null;
  readonly bases: readonly Piece[] | null; // null for whole
  readonly recent: readonly Piece[];
  /** Rotary tables of keys; the query scale goes into the scores. */
  readonly cos: Value;
  readonly sin: Value;
}

/** Logits [B, V], and each layer's recent piece with the new column. */
export function decodeStep(
  g: Graph,
  config: Qwen2Config,
  inputs: StepInputs,
): { logits: Value; recent: Piece[] } {
  const { numHeads, numKvHeads: kv, headDim: hd, intermediateSize: f } = config;
  const qSize = numHeads * hd;
  const kvSize = kv * hd;
  const split = (x: Value, sizes: readonly number[]): Value[] =>
    g.ops("Split", [x, g.shape(sizes)], { axis: 1 }, { outputs: sizes.length });
  const turned = (x: Value, heads: number): Value =>
    g.ops(
      "RotaryEmbedding",
      [reshape(g, x, [-1, 1, heads * hd]), inputs.positions, inputs.cos, inputs.sin],
      { interleaved: 0, num_heads: heads, rotary_embedding_dim: 0 },
      { contrib: true },
    )[0]!;
  /** The norm of x + plus, and the sum. */
  const addNorm = (plus: Value, x: Value, weight: string): [Value, Value] => {
    const out = g.ops(
      "SkipSimplifiedLayerNormalization",
      [plus, x, weight],
      { epsilon: { float: config.rmsNormEps } },
      { outputs: 4, contrib: true, without: [1, 2] },
    );
    return [out[0]!, out[3]!];
  };

  const attend = attention(g, config, inputs);
  const recent: Piece[] = [];
  let x = g.op("Gather", [EMBEDDING, inputs.ids], { axis: 0 });
  let ready = g.op("SimplifiedLayerNormalization", [x, layerNames(0).inputNorm], {
    axis: -1,
    epsilon: { float: config.rmsNormEps },
  });
  for (let l = 0; l < config.numLayers; l++) {
    const names = layerNames(l);
    const fused = fusedNames(l);
    const qkv = g.op("Gemm", [ready, fused.qkvWeight, fused.qkvBias], { transB: 1 });
    const [q, k, v] = split(qkv, [qSize, kvSize, kvSize]) as [Value, Value, Value];
    const { mixed, own } = attend(l, turned(q, numHeads), turned(k, kv), v);
    recent.push(own);
    [ready, x] = addNorm(g.op("Gemm", [mixed, names.oWeight], { transB: 1 }), x, names.postNorm);
    const [gate, up] = split(g.op("Gemm", [ready, fused.gateUp], { transB: 1 }), [f, f]) as [Value, Value];
    const [active] = g.ops("QuickGelu", [gate], { alpha: { float: 1 } }, { contrib: true }) as [Value];
    const down = g.op("Gemm", [g.op("Mul", [active, up]), names.downWeight], { transB: 1 });
    [ready, x] = addNorm(down, x, l + 1 < config.numLayers ? layerNames(l + 1).inputNorm : FINAL_NORM);
  }
  const head = config.tieWordEmbeddings ? EMBEDDING : HEAD;
  return { logits: g.op("Gemm", [ready, head], { transB: 1 }), recent };
}

/** Attention of one new column per row; gives [B, H*hd] and the recent piece with the column. */
function attention(g: Graph, config: Qwen2Config, inputs: StepInputs) {
  const { form, products, mask, here, bases, recent } = inputs;
  const { numHeads, numKvHeads: kv, headDim: hd } = config;
  const scale = 1 / Math.sqrt(hd);
  const scores = (q: Value, k: Value): Value =>
    products === "fused"
      ? g.ops("FusedMatMul", [q, k], { transA: 0, transB: 1, alpha: { float: scale } }, { contrib: true })[0]!
      : g.op("MatMul", [g.op("Mul", [q, g.constant(scale)]), g.op("Transpose", [k], { perm: [0, 1, 3, 2] })]);
  const columns = (x: Value): Value => g.op("Shape", [x], { start: 2, end: 3 });
  const softmax = (x: Value): Value => g.op("Softmax", [x], { axis: -1 });
  const append = (to: Value, x: Value): Value => {
    const column = reshape(g, x, [-1, kv, 1, hd]);
    return here === null ? g.op("Concat", [to, column], { axis: 2 }) : g.op("Where", [here, column, to]);
  };
  let sizes: Value | undefined;

  return (l: number, q: Value, k: Value, v: Value): { mixed: Value; own: Piece } => {
    const own = { k: append(recent[l]!.k, k), v: append(recent[l]!.v, v) };
    const query = reshape(g, q, [-1, kv, numHeads / kv, hd]);
    const base = bases?.[l];
    let mixed: Value;
    if (base === undefined) {
      mixed = g.op("MatMul", [softmax(g.op("Add", [scores(query, own.k), mask])), own.v]);
    } else {
      sizes ??= g.op("Concat", [columns(base.k), columns(own.k)], { axis: 0 });
      const ofBase = scores(query, base.k);
      const ofOwn = scores(query, own.k);
      const joined = (x: Value): Value => g.op("Concat", [x, ofOwn], { axis: 3 });
      const p = softmax(
        form === "grown" ? joined(g.op("Add", [ofBase, mask])) : g.op("Add", [joined(ofBase), mask]),
      );
      const [pBase, pOwn] = g.ops("Split", [p, sizes], { axis: 3 }, { outputs: 2 }) as [Value, Value];
      mixed = g.op("Add", [g.op("MatMul", [pBase, base.v]), g.op("MatMul", [pOwn, own.v])]);
    }
    return { mixed: reshape(g, mixed, [-1, numHeads * hd]), own };
  };
}
