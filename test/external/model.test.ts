import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeRng } from "../../src/core/rng.js";
import type { Batch } from "../../src/core/types.js";
import { step } from "../../src/core/units.js";
import { acceleratorRoot, readInstalled } from "../../src/engine/accelerator/installed.js";
import { startEngine } from "../../src/engine/client.js";
import { flatLayout } from "../../src/engine/qwen2/flat.js";
import type { Qwen2Config } from "../../src/model/config.js";
import { loadModelDir, saveModelDir } from "../../src/model/hf.js";
import { countParameters, initWeights } from "../../src/model/parameters.js";
import { openSafetensors } from "../../src/model/safetensors.js";
import { REAL, train } from "../cli/spawned.js";
import { tinyConfig } from "../model/fixtures.js";
import { describeExternal, runPython } from "./python.js";

interface Reply {
  readonly logprobs: number[][];
  readonly architecture: string;
  readonly parameters: number;
  readonly missing: string[];
  readonly unexpected: string[];
  readonly loss: number;
}

const temperature = 0.7;
const rng = makeRng("rows");
const rows = [2, 40, 7, 19].map((length) => Array.from({ length }, () => rng.int(300)));

/** Weights large enough that attention and norms matter: 0.02 would leave everything near uniform. */
const loud = { initializerRange: 0.2 };
const made: readonly (readonly [string, Qwen2Config, "F32" | "BF16"])[] = [
  ["tied", tinyConfig(loud), "F32"],
  ["untied", tinyConfig({ ...loud, tieWordEmbeddings: false, ropeTheta: 1e6, numKvHeads: 4 }), "F32"],
  ["bf16", tinyConfig({ ...loud, numLayers: 3, numKvHeads: 1 }), "BF16"],
];
const primer = fileURLToPath(new URL("../../checkpoints/primer-base", import.meta.url));
/** The shipped policy, and what a run of one step on it exports. */
const models = [...made.map(([name]) => name), "primer", "export"];
const hasTokenizer = (name: string): boolean => name === "primer" || name === "export";

/** A reinforcement run of one step through the command line. */
async function exportRun(cwd: string): Promise<void> {
  const small = ["rl.steps=1", "rl.groups=4", "rl.group_size=4", "rl.sampling.min_groups=1"];
  const evals = ["eval.every=0", "eval.final_problems=4", "eval.final_samples=1"];
  const words = [
    "--stage",
    "rl",
    "--config",
    "adaptive-dapo.yaml",
    "run.dir=.",
    "--name",
    "run",
    ...small,
    ...evals,
  ];
  const ended = await train(words, { main: REAL, cwd, env: { VERILOOP_CACHE: join(cwd, "cache") } });
  expect(ended.code, ended.stderr).toBe(0);
}

/** Euclidean; Math.hypot takes its terms as arguments, and there are too many. */
const length = (xs: Float32Array): number => Math.sqrt(xs.reduce((s, x) => s + x * x, 0));

/** Cross-entropy, averaged over all positions but the first of each row. */
function batch(): Batch {
  const n = rows.flat().length;
  const rowStart = Int32Array.from([0, ...rows.map((_, i) => rows.slice(0, i + 1).flat().length)]);
  const lossMask = new Uint8Array(n).fill(1);
  for (const start of rowStart.subarray(0, rows.length)) lossMask[start] = 0;
  const lossTokens = n - rows.length;
  return {
    step: step(1),
    tokenIds: Int32Array.from(rows.flat()),
    rowStart,
    lossMask,
    weights: new Float32Array(n).fill(1),
    behaviorLogprobs: new Float32Array(n),
    advantages: new Float32Array(n),
    groupIds: new Int32Array(rows.length),
    divisor: lossTokens,
    lossTokens,
    temperature,
    loss: { kind: "ce" },
  };
}

describeExternal("transformers, on model directories of ours", () => {
  let dir: string;
  let replies: ReadonlyMap<string, Reply>;
  const dirOf = (name: string) =>
    name === "primer" ? primer : join(dir, name === "export" ? "run/export" : name);
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "external-"));
    for (const [name, config, dtype] of made) {
      // Biases start at zero and norms at one: a mistake in them shows only when they do not.
      const weights = initWeights(config, makeRng(name));
      const bias = makeRng(`${name}/bias`);
      for (const [key, values] of weights) {
        const first = key.endsWith(".bias") ? 0 : key.endsWith("norm.weight") ? 1 : null;
        for (let i = 0; first !== null && i < values.length; i++) values[i] = first + 0.3 * bias.normal();
      }
      await saveModelDir(dirOf(name), config, weights, { dtype });
    }
    await exportRun(dir);
    const request = models.map((name) => ({ dir: dirOf(name), gradients: join(dir, `${name}.grad`) }));
    const answer = (await runPython("logprobs.py", [], { models: request, rows, temperature })) as Reply[];
    replies = new Map(answer.map((reply, i) => [models[i]!, reply]));
  }, 180_000);
  afterAll(() => rm(dir, { recursive: true }));

  test.each(models)("loads it whole: %s", async (name) => {
    const reply = replies.get(name)!;
    const { config } = await loadModelDir(dirOf(name), { tokenizer: hasTokenizer(name) });
    expect(reply.architecture).toBe("Qwen2ForCausalLM");
    expect(reply.parameters).toBe(countParameters(config));
    expect([reply.missing, reply.unexpected]).toEqual([[], []]);
  });

  const learners = [
    "ort-cpu",
    ...(readInstalled(acceleratorRoot()).kind === "there" ? (["tfjs-node"] as const) : []),
  ] as const;
  test.runIf(learners.length === 1)(
    "tfjs-node's (skipped: tfjs is not installed: scripts/setup --cpu-tfjs)",
    (context) => context.skip(),
  );
  const pairs = learners.flatMap((learner) => models.map((name) => [learner, name] as const));
  test.each(pairs)("gives the log-probabilities and gradients of %s: %s", async (learner, name) => {
    const model = await loadModelDir(dirOf(name), { tokenizer: false });
    const engine = await startEngine({ model, maxLength: 64, learner: [learner] });
    try {
      const reply = replies.get(name)!;
      const ours = await engine.logprobs(batch());
      const theirs = reply.logprobs.flat();
      expect(ours).toHaveLength(theirs.length);
      const gap = Math.max(...theirs.map((x, i) => Math.abs(x - ours[i]!)));
      expect(gap).toBeLessThan(1e-4);
      expect(Math.min(...theirs)).toBeLessThan(-3);

      const { loss, gradient } = await engine.gradients(batch(), 64);
      expect(Math.abs(loss - reply.loss)).toBeLessThan(1e-4);
      const file = await openSafetensors(join(dir, `${name}.grad`));
      for (const { name: key, offset, size } of flatLayout(model.config).slots) {
        const want = await file.readFloats(key);
        const got = gradient.subarray(offset, offset + size);
        const norm = length(want);
        const off = length(want.map((x, i) => x - got[i]!));
        expect(off, key).toBeLessThan(1e-3 * norm + 1e-7);
      }
      await file.close();
    } finally {
      await engine.close();
    }
  });
});
