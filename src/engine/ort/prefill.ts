/** Runs prompts once each and keeps their keys and values while requests that share them are waiting. */

import type { SampleRequest } from "../../core/types.js";
import type { Qwen2Config } from "../../model/config.js";
import type { Feeds, GraphSession, OrtModule } from "../onnx/runtime.js";
import { causalMask } from "../qwen2/rotary.js";

export interface Prefilled {
  readonly logits: Float32Array; // [V] after the last prompt token
  readonly k: Float32Array; // [layers*KV, hd, P]
  readonly v: Float32Array; // [layers*KV, P, hd]
}

export interface Prefiller {
  /** The prompt's cache; freed when every request that shares the prompt has taken it. */
  take(request: SampleRequest): Promise<Prefilled>;
}

export function makePrefiller(
  ort: OrtModule,
  config: Qwen2Config,
  parameters: Feeds,
  session: GraphSession,
  requests: readonly SampleRequest[],
): Prefiller {
  const keyOf = (request: SampleRequest): string => request.promptIds.join();
  const waiting = new Map<string, number>();
  for (const request of requests) waiting.set(keyOf(request), (waiting.get(keyOf(request)) ?? 0) + 1);
  const done = new Map<string, Prefilled>();
  const group = config.numHeads / config.numKvHeads;

  async function run(ids: Int32Array): Promise<Prefilled> {
    const length = ids.length;
    const out = await session.run(
      { B: 1, T: length, C: length, N: length, R: 1 },
      {
        ...parameters,
        ids: new ort.Tensor("int32", Int32Array.from(ids), [length]),
        rows: new ort.Tensor("int32", Int32Array.of(length - 1), [1]),
        mask0: new ort.Tensor("float32", causalMask(group, length, 0), [group * length, length]),
      },
    );
    return {
      logits: out.logits!.data as Float32Array,
      k: out.k!.data as Float32Array,
      v: out.v!.data as Float32Array,
    };
  }

  return {
    async take(request) {
      const key = keyOf(request);
      const filled = done.get(key) ?? (await run(request.promptIds));
      const left = waiting.get(key)! - 1;
      waiting.set(key, left);
      if (left > 0) done.set(key, filled);
      else done.delete(key);
      return filled;
    },
  };
}
