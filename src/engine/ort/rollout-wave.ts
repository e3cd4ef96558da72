/** Requests as the inputs of a rollout graph. */

import { makeRng } from "../../core/rng.js";
import type { SampleRequest } from "../../core/types.js";
import type { Feeds, OrtModule } from "../onnx/runtime.js";
import { MASKED } from "../qwen2/rotary.js";

/** The largest fp32 below 1. */
const MOST_UNIFORM = 1 - 2 ** -24;
/** Padded prompt lengths are a multiple of this, so that the rows of the cache are aligned. */
const ALIGN = 8;
/** Padded tokens of distinct prompts in one run: bounds the prefill's activations. */
const PROMPT_TOKENS = 65_536;
/** Tokens that a request can get. */
export const limitOf = ({ sampling, promptIds }: SampleRequest, maxLength: number): number =>
  Math.min(sampling.maxTokens, maxLength - promptIds.length);

const paddedPrompt = (request: SampleRequest): number =>
  Math.max(1, Math.ceil((request.promptIds.length - 1) / ALIGN)) * ALIGN;

/** Requests in order, cut so that a run's count and padded prompt tokens stay within bounds. */
export function* wavesOf(requests: readonly SampleRequest[], most: number): Iterable<SampleRequest[]> {
  let wave: SampleRequest[] = [];
  let prompts = new Set<string>();
  let longest = 0;
  for (const request of requests) {
    const key = request.promptIds.join();
    const length = Math.max(longest, paddedPrompt(request));
    const distinct = prompts.size + (prompts.has(key) ? 0 : 1);
    if (wave.length > 0 && (wave.length >= most || distinct * length > PROMPT_TOKENS)) {
      yield wave;
      wave = [];
      prompts = new Set();
      longest = 0;
    }
    wave.push(request);
    prompts.add(key);
    longest = Math.max(longest, paddedPrompt(request));
  }
  if (wave.length > 0) yield wave;
}

export interface Packed {
  /**
   * D distinct prompts of P padded tokens (all but the last one; the decoder's B and T), R requests of S places, F rows to
   * begin with.
   */
  readonly symbols: {
    B: number;
    T: number;
    C: number;
    N: number;
    P: number;
    D: number;
    R: number;
    S: number;
    F: number;
  };
  readonly feeds: Feeds;
}

export function packWave(
  ort: OrtModule,
  wave: readonly SampleRequest[],
  options: { maxLength: number; slots: number; chunk: number; greedy: boolean },
): Packed {
  const prompts = new Map<string, { index: number; ids: Int32Array }>();
  const promptOf = wave.map(({ promptIds }) => {
    const key = promptIds.join();
    let known = prompts.get(key);
    if (known === undefined) {
      known = { index: prompts.size, ids: promptIds };
      prompts.set(key, known);
    }
    return known.index;
  });
  const D = prompts.size;
  const R = wave.length;
  const P = Math.max(...wave.map(paddedPrompt));
  // A row that has ended runs on to its chunk's end.
  const S = Math.max(...wave.map((r) => limitOf(r, options.maxLength))) + options.chunk;
  const promptIds = new Int32Array(D * P);
  const promptMask = new Float32Array(D * P).fill(MASKED);
  for (const { index, ids } of prompts.values()) {
    promptIds.set(ids.subarray(0, ids.length - 1), index * P);
    promptMask.fill(0, index * P, index * P + ids.length - 1);
  }
  const uniforms = new Float32Array(R * S);
  wave.forEach((request, r) => {
    if (request.sampling.temperature === 0) return;
    const rng = makeRng(request.seed);
    const end = r * S + limitOf(request, options.maxLength);
    for (let i = r * S; i < end; i++) uniforms[i] = Math.min(MOST_UNIFORM, rng.uniform());
  });
  const begin = Math.min(R, options.slots);
  const int64 = (values: readonly number[]) =>
    new ort.Tensor("int64", BigInt64Array.from(values, BigInt), [values.length]);
  const float = (values: readonly number[]) =>
    new ort.Tensor("float32", Float32Array.from(values), [values.length]);
  const feeds: Feeds = {
    promptIds: new ort.Tensor("int32", promptIds, [D * P]),
    promptMask: new ort.Tensor("float32", promptMask, [D, 1, 1, P]),
    lastId: int64(wave.map((r) => r.promptIds.at(-1)!)),
    position: int64(wave.map((r) => r.promptIds.length - 1)),
    shift: int64(wave.map((request, r) => r * S - (request.promptIds.length - 1))),
    promptOf: int64(promptOf),
    left: float(wave.map((r) => limitOf(r, options.maxLength))),
    invTemperature: float(
      wave.map(({ sampling: { temperature } }) => (temperature === 0 ? 1 : 1 / temperature)),
    ),
    uniforms: new ort.Tensor("float32", uniforms, [R * S]),
    start: int64(Array.from({ length: begin }, (_, i) => i)),
  };
  if (options.greedy) {
    const flags = Uint8Array.from(wave, (r) => (r.sampling.temperature === 0 ? 1 : 0));
    feeds.greedy = new ort.Tensor("bool", flags, [R]);
  }
  return { symbols: { B: D, T: P, C: P, N: D * P, P, D, R, S, F: begin }, feeds };
}
