/** A random policy of a few thousand parameters with a real tokenizer: what a test can train in seconds. */

import { join } from "node:path";
import { makeRng } from "../../src/core/rng.js";
import { primerTexts } from "../../src/data/primer/index.js";
import type { Qwen2Config } from "../../src/model/config.js";
import { saveModelDir } from "../../src/model/hf.js";
import { initWeights } from "../../src/model/parameters.js";
import { loadTokenizer } from "../../src/text/tokenizer.js";
import { saveTokenizer, trainTokenizer } from "../../src/text/tokenizer-files.js";

/** Writes the model into `<dir>/tiny` and returns that path. */
export async function writeTinyModel(dir: string, over: Partial<Qwen2Config> = {}): Promise<string> {
  const texts = [...primerTexts({ seed: 1, count: 300 })].flatMap((t) => [
    t.prompt[0]!.content,
    t.completion,
  ]);
  const tokens = join(dir, "tiny-tokenizer");
  await saveTokenizer(tokens, trainTokenizer(texts, 400, 256));
  const tokenizer = await loadTokenizer(tokens);
  const config: Qwen2Config = {
    vocabSize: tokenizer.vocabSize,
    hiddenSize: 16,
    numLayers: 1,
    numHeads: 2,
    numKvHeads: 1,
    headDim: 8,
    intermediateSize: 32,
    ropeTheta: 10000,
    rmsNormEps: 1e-6,
    tieWordEmbeddings: true,
    maxPositionEmbeddings: 256,
    eosTokenIds: tokenizer.eosIds,
    initializerRange: 0.02,
    ...over,
  };
  const out = join(dir, "tiny");
  const { mkdir } = await import("node:fs/promises");
  await mkdir(out, { recursive: true });
  await saveModelDir(out, config, initWeights(config, makeRng(1)), { dtype: "F32", tokenizerDir: tokens });
  return out;
}
