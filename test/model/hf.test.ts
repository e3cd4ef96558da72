import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { TrainError } from "../../src/core/errors.js";
import { makeRng } from "../../src/core/rng.js";
import { bf16ToF32, f32ToBf16 } from "../../src/model/half.js";
import { loadConfig, loadModelDir, saveModelDir } from "../../src/model/hf.js";
import { initWeights, parameterSpecs } from "../../src/model/parameters.js";
import { readSafetensors, type Tensor, tensorOf, writeSafetensors } from "../../src/model/safetensors.js";
import { saveTokenizer, trainTokenizer } from "../../src/text/tokenizer-files.js";
import { corpusTokenizer } from "../text/fixtures.js";
import { tinyConfig } from "./fixtures.js";

const config = tinyConfig();
const weights = initWeights(config, makeRng(7));
let root: string;
let model: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "hf-"));
  model = join(root, "model");
  await saveTokenizer(join(root, "tokenizer"), trainTokenizer(["some text, some text"], 300, 128));
  await saveModelDir(model, config, weights, { tokenizerDir: join(root, "tokenizer") });
});
afterAll(() => rm(root, { recursive: true }));

async function variant(name: string): Promise<string> {
  await cp(model, join(root, name), { recursive: true });
  return join(root, name);
}

const failure = async (work: Promise<unknown>): Promise<TrainError> => {
  const e = await work.then(
    () => new Error("expected an error"),
    (e) => e,
  );
  if (e instanceof TrainError) return e;
  throw e;
};

const patch = async (path: string, change: object) =>
  writeFile(path, JSON.stringify({ ...JSON.parse(await readFile(path, "utf8")), ...change }));

test("what is saved is loaded, bit for bit in fp32", async () => {
  const loaded = await loadModelDir(model);
  expect(loaded.config).toEqual(config);
  expect([...loaded.weights.keys()]).toEqual(parameterSpecs(config).map((s) => s.name));
  expect(loaded.weights).toEqual(weights);
  expect((await readdir(model)).sort()).toEqual([
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
  ]);
});

test("bf16 on disk is the rounded fp32, and config.json says so", async () => {
  const dir = join(root, "bf16");
  await saveModelDir(dir, config, weights, { dtype: "BF16" });
  const loaded = await loadModelDir(dir, { tokenizer: false });
  for (const [name, values] of weights)
    expect(loaded.weights.get(name)).toEqual(bf16ToF32(f32ToBf16(values)));
  expect(JSON.parse(await readFile(join(dir, "config.json"), "utf8")).torch_dtype).toBe("bfloat16");
  const { metadata } = await readSafetensors(join(dir, "model.safetensors"));
  expect(metadata).toEqual({ format: "pt" });
});

test("ids that end a turn are merged from both files", async () => {
  const dir = await variant("eos");
  await patch(join(dir, "generation_config.json"), { eos_token_id: [5, 2] });
  expect((await loadConfig(dir)).eosTokenIds).toEqual([2, 5]);
  await patch(join(dir, "generation_config.json"), { eos_token_id: 300 });
  expect((await failure(loadConfig(dir))).message).toContain("300 is outside the vocabulary of 300");
  await patch(join(dir, "generation_config.json"), { eos_token_id: null });
  await patch(join(dir, "config.json"), { eos_token_id: null });
  expect((await failure(loadConfig(dir))).message).toContain("no eos_token_id");
});

test("missing, extra, misshaped and mistyped tensors come in one error", async () => {
  const dir = await variant("tensors");
  const { tensors } = await readSafetensors(join(model, "model.safetensors"));
  const changed = new Map<string, Tensor>(tensors);
  changed.delete("model.norm.weight");
  changed.set("model.layers.9.mlp.up_proj.weight", tensorOf("F32", [1], Float32Array.of(0)));
  changed.set("model.layers.0.self_attn.q_proj.bias", tensorOf("F32", [3], new Float32Array(3)));
  changed.set("model.layers.0.self_attn.k_proj.bias", tensorOf("I32", [8], new Int32Array(8)));
  await writeSafetensors(join(dir, "model.safetensors"), changed);
  const e = await failure(loadModelDir(dir));
  expect(e.code).toBe("checkpoint");
  expect(e.details).toEqual([
    "misshaped: model.layers.0.self_attn.q_proj.bias is [3], config.json implies [16]",
    "dtype: model.layers.0.self_attn.k_proj.bias is I32, expected F32, F16 or BF16",
    "missing: model.norm.weight [16]",
    "extra: model.layers.9.mlp.up_proj.weight",
  ]);
});

test("a long list of differences is cut", async () => {
  const dir = await variant("deeper");
  await patch(join(dir, "config.json"), { num_hidden_layers: 40 });
  const e = await failure(loadModelDir(dir));
  expect(e.details).toHaveLength(21);
  expect(e.details.at(-1)).toMatch(/^... and 436 more$/);
});

test("an lm_head beside a shared embedding is left alone; without sharing it is needed", async () => {
  const dir = await variant("head");
  const { tensors } = await readSafetensors(join(model, "model.safetensors"));
  const head = tensors.get("model.embed_tokens.weight")!;
  await writeSafetensors(join(dir, "model.safetensors"), new Map([...tensors, ["lm_head.weight", head]]));
  expect((await loadModelDir(dir)).weights.has("lm_head.weight")).toBe(false);
  await patch(join(dir, "config.json"), { tie_word_embeddings: false });
  expect((await loadModelDir(dir)).weights.get("lm_head.weight")).toEqual(
    weights.get("model.embed_tokens.weight"),
  );
});

