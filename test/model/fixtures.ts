import type { Qwen2Config } from "../../src/model/config.js";

/** A model small enough to write in a test: 2 layers, grouped key-value heads. */
export const tinyConfig = (change: Partial<Qwen2Config> = {}): Qwen2Config => ({
  vocabSize: 300,
  hiddenSize: 16,
  numLayers: 2,
  numHeads: 4,
  numKvHeads: 2,
  headDim: 4,
  intermediateSize: 24,
  ropeTheta: 10000,
  rmsNormEps: 1e-6,
  tieWordEmbeddings: true,
  maxPositionEmbeddings: 128,
  eosTokenIds: [2],
  initializerRange: 0.02,
  ...change,
});
