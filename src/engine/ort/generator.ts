/**
 * The sampler's half of the engine: continuous batching over `slots` rows. A finished row is refilled with the next
 * request in order; when none waits, the last running row moves into its place, so the batch shrinks. Each rollout
 * draws from a stream of its own, and a row's arithmetic does not depend on the other rows.
 */

import { TrainError } from "../../core/errors.js";
import { makeRng, type Rng } from "../../core/rng.js";
import type { Completion, SampleRequest } from "../../core/types.js";
import type { PolicyVersion } from "../../core/units.js";
import type { Qwen2Config } from "../../model/config.js";
import type { Provider } from "../onnx/provider.js";
import { createSession, type Feeds, type GraphSession, type OrtModule } from "../onnx/runtime.js";
import { type FlatLayout, layerNames } from "../qwen2/flat.js";
import { MASKED } from "../qwen2/rotary.js";
import { buildPrefillGraph, buildStepGraph, fusedNames } from "../qwen2/step-graph.js";
import { drawToken, softmax } from "./draw.js";
import { type KvCache, makeKvCache } from "./kv-cache.js";
import { makePrefiller } from "./prefill.js";

export interface GeneratorOptions {
  readonly config: Qwen2Config;
  readonly layout: FlatLayout;
  readonly weights: Float32Array;
  readonly threads: number;
  readonly provider?: Provider;
  readonly slots: number;
  readonly maxLength: number;
  readonly profile?: string;
}

export interface Generator {
  run(
    requests: readonly SampleRequest[],
    version: PolicyVersion,
    emit: (completion: Completion) => void,
    aborted: () => boolean,
  ): Promise<void>;
  close(): Promise<void>;
}

/** The batch is rounded up to this many rows: a product with one row takes another code path with other rounding. */
const ROW_STEP = 4;

interface Row {
  readonly request: SampleRequest;
  readonly rng: Rng;
  readonly ids: number[];
  readonly logprobs: number[];
  /** Position of the token to be fed next. */
  position: number;
}

