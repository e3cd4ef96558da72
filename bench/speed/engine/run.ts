/**
 * Training and sampling speed of the embedded engine at 1.77 M parameters, beside tfjs-wasm and (with a Python that has
 * it) PyTorch, in one run: `npx tsx bench/speed/engine/run.ts [--torch-python PATH] [--steps N] [--no-tfjs]`.
 * Tokens per CPU second is the figure: it does not depend on what else the machine does with its other cores.
 */

import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { execa } from "execa";
import { makeRng } from "../../../src/core/rng.js";
import { startEngine } from "../../../src/engine/client.js";
import { initWeights } from "../../../src/model/parameters.js";
import { batch, config, hyper, LENGTH, type Measured, measure, ROWS, requests } from "./shape.js";
import { tfjsWasm } from "./tfjs-wasm.js";

const { values: flags } = parseArgs({
  options: {
    "torch-python": { type: "string" },
    steps: { type: "string", default: "12" },
    "no-tfjs": { type: "boolean", default: false },
  },
});
const steps = Number(flags.steps);
const say = (what: string, m: Measured): void =>
  console.log(
    `${what.padEnd(44)} ${String(m.tokensPerCpuSecond).padStart(7)} tokens/CPU s ${String(m.tokensPerSecond).padStart(7)} tokens/s`,
  );

const engine = await startEngine({
  model: { config, weights: initWeights(config, makeRng("bench")) },
  maxLength: 384,
});
const facts = engine.facts;
const whole = batch(0, "bench");
const masked = batch(1 / 3, "bench");
const grouped = batch(1 / 3, "bench", true);
const train = (data: typeof whole) =>
  measure(2, steps, async () => {
    await engine.train(data, hyper);
    return ROWS * LENGTH;
  });
const training = await train(whole);
say("training, every token predicted", training);
const rl = await train(masked);
say("training, clipped, a third of it prompts", rl);
const group = await train(grouped);
say("training, clipped, 8 rollouts of one prompt", group);
const wanted = requests(128);
const sampling = await measure(1, Math.max(3, steps >> 2), async () => {
  let tokens = 0;
  for await (const c of engine.generate(wanted)) tokens += c.completionIds.length;
  return tokens;
});
say("sampling, 64 rows, prompts of 100, 140 new", sampling);
const rssMiB = Math.round(process.memoryUsage.rss() / 2 ** 20);
await engine.close();

const wasm = flags["no-tfjs"] ? null : await tfjsWasm(3);
if (wasm !== null) say(`tfjs ${wasm.version} wasm, training`, wasm);

interface TorchResult {
  readonly version: string;
  readonly eager: Measured;
  readonly compiled: Measured | null;
}
let torch: TorchResult | null = null;
if (flags["torch-python"] !== undefined) {
  const script = new URL("./torch_train.py", import.meta.url).pathname;
  const { stdout } = await execa(flags["torch-python"], [script, String(steps)]);
  torch = JSON.parse(stdout.trim().split("\n").at(-1)!) as TorchResult;
  say(`PyTorch ${torch.version} eager, training`, torch.eager);
  if (torch.compiled !== null) say(`PyTorch ${torch.version} compiled, training`, torch.compiled);
}

const baseline = torch?.compiled ?? torch?.eager ?? wasm;
console.log(
  JSON.stringify({
    bench: "engine",
    figure: training.tokensPerCpuSecond,
    unit: "training tokens per CPU second",
    baseline: baseline?.tokensPerCpuSecond ?? null,
    baselineName: torch?.compiled ? "PyTorch compiled" : torch ? "PyTorch eager" : wasm ? "tfjs-wasm" : null,
    ratio: baseline ? Number((training.tokensPerCpuSecond / baseline.tokensPerCpuSecond).toFixed(2)) : null,
    training,
    trainingWithPrompts: rl,
    trainingOneGroup: group,
    sampling,
    tfjsWasm: wasm,
    torch,
    parameters: facts.parameters,
    rssMiB,
    machine: { cpu: cpus()[0]?.model ?? "unknown", cores: cpus().length },
    versions: { node: process.version, runtime: facts.runtime },
  }),
);
process.exit(0);
