/** What training takes of the device's memory, from the model's shape alone: for the plan, and to refuse before a run. */

import type { Qwen2Config } from "../../model/config.js";
import { countParameters } from "../../model/parameters.js";

/**
 * Bytes of one micro-batch's activations at their peak.
 * @param tokens padded tokens  @param length of a row  @param again blocks are made again in the backward pass
 */
export function activationBytes(config: Qwen2Config, tokens: number, length: number, again: boolean): number {
  const { hiddenSize: d, intermediateSize: f, numHeads, numKvHeads, headDim, numLayers, vocabSize } = config;
  const scores = numHeads * length;
  const context = numHeads * headDim;
  const qkv = context + 2 * numKvHeads * headDim;
  /** Kept for each block's backward pass: two norms, heads, probabilities, context twice, the gated products. */
  const block = 2 * (d + 1) + qkv + scores + 2 * context + 3 * f;
  /** Beside it while one block works: three more score matrices, four of the gated products, residuals. */
  const working = 3 * scores + 4 * f + 3 * qkv + 6 * d;
  const logits = Math.min(tokens * vocabSize, 2 ** 26) * 3;
  return 4 * (tokens * (again ? numLayers * d + block : numLayers * block) + tokens * working + logits);
}

export interface MemoryPlan {
  readonly weights: number;
  readonly gradients: number;
  readonly moments: number;
  /** Of the largest micro-batch, blocks made again where that is needed or asked for. */
  readonly activations: number;
  readonly total: number;
  readonly again: boolean;
}

/** Bytes left for activations beside weights, gradients and moments; null = unknown. */
export const activationRoom = (config: Qwen2Config, deviceBytes: number | null): number | null =>
  deviceBytes === null ? null : deviceBytes * USABLE - COPIES * 4 * countParameters(config);

/**
 * Of the parameters: weights flat, by tensor and with folded norms; gradients by tensor, unfolded and flat; two moments.
 */
const COPIES = 8;

/** Share of the device's memory that may be planned with: its allocator loses some in fragments. */
const USABLE = 0.9;

/**
 * Of a step at its largest micro-batch, bytes.
 * @param rowTokens of the longest rows
 */
export function memoryPlan(
  config: Qwen2Config,
  microBatchTokens: number,
  rowTokens: number,
  mode: "auto" | "on" | "off",
  deviceBytes: number | null,
): MemoryPlan {
  const bytes = 4 * countParameters(config);
  const fixed = { weights: 3 * bytes, gradients: 3 * bytes, moments: 2 * bytes };
  const tokens = Math.max(microBatchTokens, rowTokens);
  const of = (again: boolean) => activationBytes(config, tokens, rowTokens, again);
  const free = activationRoom(config, deviceBytes);
  const again = mode === "on" || (mode === "auto" && free !== null && of(false) > free);
  const activations = of(again);
  return { ...fixed, activations, again, total: COPIES * bytes + activations };
}