export function makeGenerator(ort: OrtModule, options: GeneratorOptions): Generator {
  const { config, layout, weights, maxLength } = options;
  const slots = Math.ceil(options.slots / ROW_STEP) * ROW_STEP;
  const view = (from: string, to: string, dims: readonly number[]) => {
    const end = layout.slot(to);
    return new ort.Tensor("float32", weights.subarray(layout.slot(from).offset, end.offset + end.size), [
      ...dims,
    ]);
  };
  const parameters: Feeds = {};
  for (const { name, shape } of layout.slots) parameters[name] = view(name, name, shape);
  const fused = fusedFeeds(config, view);
  const eos = new Set(config.eosTokenIds);
  let engine: Promise<{ prefill: GraphSession; step: GraphSession; cache: KvCache }> | undefined;
  const start = async () => {
    const session = (graph: ReturnType<typeof buildStepGraph>) =>
      createSession(ort, graph, {
        threads: options.threads,
        provider: options.provider ?? "cpu",
        ...(options.profile !== undefined && { profile: options.profile }),
      });
    return {
      prefill: await session(buildPrefillGraph(config, layout, maxLength)),
      step: await session(buildStepGraph(config, layout, maxLength)),
      cache: makeKvCache(config, slots, maxLength),
    };
  };

  const generator: Generator = {
    async run(requests, version, emit, aborted) {
      for (const request of requests) checkRequest(request, maxLength, config.vocabSize);
      engine ??= start();
      const { prefill, step, cache } = await engine;
      const prefiller = makePrefiller(ort, config, parameters, prefill, requests);
      const stepper = makeStepper(ort, config, { ...parameters, ...fused }, step, cache, slots);
      const rows: Row[] = [];
      let next = 0;

      /** Appends a token; true when the rollout is complete (and emitted). */
      const extend = (row: Row, probs: Float32Array): boolean => {
        const { sampling, promptIds, id } = row.request;
        const drawn = drawToken(probs, sampling, sampling.temperature === 0 ? 0 : row.rng.uniform());
        row.ids.push(drawn.id);
        row.logprobs.push(drawn.logprob);
        const stop = eos.has(drawn.id);
        const full = row.ids.length >= sampling.maxTokens || promptIds.length + row.ids.length >= maxLength;
        if (!stop && !full) return false;
        emit({
          id,
          completionIds: Int32Array.from(row.ids),
          logprobs: Float32Array.from(row.logprobs),
          finish: stop ? "stop" : "length",
          policyVersion: version,
        });
        return true;
      };

      /** The next request that needs a row, prefilled and with its first token drawn, put at `place`. */
      const admit = async (place: number): Promise<boolean> => {
        while (next < requests.length && !aborted()) {
          const request = requests[next++]!;
          const filled = await prefiller.take(request);
          const row: Row = {
            request,
            rng: makeRng(request.seed),
            ids: [],
            logprobs: [],
            position: request.promptIds.length,
          };
          if (extend(row, softmax(filled.logits, request.sampling.temperature))) continue;
          rows[place] = row;
          if (row.position + 1 > cache.length) cache.resize(row.position + 1, rows.length);
          cache.load(place, filled.k, filled.v, row.position);
          stepper.place(place, row.position, request.sampling.temperature);
          return true;
        }
        return false;
      };

      while (rows.length < slots && (await admit(rows.length))) {}
      while (rows.length > 0 && !aborted()) {
        const longest = rows.reduce((most, row) => Math.max(most, row.position + 1), 0);
        if (longest > cache.length || longest + 2 * 64 < cache.length) cache.resize(longest, rows.length);
        const { probs, columns } = await stepper.step(rows);
        const finished: number[] = [];
        rows.forEach((row, b) => {
          cache.append(b, row.position, columns, b * stepper.columnSize);
          row.position += 1;
          if (extend(row, probs.subarray(b * config.vocabSize, (b + 1) * config.vocabSize))) finished.push(b);
        });
        const vacant: number[] = [];
        for (const b of finished) if (!(await admit(b))) vacant.push(b);
        for (const b of vacant.toReversed()) {
          const last = rows.length - 1;
          if (b < last) {
            rows[b] = rows[last]!;
            cache.move(last, b);
            stepper.place(b, rows[b].position, rows[b].request.sampling.temperature);
          }
          rows.pop();
        }
      }
    },
    async close() {
      if (engine === undefined) return;
      const { prefill, step } = await engine;
      await prefill.dispose();
      await step.dispose();
    },
  };
  return generator;
}

export type View = (from: string, to: string, dims: readonly number[]) => Feeds[string];

/** q, k, v and gate, up as one matrix each: they lie side by side in the flat weights. */
export function fusedFeeds(config: Qwen2Config, view: View): Feeds {
  const feeds: Feeds = {};
  const d = config.hiddenSize;
  const qkv = (config.numHeads + 2 * config.numKvHeads) * config.headDim;
  for (let l = 0; l < config.numLayers; l++) {
    const names = layerNames(l);
    const fused = fusedNames(l);
    feeds[fused.qkvWeight] = view(names.qWeight, names.vWeight, [qkv, d]);
    feeds[fused.qkvBias] = view(names.qBias, names.vBias, [qkv]);
    feeds[fused.gateUp] = view(names.gateWeight, names.upWeight, [2 * config.intermediateSize, d]);
  }
  return feeds;
}

