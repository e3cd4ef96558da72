/** Sampled log-probs beside those of the train graph on the CPU. */

import type { Batch, Completion, SampleRequest } from "../../../src/core/types.js";
import { step } from "../../../src/core/units.js";
import type { OrtModule } from "../../../src/engine/onnx/runtime.js";
import { makeOrtLearner } from "../../../src/engine/ort/learner.js";
import type { FlatLayout } from "../../../src/engine/qwen2/flat.js";
import type { Qwen2Config } from "../../../src/model/config.js";

/** Rollouts that are compared: the CPU needs a while for each. */
const COMPARED = 8;

export async function trainGraphGap(
  ort: OrtModule,
  model: { config: Qwen2Config; layout: FlatLayout; weights: Float32Array; maxLength: number },
  requests: readonly SampleRequest[],
  done: readonly Completion[],
): Promise<{ tokens: number; mean: number; max: number }> {
  const prompts = new Map(requests.map((r) => [r.id, r.promptIds]));
  const stride = Math.max(1, Math.floor(done.length / COMPARED));
  const rows = done.filter((_, i) => i % stride === 0).slice(0, COMPARED);
  const tokenIds: number[] = [];
  const behavior: number[] = [];
  const rowStart = [0];
  for (const { id, completionIds, logprobs } of rows) {
    const prompt = prompts.get(id)!;
    tokenIds.push(...prompt, ...completionIds);
    behavior.push(...Array.from(prompt, () => Number.NaN), ...logprobs);
    rowStart.push(tokenIds.length);
  }
  const n = tokenIds.length;
  const batch: Batch = {
    step: step(1),
    tokenIds: Int32Array.from(tokenIds),
    rowStart: Int32Array.from(rowStart),
    lossMask: Uint8Array.from(behavior, (b) => (Number.isNaN(b) ? 0 : 1)),
    weights: new Float32Array(n).fill(1),
    behaviorLogprobs: Float32Array.from(behavior, (b) => (Number.isNaN(b) ? 0 : b)),
    advantages: new Float32Array(n),
    groupIds: Int32Array.from(rows, (_, i) => i),
    divisor: 1,
    lossTokens: behavior.filter((b) => !Number.isNaN(b)).length,
    temperature: 1,
    loss: { kind: "ce" },
  };
  const trainer = makeOrtLearner(ort, { ...model, threads: 1 });
  const logp = await trainer.logprobs(batch, 1024);
  await trainer.close();
  const gaps = behavior.flatMap((b, i) => (Number.isNaN(b) ? [] : [Math.abs(logp[i]! - b)]));
  return {
    tokens: gaps.length,
    mean: gaps.reduce((a, b) => a + b, 0) / gaps.length,
    max: gaps.reduce((a, b) => Math.max(a, b), 0),
  };
}
