import { expect, test } from "vitest";
import { makeRng } from "../../src/core/rng.js";
import { std } from "../../src/core/stats.js";
import { countParameters, initWeights, parameterSpecs, sizeOf } from "../../src/model/parameters.js";
import { tinyConfig } from "./fixtures.js";

test("counts the published sizes: Qwen2.5-0.5B has 494,032,768 parameters, 7B 7,615,616,512", () => {
  const half = tinyConfig({
    vocabSize: 151936,
    hiddenSize: 896,
    numLayers: 24,
    numHeads: 14,
    numKvHeads: 2,
    headDim: 64,
    intermediateSize: 4864,
  });
  expect(countParameters(half)).toBe(494_032_768);
  const seven = tinyConfig({
    vocabSize: 152064,
    hiddenSize: 3584,
    numLayers: 28,
    numHeads: 28,
    numKvHeads: 4,
    headDim: 128,
    intermediateSize: 18944,
    tieWordEmbeddings: false,
  });
  expect(countParameters(seven)).toBe(7_615_616_512);
});

test("lm_head exists only when the embedding is not shared", () => {
  const names = (tied: boolean) => parameterSpecs(tinyConfig({ tieWordEmbeddings: tied })).map((s) => s.name);
  expect(names(true)).not.toContain("lm_head.weight");
  expect(names(false)).toEqual([...names(true), "lm_head.weight"]);
  expect(new Set(names(false)).size).toBe(2 + 2 * 12 + 1);
});

test("first weights: right sizes and spreads, equal for equal seeds, different for others", () => {
  const config = tinyConfig({ hiddenSize: 64, headDim: 16, intermediateSize: 128 });
  const a = initWeights(config, makeRng(1));
  for (const { name, shape } of parameterSpecs(config)) expect(a.get(name)).toHaveLength(sizeOf(shape));
  expect(std(a.get("model.layers.0.mlp.up_proj.weight")!)).toBeCloseTo(0.02, 3);
  expect(std(a.get("model.layers.1.mlp.down_proj.weight")!)).toBeCloseTo(0.01, 3);
  expect(new Set(a.get("model.layers.0.self_attn.q_proj.bias"))).toEqual(new Set([0]));
  expect(new Set(a.get("model.layers.1.post_attention_layernorm.weight"))).toEqual(new Set([1]));
  expect(initWeights(config, makeRng(1))).toEqual(a);
  expect(initWeights(config, makeRng(2)).get("model.embed_tokens.weight")).not.toEqual(
    a.get("model.embed_tokens.weight"),
  );
});