async function sharded(name: string): Promise<{ dir: string; map: Record<string, string> }> {
  const dir = await variant(name);
  const { tensors } = await readSafetensors(join(model, "model.safetensors"));
  await rm(join(dir, "model.safetensors"));
  const shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"] as const;
  const parts = [new Map<string, Tensor>(), new Map<string, Tensor>()] as const;
  const map: Record<string, string> = {};
  [...tensors].forEach(([tensor, value], i) => {
    parts[i % 2]!.set(tensor, value);
    map[tensor] = shards[i % 2]!;
  });
  for (const i of [0, 1] as const) await writeSafetensors(join(dir, shards[i]), parts[i]);
  await writeFile(
    join(dir, "model.safetensors.index.json"),
    JSON.stringify({ metadata: {}, weight_map: map }),
  );
  return { dir, map };
}

test("shards give the same weights; a lost or contradicting shard is named", async () => {
  const { dir, map } = await sharded("shards");
  expect((await loadModelDir(dir)).weights).toEqual(weights);
  const wrong = {
    ...map,
    "model.norm.weight": "model-00001-of-00002.safetensors",
    extra: Object.values(map)[0]!,
  };
  await writeFile(join(dir, "model.safetensors.index.json"), JSON.stringify({ weight_map: wrong }));
  const e = await failure(loadModelDir(dir));
  expect(e.message).toContain("does not match its files");
  expect(e.details.join("\n")).toContain("lacks extra");
  await rm(join(dir, "model-00002-of-00002.safetensors"));
  expect((await failure(loadModelDir(dir))).details).toEqual(["model-00002-of-00002.safetensors"]);
});

test("an index cannot point outside its directory", async () => {
  const { dir } = await sharded("escape");
  const map = { "model.norm.weight": "../model/model.safetensors" };
  await writeFile(join(dir, "model.safetensors.index.json"), JSON.stringify({ weight_map: map }));
  const e = await failure(loadModelDir(dir));
  expect(e.details.join()).toContain("expected the name of a .safetensors file beside the index");
});

test.each(["pytorch_model.bin", "model.pt", "consolidated.00.pth"])(
  "%s is refused by name, never read",
  async (name) => {
    const dir = await variant(name);
    await rm(join(dir, "model.safetensors"));
    await writeFile(join(dir, name), "not even a pickle");
    const e = await failure(loadModelDir(dir));
    expect(e.message).toContain(`${name}, a pickle: it is never loaded`);
    expect(e.hint).toContain("save_pretrained");
  },
);

test("no directory, no config, no weights, no tokenizer: each is said", async () => {
  expect((await failure(loadModelDir(join(root, "nowhere")))).message).toContain(
    "cannot read the model directory",
  );
  await mkdir(join(root, "empty"));
  expect((await failure(loadModelDir(join(root, "empty")))).message).toContain("holds no config.json");
  const dir = await variant("parts");
  await rm(join(dir, "tokenizer.json"));
  expect((await failure(loadModelDir(dir))).message).toContain("holds no tokenizer.json");
  await rm(join(dir, "model.safetensors"));
  const e = await failure(loadModelDir(dir, { tokenizer: false }));
  expect(e.message).toContain("holds neither model.safetensors nor model.safetensors.index.json");
});

test("another model's tokenizer is noticed", async () => {
  const dir = await variant("foreign");
  await saveTokenizer(dir, corpusTokenizer());
  const e = await failure(loadModelDir(dir));
  expect(e.message).toMatch(/token ids up to 399, the model's vocab_size is 300/);
});

test("a weight that is missing is never saved over", async () => {
  const fewer = new Map([...weights].slice(1));
  await expect(saveModelDir(join(root, "fewer"), config, fewer)).rejects.toThrow(
    "no weights for model.embed_tokens",
  );
});

test.each([Number.NaN, Number.POSITIVE_INFINITY])(
  "a weight of %d is named with its tensor and place",
  async (bad) => {
    const dir = await variant(`bad-${bad}`);
    const path = join(dir, "model.safetensors");
    const { tensors } = await readSafetensors(path);
    const name = "model.layers.0.mlp.up_proj.weight";
    const old = tensors.get(name)!;
    const values = Float32Array.from(
      new Float32Array(old.data.buffer, old.data.byteOffset, old.data.byteLength / 4),
    );
    values[5] = bad;
    await writeSafetensors(
      path,
      new Map<string, Tensor>([...tensors, [name, tensorOf("F32", old.shape, values)]]),
    );
    const e = await failure(loadModelDir(dir));
    expect(e.code).toBe("checkpoint");
    expect(e.message).toBe(`${dir}: ${name} holds ${bad} at index 5 of ${values.length}`);
  },
);

test("a Git LFS pointer in the place of weights or config is called by its name", async () => {
  const pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00ff\nsize 15231233024\n";
  for (const name of ["model.safetensors", "config.json"]) {
    const dir = await variant(`lfs-${name}`);
    await writeFile(join(dir, name), pointer);
    const e = await failure(loadModelDir(dir));
    expect(e.message).toBe(`${join(dir, name)} is a Git LFS pointer, not the file itself`);
    expect(e.hint).toContain("git lfs pull");
  }
});

test("a byte order mark before config.json is passed over", async () => {
  const dir = await variant("bom");
  const path = join(dir, "config.json");
  await writeFile(path, `\uFEFF${await readFile(path, "utf8")}`);
  expect(await loadConfig(dir)).toEqual(config);
});

test("an adapter without its base model is refused with what to do", async () => {
  const dir = join(root, "adapter");
  await mkdir(dir);
  await writeFile(join(dir, "adapter_config.json"), "{}");
  const e = await failure(loadConfig(dir));
  expect(e.message).toBe(`${dir} holds a LoRA adapter, not a whole model`);
  expect(e.hint).toContain("merge_and_unload");
});
