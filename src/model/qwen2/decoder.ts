/** The Qwen2 decoder over whole sequences: the forward part of the train, log-prob and prefill graphs. */

import type { Qwen2Config } from "../config.js";
import { type AttentionShape, causalAttention, maskDims } from "../onnx/attention.js";
import type { Dim, Graph, Value } from "../onnx/graph.js";
import { embed, linear, rmsNorm, rotary, type Scope, swiglu, takeRows } from "../onnx/ops.js";
import { EMBEDDING, FINAL_NORM, type FlatLayout, HEAD, layerNames } from "./flat.js";
import { rotaryConstants } from "./rotary.js";

/** Declares a parameter as a graph input, once. */
export function parameterInputs(g: Graph, layout: FlatLayout): (name: string) => Value {
  const seen = new Set<string>();
  return (name) => {
    if (!seen.has(name)) {
      g.input(name, "float32", layout.slot(name).shape);
      seen.add(name);
    }
    return name;
  };
}

export interface DecoderInputs {
  readonly ids: Value; // int32 [B*T]
  /** Rows to predict from: int32 [R] places in [0, B*T), and int32 [B*T] their inverse (R where not taken). */
  readonly rows: Value;
  readonly inverse: Value;
}

export interface DecoderResult {
  readonly hidden: Value; // [R, hiddenSize] after the final norm
  readonly headWeight: Value; // [V, hiddenSize]
  /** Rotated keys and values of each layer, [B*T, numKvHeads*headDim]. */
  readonly cache: readonly { readonly k: Value; readonly v: Value }[];
}

export const attentionShape = (config: Qwen2Config, chunks: number): AttentionShape => ({
  numHeads: config.numHeads,
  numKvHeads: config.numKvHeads,
  headDim: config.headDim,
  chunks,
});

/** Declares the mask inputs mask0 .. */
export const maskInputs = (g: Graph, shape: AttentionShape): Value[] =>
  Array.from({ length: shape.chunks }, (_, i) => g.input(`mask${i}`, "float32", maskDims(shape, i)));

/**
 * Everything after the last attention runs on the R predicted rows only: the rest of the last layer would be unused.
 * Symbols: B, T, C = T / chunks, R.
 */
export function decoder(
  scope: Scope,
  config: Qwen2Config,
  parameter: (name: string) => Value,
  inputs: DecoderInputs,
  options: { readonly chunks: number; readonly maxLength: number; readonly masks: readonly Value[] },
): DecoderResult {
  const { g } = scope;
  const { hiddenSize: d, numHeads, numKvHeads, headDim, rmsNormEps: eps } = config;
  const shape = attentionShape(config, options.chunks);
  const tables = rotaryConstants(g, config, options.maxLength);
  const start = g.shape([0]);
  const time: Dim = "T";
  const cache: { k: Value; v: Value }[] = [];

  let x = embed(scope, parameter(EMBEDDING), inputs.ids, config.vocabSize, d);
  for (let l = 0; l < config.numLayers; l++) {
    const names = layerNames(l);
    const normed = rmsNorm(scope, x, parameter(names.inputNorm), d, eps);
    const project = (w: string, b: string): Value =>
      linear(scope, normed, parameter(w), { bias: parameter(b) });
    const q = rotary(
      scope,
      project(names.qWeight, names.qBias),
      numHeads,
      headDim,
      tables.query,
      start,
      time,
    );
    const k = rotary(
      scope,
      project(names.kWeight, names.kBias),
      numKvHeads,
      headDim,
      tables.key,
      start,
      time,
    );
    const v = project(names.vWeight, names.vBias);
    cache.push({ k, v });
    let mixed = causalAttention(scope, shape, { q, k, v, masks: options.masks });
    if (l === config.numLayers - 1) {
      mixed = takeRows(scope, mixed, inputs.rows, inputs.inverse, numHeads * headDim);
      x = takeRows(scope, x, inputs.rows, inputs.inverse, d);
    }
    x = linear(scope, mixed, parameter(names.oWeight), { residual: x });
    const ready = rmsNorm(scope, x, parameter(names.postNorm), d, eps);
    const gated = swiglu(
      scope,
      linear(scope, ready, parameter(names.gateWeight)),
      linear(scope, ready, parameter(names.upWeight)),
    );
    x = linear(scope, gated, parameter(names.downWeight), { residual: x });
  }
  return {
    hidden: rmsNorm(scope, x, parameter(FINAL_NORM), d, eps),
    headWeight: parameter(config.tieWordEmbeddings ? EMBEDDING : HEAD),
    cache,
  };
}
