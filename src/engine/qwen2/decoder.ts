/** The Qwen2 decoder over whole sequences: the forward part of the train, log-prob and prefill graphs. */

import type { Qwen2Config } from "../../model/config.js";
import { type AttentionShape, causalAttention } from "../onnx/attention.js";
import type { Graph, Value } from "../onnx/graph.js";
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
  readonly ids: Value; // int32 [N]
  /** Rows to predict from: int32 [R] places in [0, N), and int32 [N] their inverse (R where not taken). */
  readonly rows: Value;
  readonly inverse: Value;
  /** Masks of the attention's chunks, and of the shared prefix or null. */
  readonly masks: readonly Value[];
  readonly prefixMask: Value | null;
}

export interface DecoderResult {
  readonly hidden: Value; // [R, hiddenSize] after the final norm
  readonly headWeight: Value; // [V, hiddenSize]
  /** Rotated keys and values of each layer, [B*T, numKvHeads*headDim]. */
  readonly cache: readonly { readonly k: Value; readonly v: Value }[];
}

/** Declares the inputs of the decoder. Symbols: N = S + B*T, C = T / chunks, S only with a shared prefix. */
export function decoderInputs(
  g: Graph,
  config: Qwen2Config,
  options: { readonly chunks: number; readonly shared: boolean; readonly backward: boolean },
): DecoderInputs {
  const group = config.numHeads / config.numKvHeads;
  const keys = (i: number): string => (options.shared ? `S+C*${i + 1}` : `C*${i + 1}`);
  return {
    ids: g.input("ids", "int32", ["N"]),
    rows: g.input("rows", "int32", ["R"]),
    inverse: options.backward ? g.input("inverse", "int32", ["N"]) : "",
    masks: Array.from({ length: options.chunks }, (_, i) =>
      g.input(`mask${i}`, "float32", [`C*${group}`, keys(i)]),
    ),
    prefixMask: options.shared ? g.input("prefixMask", "float32", [`S*${group}`, "S"]) : null,
  };
}

/**
 * Everything after the last attention runs on the R predicted rows only: the rest of the last layer would be unused.
 * Without a shared prefix the rows are [B, T]; with one, the S prefix tokens come first and the rows' own tokens, at
 * positions S and on, after them.
 */
export function decoder(
  scope: Scope,
  config: Qwen2Config,
  parameter: (name: string) => Value,
  inputs: DecoderInputs,
  options: { readonly chunks: number; readonly maxLength: number },
): DecoderResult {
  const { g } = scope;
  const { hiddenSize: d, numHeads, numKvHeads, headDim, rmsNormEps: eps } = config;
  const shape: AttentionShape = { numHeads, numKvHeads, headDim, chunks: options.chunks };
  const tables = rotaryConstants(g, config, options.maxLength);
  const { masks, prefixMask } = inputs;
  // Rows all start at position 0, or each token has a position of its own.
  const positions = prefixMask === null ? g.shape([0]) : g.input("positions", "int64", ["N", 1]);
  const time = prefixMask === null ? "T" : 1;
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
      positions,
      time,
    );
    const k = rotary(
      scope,
      project(names.kWeight, names.kBias),
      numKvHeads,
      headDim,
      tables.key,
      positions,
      time,
    );
    const v = project(names.vWeight, names.vBias);
    cache.push({ k, v });
    let mixed = causalAttention(scope, shape, { q, k, v, masks, prefixMask });
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
