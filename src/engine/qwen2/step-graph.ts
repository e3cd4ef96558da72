/**
 * The sampler's graphs. Prefill runs one prompt and gives its keys and values; the step graph feeds one token to each
 * of B rows whose key-value cache comes in as a feed and never goes out (returned tensors are copied): only the new
 * columns come out.
 *
 * In a step the new key's score is put into the row at its own position, so sums over the cache run in the same order
 * whatever the cache length L (a multiple of 64): a row's result does not depend on its neighbours' lengths.
 */

import type { Qwen2Config } from "../../model/config.js";
import { type BuiltGraph, makeGraph, type Value } from "../onnx/graph.js";
import { linear, reshape, rmsNorm, rotary, type Scope, swiglu } from "../onnx/ops.js";
import { decoder, decoderInputs, parameterInputs } from "./decoder.js";
import { EMBEDDING, FINAL_NORM, type FlatLayout, HEAD, layerNames } from "./flat.js";
import { rotaryConstants } from "./rotary.js";

/** Names of the fused matrices: views of the flat weights that span neighbours. */
export const fusedNames = (layer: number) => ({
  qkvWeight: `qkv.${layer}.weight`,
  qkvBias: `qkv.${layer}.bias`,
  gateUp: `gate_up.${layer}.weight`,
});

/**
 * Inputs: ids int32 [T], rows int32 [1] (the last place), mask0. Outputs: logits [1, V]; k [layers*KV, hd, T] and
 * v [layers*KV, T, hd], rotated.
 */
export function buildPrefillGraph(config: Qwen2Config, layout: FlatLayout, maxLength: number): BuiltGraph {
  const g = makeGraph();
  const scope: Scope = { g, tape: null };
  const inputs = decoderInputs(g, config, { chunks: 1, shared: false, backward: false });
  const { hidden, headWeight, cache } = decoder(scope, config, parameterInputs(g, layout), inputs, {
    chunks: 1,
    maxLength,
  });
  const perHead = (x: Value, perm: readonly number[]): Value =>
    g.op("Transpose", [reshape(g, x, ["T", config.numKvHeads, config.headDim])], { perm });
  g.output(linear(scope, hidden, headWeight), "logits");
  g.output(
    g.op(
      "Concat",
      cache.map(({ k }) => perHead(k, [1, 2, 0])),
      { axis: 0 },
    ),
    "k",
  );
  g.output(
    g.op(
      "Concat",
      cache.map(({ v }) => perHead(v, [1, 0, 2])),
      { axis: 0 },
    ),
    "v",
  );
  return g.finish();
}

/**
 * Inputs: ids int32 [B]; positions int64 [B, 1]; column int32 [B, KV, group, 1] (the position again); mask
 * [B, 1, 1, L], 0 up to and including the position; invTemperature [B, 1]; per layer k<l> [B, KV, hd, L] and
 * v<l> [B, KV, L, hd], with v zero at the position.
 * Outputs: probs [B, V] at the temperature; columns [B, layers*2*KV*hd]: for each layer the new k, then the new v.
 */
export function buildStepGraph(config: Qwen2Config, layout: FlatLayout, maxLength: number): BuiltGraph {
  const g = makeGraph();
  const scope: Scope = { g, tape: null };
  const { hiddenSize: d, numHeads, numKvHeads, headDim, intermediateSize: f, rmsNormEps: eps } = config;
  const group = numHeads / numKvHeads;
  const qSize = numHeads * headDim;
  const kvSize = numKvHeads * headDim;
  const parameter = parameterInputs(g, layout);
  const ids = g.input("ids", "int32", ["B"]);
  const positions = g.input("positions", "int64", ["B", 1]);
  const column = g.input("column", "int32", ["B", numKvHeads, group, 1, 1]);
  const mask = g.input("mask", "float32", ["B", 1, 1, 1, "L"]);
  const invTemperature = g.input("invTemperature", "float32", ["B", 1]);
  const tables = rotaryConstants(g, config, maxLength);
  const columns: Value[] = [];

  let x = g.op("Gather", [parameter(EMBEDDING), ids], { axis: 0 });
  for (let l = 0; l < config.numLayers; l++) {
    const names = layerNames(l);
    const fused = fusedNames(l);
    const kCache = g.input(`k${l}`, "float32", ["B", numKvHeads, 1, headDim, "L"]);
    const vCache = g.input(`v${l}`, "float32", ["B", numKvHeads, 1, "L", headDim]);
    const qkv = linear(
      scope,
      rmsNorm(scope, x, parameter(names.inputNorm), d, eps),
      g.input(fused.qkvWeight, "float32", [qSize + 2 * kvSize, d]),
      { bias: g.input(fused.qkvBias, "float32", [qSize + 2 * kvSize]) },
    );
    const [q0, k0, v] = g.ops(
      "Split",
      [qkv, g.shape([qSize, kvSize, kvSize])],
      { axis: 1 },
      { outputs: 3 },
    ) as [Value, Value, Value];
    const q = rotary(scope, q0, numHeads, headDim, tables.query, positions, 1);
    const k = rotary(scope, k0, numKvHeads, headDim, tables.key, positions, 1);
    columns.push(k, v);
    const q4 = reshape(g, q, [-1, numKvHeads, group, 1, headDim]);
    const k4 = reshape(g, k, [-1, numKvHeads, 1, 1, headDim]);
    const v4 = reshape(g, v, [-1, numKvHeads, 1, 1, headDim]);
    const own = g.op("ReduceSum", [g.op("Mul", [q4, k4]), g.shape([-1])], { keepdims: 1 });
    const scores = g.op("ScatterElements", [g.op("Add", [g.op("MatMul", [q4, kCache]), mask]), column, own], {
      axis: 4,
    });
    const p = g.op("Softmax", [scores], { axis: -1 });
    const ownP = g.op("GatherElements", [p, column], { axis: 4 });
    const mixed = g.op("Add", [g.op("MatMul", [p, vCache]), g.op("Mul", [ownP, v4])]);
    x = linear(scope, reshape(g, mixed, [-1, qSize]), parameter(names.oWeight), { residual: x });
    const ready = rmsNorm(scope, x, parameter(names.postNorm), d, eps);
    const [gate, up] = g.ops(
      "Split",
      [linear(scope, ready, g.input(fused.gateUp, "float32", [2 * f, d]))],
      { axis: 1, num_outputs: 2 },
      { outputs: 2 },
    ) as [Value, Value];
    x = linear(scope, swiglu(scope, gate, up), parameter(names.downWeight), { residual: x });
  }
  const hidden = rmsNorm(scope, x, parameter(FINAL_NORM), d, eps);
  const logits = linear(scope, hidden, parameter(config.tieWordEmbeddings ? EMBEDDING : HEAD));
  g.output(g.op("Softmax", [g.op("Mul", [logits, invTemperature])], { axis: -1 }), "probs");
  g.output(g.op("Concat", columns, { axis: 1 }), "columns");
  return g.finish();
}
