/** The prompts' part of a rollout graph. */

import type { Qwen2Config } from "../../model/config.js";
import { causalAttention } from "../onnx/attention.js";
import type { Graph, Value } from "../onnx/graph.js";
import { linear, reshape, rmsNorm, rotary, type Scope, swiglu } from "../onnx/ops.js";
import { EMBEDDING, layerNames } from "./flat.js";
import type { Piece } from "./rollout-step.js";
import type { rotaryConstants } from "./rotary.js";
import { fusedNames } from "./step-graph.js";

/** Keys (rotated) and values [D, KV, P, hd] of every layer; also declares the fused matrices. */
export function prefill(
  g: Graph,
  config: Qwen2Config,
  tables: ReturnType<typeof rotaryConstants>,
): { k: Value; v: Value }[] {
  const {
    hiddenSize: d,
    numHeads,
    numKvHeads: kv,
    headDim: hd,
    intermediateSize: f,
    rmsNormEps: eps,
  } = config;
  const scope: Scope = { g, tape: null };
  const qSize = numHeads * hd;
  const kvSize = kv * hd;
  const ids = g.input("promptIds", "int32", ["D*P"]);
  const mask = g.input("mask0", "float32", [`P*${numHeads / kv}`, "P"]);
  const perHead = (x: Value): Value =>
    g.op("Transpose", [reshape(g, x, ["B", "T", kv, hd])], { perm: [0, 2, 1, 3] });
  const out: Piece[] = [];
  let x = g.op("Gather", [EMBEDDING, ids], { axis: 0 });
  for (let l = 0; l < config.numLayers; l++) {
    const names = layerNames(l);
    const fused = fusedNames(l);
    g.input(fused.qkvWeight, "float32", [qSize + 2 * kvSize, d]);
    g.input(fused.qkvBias, "float32", [qSize + 2 * kvSize]);
    g.input(fused.gateUp, "float32", [2 * f, d]);
    const ready = rmsNorm(scope, x, names.inputNorm, d, eps);
    const qkv = linear(scope, ready, fused.qkvWeight, { bias: fused.qkvBias });
    const [q0, k0, v] = g.ops(
      "Split",
      [qkv, g.shape([qSize, kvSize, kvSize])],
      { axis: 1 },
      { outputs: 3 },
    ) as [Value, Value, Value];
    const k = rotary(scope, k0, kv, hd, tables.key, g.shape([0]), "T");
    out.push({ k: perHead(k), v: perHead(v) });
    if (l === config.numLayers - 1) break; // nothing reads the last layer's output
    const q = rotary(scope, q0, numHeads, hd, tables.query, g.shape([0]), "T");
    const shape = { numHeads, numKvHeads: kv, headDim: hd, chunks: 1 };
    const mixed = causalAttention(scope, shape, { q, k, v, masks: [mask], prefixMask: null });
    x = linear(scope, mixed, names.oWeight, { residual: x });
    const wide = linear(scope, rmsNorm(scope, x, names.postNorm, d, eps), fused.gateUp);
    const [gate, up] = g.ops("Split", [wide, g.shape([f, f])], { axis: 1 }, { outputs: 2 }) as [Value, Value];
    x = linear(scope, swiglu(scope, gate, up), names.downWeight, { residual: x });
  }
  return out;
}
