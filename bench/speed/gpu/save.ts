/** The measured model and some of its rollouts as files, for a sampler outside Node to run and to score. */

import { join } from "node:path";
import type { Completion, SampleRequest } from "../../../src/core/types.js";
import { type FlatLayout, viewsOf } from "../../../src/engine/qwen2/flat.js";
import type { Qwen2Config } from "../../../src/model/config.js";
import { saveModelDir } from "../../../src/model/hf.js";
import { writeJson } from "../../../src/model/hf-files.js";

/** Rollouts that are saved, spread over all prompts: at 256 tokens some 0.5 MB. */
const SAVED = 64;

/** Writes DIR as Hugging Face lays out a model, in fp32 and without a tokenizer, and DIR/rollouts.json. */
export async function saveRun(
  dir: string,
  model: { config: Qwen2Config; layout: FlatLayout; weights: Float32Array },
  requests: readonly SampleRequest[],
  done: readonly Completion[],
): Promise<void> {
  await saveModelDir(dir, model.config, viewsOf(model.layout, model.weights));
  const completions = new Map(done.map((c) => [c.id, c]));
  const stride = Math.max(1, Math.floor(requests.length / SAVED));
  const rollouts = requests
    .filter((_, i) => i % stride === 0)
    .slice(0, SAVED)
    .map(({ id, promptIds }) => {
      const { completionIds, logprobs } = completions.get(id)!;
      return {
        promptIds: Array.from(promptIds), // [P]
        completionIds: Array.from(completionIds), // [T]
        logprobs: Array.from(logprobs), // [T] nats, at temperature 1
      };
    });
  await writeJson(join(dir, "rollouts.json"), { rollouts });
}
