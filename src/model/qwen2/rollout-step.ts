/**
 * One decode step of B rows inside a rollout graph. A row's keys and values lie in two pieces: `base`, constant while
 * the inner loop runs (prompt and earlier chunks), and `recent`, which grows by one column a step. Appending copies the
 * recent piece only: at most chunk columns instead of the whole cache.
 */

import type { Qwen2Config } from "../config.js";
import type { Graph, Value } from "../onnx/graph.js";
import { reshape } from "../onnx/ops.js";
import { EMBEDDING, FINAL_NORM, HEAD, layerNames } from "./flat.js";
import { fusedNames } from "./step-graph.js";

export interface StepCache {
  /** Keys and values [B, KV, columns, hd] that do not change in this step. */
  readonly base: { readonly k: Value; readonly v: Value } | null;
  /** Those that the step appends to. */
  readonly recent: { readonly k: Value; readonly v: Value };
}

export interface StepInputs {
  readonly ids: Value; // int64 [B]
  readonly positions: Value; // int64 [B, 1]
  /** Added to the scores of `base` where there is one, else of `recent` after the step; [B, 1, 1, columns]. */
  readonly mask: Value;
  readonly cache: readonly StepCache[];
  /** Rotary tables of keys; the query scale goes into the scores. */
  readonly cos: Value;
  readonly sin: Value;
}

/** Logits [B, V], and each layer's appended piece. */
export function decodeStep(
  g: Graph,
  config: Qwen2Config,
  inputs: StepInputs,
): { logits: Value; recent: { k: Value; v: Value }[] } {
  const { numHeads, numKvHeads: kv, headDim: hd, intermediateSize: f } = config;
  const group = numHeads / kv;
  const qSize = numHeads * hd;
  const kvSize = kv * hd;
  const scale = 1 / Math.sqrt(hd);
  const split = (x: Value, sizes: Value, axis: number, outputs: number): Value[] =>
    g.ops("Split", [x, sizes], { axis }, { outputs });
  const scores = (q: Value, k: Value): Value =>
    g.ops("FusedMatMul", [q, k], { transA: 0, transB: 1, alpha: { float: scale } }, { contrib: true })[0]!;
  const norm = (x: Value, weight: string): Value =>
    g.op("SimplifiedLayerNormalization", [x, weight], { axis: -1, epsilon: { float: config.rmsNormEps } });
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
  const columns = (x: Value): Value => g.op("Shape", [x], { start: 2, end: 3 });

  let sizes: Value | undefined;
  const recent: { k: Value; v: Value }[] = [];
  let x = g.op("Gather", [EMBEDDING, inputs.ids], { axis: 0 });
  let ready = norm(x, layerNames(0).inputNorm);
  for (let l = 0; l < config.numLayers; l++) {
    const names = layerNames(l);
    const fused = fusedNames(l);
    const qkv = g.op("Gemm", [ready, fused.qkvWeight, fused.qkvBias], { transB: 1 });
    const [qk, v] = split(qkv, g.shape([qSize + kvSize, kvSize]), 1, 2) as [Value, Value];
    const [turned] = g.ops(
      "RotaryEmbedding",
      [reshape(g, qk, [-1, 1, qSize + kvSize]), inputs.positions, inputs.cos, inputs.sin],
      { interleaved: 0, num_heads: numHeads + kv, rotary_embedding_dim: 0 },
      { contrib: true },
    ) as [Value];
    const [q, k] = split(turned, g.shape([qSize, kvSize]), 2, 2) as [Value, Value];
    const q4 = reshape(g, q, [-1, kv, group, hd]);
    const { base, recent: before } = inputs.cache[l]!;
    const own = {
      k: g.op("Concat", [before.k, reshape(g, k, [-1, kv, 1, hd])], { axis: 2 }),
      v: g.op("Concat", [before.v, reshape(g, v, [-1, kv, 1, hd])], { axis: 2 }),
    };
    recent.push(own);
    let mixed: Value;
    if (base === null) {
      const p = g.op("Softmax", [g.op("Add", [scores(q4, own.k), inputs.mask])], { axis: -1 });
      mixed = g.op("MatMul", [p, own.v]);
    } else {
      sizes ??= g.op("Concat", [columns(base.k), columns(own.k)], { axis: 0 });
      const all = [g.op("Add", [scores(q4, base.k), inputs.mask]), scores(q4, own.k)];
      const p = g.op("Softmax", [g.op("Concat", all, { axis: 3 })], { axis: -1 });
      const [pBase, pOwn] = split(p, sizes, 3, 2) as [Value, Value];
      mixed = g.op("Add", [g.op("MatMul", [pBase, base.v]), g.op("MatMul", [pOwn, own.v])]);
    }
    const attended = g.op("Gemm", [reshape(g, mixed, [-1, qSize]), names.oWeight], { transB: 1 });
    [ready, x] = addNorm(attended, x, names.postNorm);
    const [gate, up] = split(g.op("Gemm", [ready, fused.gateUp], { transB: 1 }), g.shape([f, f]), 1, 2) as [
      Value,
      Value,
    ];
    const [active] = g.ops("QuickGelu", [gate], { alpha: { float: 1 } }, { contrib: true }) as [Value];
    const down = g.op("Gemm", [g.op("Mul", [active, up]), names.downWeight], { transB: 1 });
    const next = l + 1 < config.numLayers ? layerNames(l + 1).inputNorm : FINAL_NORM;
    [ready, x] = addNorm(down, x, next);
  }
  const head = config.tieWordEmbeddings ? EMBEDDING : HEAD;
  return { logits: g.op("Gemm", [ready, head], { transB: 1 }), recent };
}
