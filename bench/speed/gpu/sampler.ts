/**
 * Speed of the rollout sampler, random weights, every rollout at its full length:
 *   npx tsx bench/speed/gpu/sampler.ts --provider cuda|webgpu|cpu [--shape 121M,24.7M,1.8M] [--rollouts 512]
 *     [--prompts 32] [--prompt-tokens 100] [--new 256 | --new 55-176] [--slots N] [--chunk 32] [--unroll 1]
 *     [--cache whole|split|grown] [--products fused|plain] [--tf32] [--refill on|off] [--repeat 3] [--check] [--host] [--profile]
 *     [--save DIR] [--out FILE]
 *
 * The first run makes the session and is not counted. --check compares log-probs with the train graph on the CPU;
 * --host measures the CPU's step-graph sampler beside it; --profile adds a table of time by op, which costs speed;
 * --save writes the weights and 64 rollouts of the last run, for vllm_sampler.py (one shape only).
 */

import { mkdtempSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { TrainError } from "../../../src/core/errors.js";
import { makeRng } from "../../../src/core/rng.js";
import type { Completion, SampleRequest } from "../../../src/core/types.js";
import { policyVersion, seed } from "../../../src/core/units.js";
import type { Provider } from "../../../src/engine/onnx/provider.js";
import { loadOrt } from "../../../src/engine/onnx/runtime.js";
import { type Generator, makeGenerator } from "../../../src/engine/ort/generator.js";
import { makeRolloutGenerator } from "../../../src/engine/ort/rollout-generator.js";
import { flatLayout, packWeights } from "../../../src/engine/qwen2/flat.js";
import { CACHE_FORMS, PRODUCTS } from "../../../src/engine/qwen2/rollout-step.js";
import type { Qwen2Config } from "../../../src/model/config.js";
import { initWeights } from "../../../src/model/parameters.js";
import { trainGraphGap } from "./gap.js";
import { opTimes, printOpTimes } from "./profile.js";
import { saveRun } from "./save.js";
import { SHAPES } from "./shapes.js";

const { values: flags } = parseArgs({
  options: {
    provider: { type: "string", default: "cpu" },
    shape: { type: "string", default: "121M,24.7M,1.8M" },
    rollouts: { type: "string", default: "512" },
    prompts: { type: "string", default: "32" },
    "prompt-tokens": { type: "string", default: "100" },
    new: { type: "string", default: "256" },
    slots: { type: "string" },
    chunk: { type: "string", default: "32" },
    unroll: { type: "string", default: "1" },
    cache: { type: "string" },
    products: { type: "string" },
    threads: { type: "string", default: "1" },
    tf32: { type: "boolean", default: false },
    refill: { type: "string" },
    repeat: { type: "string", default: "3" },
    check: { type: "boolean", default: false },
    host: { type: "boolean", default: false },
    profile: { type: "boolean", default: false },
    save: { type: "string" },
    out: { type: "string" },
  },
});
const PROVIDERS: readonly Provider[] = ["cpu", "cuda", "webgpu"];
const provider = PROVIDERS.find((p) => p === flags.provider) as Provider;
if (provider === undefined) throw new Error(`--provider must be one of ${PROVIDERS.join(", ")}`);
const cache = CACHE_FORMS.find((form) => form === flags.cache);
if (flags.cache !== undefined && cache === undefined)
  throw new Error(`--cache: one of ${CACHE_FORMS.join(", ")}`);
const products = PRODUCTS.find((form) => form === flags.products);
if (flags.products !== undefined && products === undefined) throw new Error("--products: fused or plain");
const names = flags.shape.split(",");
if (flags.save !== undefined && names.length > 1)
  throw new Error(`--save takes one shape, got ${flags.shape}: add --shape 121M`);
if (flags.refill !== undefined && !["on", "off"].includes(flags.refill))
  throw new Error("--refill: on or off");
const rollouts = Number(flags.rollouts);
const promptTokens = Number(flags["prompt-tokens"]);
const [shortest = 0, longest = shortest] = flags.new.split("-").map(Number);
const repeat = Number(flags.repeat);
const slots = Number(flags.slots ?? flags.rollouts);
const maxLength = promptTokens + longest;

function makeRequests(config: Qwen2Config, round: number): SampleRequest[] {
  const rng = makeRng("bench");
  const prompts = Array.from({ length: Number(flags.prompts) }, () =>
    Int32Array.from({ length: promptTokens }, () => rng.int(config.vocabSize)),
  );
  return Array.from({ length: rollouts }, (_, i) => ({
    id: `r${i}`,
    promptIds: prompts[Math.floor((i * prompts.length) / rollouts)]!,
    seed: seed(round * rollouts + i),
    sampling: { temperature: 1, topP: 1, maxTokens: shortest + rng.int(longest - shortest + 1) },
  }));
}

async function timed(generator: Generator, config: Qwen2Config, times: number) {
  const seconds: number[] = [];
  const cpuSeconds: number[] = [];
  let done: Completion[] = [];
  for (let round = 0; round <= times; round++) {
    done = [];
    const cpu = process.cpuUsage();
    const began = performance.now();
    await generator.run(
      makeRequests(config, round),
      policyVersion(0),
      (c) => void done.push(c),
      () => false,
    );
    seconds.push((performance.now() - began) / 1000);
    const used = process.cpuUsage(cpu);
    cpuSeconds.push((used.user + used.system) / 1e6);
  }
  const tokens = done.reduce((sum, c) => sum + c.completionIds.length, 0);
  const sorted = (xs: readonly number[]): number[] => xs.slice(1).sort((a, b) => a - b);
  const perSecond = (xs: readonly number[]): number => Math.round(tokens / sorted(xs)[(xs.length - 1) >> 1]!);
  return {
    done,
    tokens,
    firstSeconds: seconds[0]!,
    seconds: sorted(seconds),
    tokensPerSecond: perSecond(seconds),
    tokensPerCpuSecond: perSecond(cpuSeconds),
  };
}

const ort = await loadOrt();
process.on("uncaughtException", (error) => {
  const hint = error instanceof TrainError ? error.hint : undefined;
  console.error(hint === undefined ? error : `${error.message}\n${hint}`);
  process.exit(1);
});
const results = [];
for (const name of names) {
  const config = SHAPES[name];
  if (config === undefined) throw new Error(`--shape must name ${Object.keys(SHAPES).join(", ")}`);
  const layout = flatLayout(config);
  const weights = new Float32Array(layout.size);
  packWeights(layout, initWeights(config, makeRng("bench")), weights);
  const shared = { config, layout, weights, maxLength, slots, threads: Number(flags.threads) };
  const prefix = flags.profile ? join(mkdtempSync(join(tmpdir(), "sampler-")), "profile") : undefined;
  const generator = makeRolloutGenerator(ort, {
    ...shared,
    provider,
    chunk: Number(flags.chunk),
    unroll: Number(flags.unroll),
    ...(cache !== undefined && { cache }),
    ...(products !== undefined && { products }),
    tf32: flags.tf32,
    ...(flags.refill !== undefined && { refill: flags.refill === "on" }),
    ...(prefix !== undefined && { profile: prefix }),
  });
  const { done, ...measured } = await timed(generator, config, repeat);
  const { steps, runMs } = generator.counters;
  await generator.close();
  if (flags.save !== undefined) await saveRun(flags.save, shared, makeRequests(config, repeat), done);
  const result = {
    shape: name,
    parameters: layout.size,
    ...measured,
    steps: steps / (repeat + 1),
    msPerStep: Number(((measured.seconds[repeat >> 1]! * 1000 * (repeat + 1)) / steps).toFixed(3)),
    outsideRuns: Number(
      (1 - runMs / 1000 / (measured.firstSeconds + measured.seconds.reduce((a, b) => a + b, 0))).toFixed(3),
    ),
    logprobGap: flags.check ? await trainGraphGap(ort, shared, makeRequests(config, repeat), done) : null,
    host: null as { tokensPerSecond: number; tokensPerCpuSecond: number } | null,
  };
  console.log(
    `${name.padEnd(6)} ${provider} ${result.tokensPerSecond} tokens/s, ${result.tokensPerCpuSecond} a CPU second, ${result.msPerStep} ms a decode step ` +
      `(prefill and upload included), first run ${measured.firstSeconds.toFixed(1)} s`,
  );
  if (result.logprobGap !== null)
    console.log(`       log-prob gap to the train graph: ${JSON.stringify(result.logprobGap)}`);
  if (flags.host) {
    const host = makeGenerator(ort, { ...shared, slots: Math.min(slots, 64) });
    const { tokensPerSecond, tokensPerCpuSecond } = await timed(host, config, 1);
    await host.close();
    result.host = { tokensPerSecond, tokensPerCpuSecond };
    console.log(
      `       step graph on the CPU: ${tokensPerSecond} tokens/s, ${tokensPerCpuSecond} a CPU second`,
    );
  }
  if (prefix !== undefined) printOpTimes(opTimes(prefix), provider, steps);
  results.push(result);
}

const report = JSON.stringify({
  bench: "speed/gpu/sampler",
  date: new Date().toISOString().slice(0, 10),
  flags,
  results,
  machine: { cpu: cpus()[0]?.model ?? "unknown", cores: cpus().length },
  versions: { node: process.version, ort: ort.env.versions.node ?? ort.env.versions.common },
});
console.log(report);
if (flags.out !== undefined) writeFileSync(flags.out, `${report}\n`);
process.exit(0);
