/** The measured models, by name. */

import type { Qwen2Config } from "../../../src/model/config.js";

const shape = (
  vocabSize: number,
  hiddenSize: number,
  numLayers: number,
  numHeads: number,
  numKvHeads: number,
  intermediateSize: number,
): Qwen2Config => ({
  vocabSize,
  hiddenSize,
  numLayers,
  numHeads,
  numKvHeads,
  headDim: hiddenSize / numHeads,
  intermediateSize,
  ropeTheta: 10000,
  rmsNormEps: 1e-6,
  tieWordEmbeddings: true,
  maxPositionEmbeddings: 4096,
  eosTokenIds: [], // nothing ends a turn: every rollout is as long as was asked for
  initializerRange: 0.02,
});

export const SHAPES: Readonly<Record<string, Qwen2Config>> = {
  "1.8M": shape(1024, 192, 4, 6, 2, 512),
  "24.7M": shape(4096, 512, 8, 8, 2, 1408),
  "121M": shape(8192, 1024, 10, 16, 4, 2816),
};