/** Feeds of the step graph over buffers that are updated in place; tensors are remade only when B or L changes. */
function makeStepper(
  ort: OrtModule,
  config: Qwen2Config,
  parameters: Feeds,
  session: GraphSession,
  cache: KvCache,
  slots: number,
) {
  const { numKvHeads: kv, headDim: hd, numLayers } = config;
  const group = config.numHeads / kv;
  const ids = new Int32Array(slots);
  const positions = new BigInt64Array(slots);
  const column = new Int32Array(slots * kv * group);
  const inverse = new Float32Array(slots).fill(1);
  const used = Object.fromEntries(Object.entries(parameters).filter(([name]) => session.inputs.has(name)));
  let mask = new Float32Array(0);
  let feeds: Feeds = {};
  let shape = { B: 0, L: 0 };

  const place = (row: number, position: number, temperature: number): void => {
    inverse[row] = temperature === 0 ? 1 : 1 / temperature;
    if (shape.L !== cache.length) return; // the whole mask will be remade
    const at = row * shape.L;
    mask.fill(0, at, at + position + 1);
    mask.fill(MASKED, at + position + 1, at + shape.L);
  };

  function reshape(B: number, L: number, rows: readonly Row[]): void {
    if (L !== shape.L) {
      shape = { B, L };
      mask = new Float32Array(slots * L).fill(MASKED);
      for (let b = 0; b < slots; b++) mask[b * L] = 0;
      rows.forEach((row, b) => {
        mask.fill(0, b * L, b * L + row.position + 1);
      });
    }
    shape = { B, L };
    const f32 = (data: Float32Array, dims: number[]) =>
      new ort.Tensor(
        "float32",
        data.subarray(
          0,
          dims.reduce((a, n) => a * n, 1),
        ),
        dims,
      );
    feeds = {
      ...used,
      ids: new ort.Tensor("int32", ids.subarray(0, B), [B]),
      positions: new ort.Tensor("int64", positions.subarray(0, B), [B, 1]),
      column: new ort.Tensor("int32", column.subarray(0, B * kv * group), [B, kv, group, 1, 1]),
      mask: f32(mask, [B, 1, 1, 1, L]),
      invTemperature: f32(inverse, [B, 1]),
    };
    for (let l = 0; l < numLayers; l++) {
      feeds[`k${l}`] = f32(cache.keys[l]!, [B, kv, 1, hd, L]);
      feeds[`v${l}`] = f32(cache.values[l]!, [B, kv, 1, L, hd]);
    }
  }

  return {
    columnSize: numLayers * 2 * kv * hd,
    place,
    async step(rows: readonly Row[]): Promise<{ probs: Float32Array; columns: Float32Array }> {
      const B = Math.ceil(rows.length / ROW_STEP) * ROW_STEP;
      if (B !== shape.B || cache.length !== shape.L) reshape(B, cache.length, rows);
      for (let b = 0; b < B; b++) {
        const row = rows[b];
        const position = row?.position ?? 0;
        ids[b] = row?.ids.at(-1) ?? 0;
        positions[b] = BigInt(position);
        column.fill(position, b * kv * group, (b + 1) * kv * group);
        cache.clearValue(b, position);
        if (row === undefined) place(b, 0, 1);
        else mask[b * shape.L + position] = 0;
      }
      const out = await session.run({ B, L: shape.L }, feeds);
      return { probs: out.probs!.data as Float32Array, columns: out.columns!.data as Float32Array };
    },
  };
}

/** @throws TrainError "data" that names the request and what is wrong with it */
export function checkRequest(request: SampleRequest, maxLength: number, vocabSize: number): void {
  const { id, promptIds, sampling } = request;
  const fail = (message: string, hint: string): never => {
    throw new TrainError("data", `request ${id}: ${message}`, { hint });
  };
  if (promptIds.length === 0) fail("the prompt is empty", "a prompt holds at least one token");
  if (promptIds.length >= maxLength) {
    fail(
      `the prompt has ${promptIds.length} tokens; the engine's limit for prompt and completion together is ${maxLength}`,
      "raise the maximum length or drop problems with long prompts",
    );
  }
  const alien = promptIds.find((token) => token < 0 || token >= vocabSize);
  if (alien !== undefined) {
    fail(
      `token id ${alien} is outside the vocabulary of ${vocabSize}`,
      "tokenizer and model must belong together",
    );
  }
  if (!(sampling.maxTokens >= 1))
    fail(`maxTokens must be at least 1, got ${sampling.maxTokens}`, "raise maxTokens");
  if (!(sampling.temperature >= 0)) {
    fail(`temperature must be >= 0, got ${sampling.temperature}`, "use 0 for greedy");
  }
  if (!(sampling.topP > 0 && sampling.topP <= 1)) {
    fail(`topP must be in (0, 1], got ${sampling.topP}`, "use 1 for no cut");
  }
}
