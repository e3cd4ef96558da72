/**
 * A sampler that decodes whole rollouts in one graph run (`qwen2/rollout-graph.ts`), for devices from which fetching
 * the cache or the logits of every token would cost more than computing them: onnxruntime's CUDA provider gives Node no
 * tensors on the device, so what must stay there has to stay inside a run. It runs on the CPU provider too.
 *
 * The weights are fed again in every run: in-place updates and adopted weights are seen by the next one, and a copy to
 * the device (about 50 ms for 500 MB) is small beside a run of hundreds of tokens. The alternative, a session with the
 * weights inside for every version, costs more to make than to copy.
 *
 * Draws are those of the host's sampler from the same seeds, but in fp32: a uniform within rounding of the edge of a
 * token's share may fall to its neighbour (seen: for 6e-5 of the tokens at V = 1,500, 1.5e-4 at 1,024, 5e-4 at 8,192).
 * Other rows change a row's rounding (log-probs by about 1e-6), not the distribution it draws from.
 */

import { messageOf, TrainError } from "../../core/errors.js";
import type { Completion, SampleRequest } from "../../core/types.js";
import type { PolicyVersion } from "../../core/units.js";
import type { Provider } from "../onnx/provider.js";
import { createSession, type Feeds, type GraphSession, type OrtModule } from "../onnx/runtime.js";
import { buildRolloutGraph } from "../qwen2/rollout-graph.js";
import type { CacheForm, Products } from "../qwen2/rollout-step.js";
import { causalMask } from "../qwen2/rotary.js";
import { checkRequest, fusedFeeds, type Generator, type GeneratorOptions, type View } from "./generator.js";
import { lruCache } from "./lru.js";
import { limitOf, packWave, wavesOf } from "./rollout-wave.js";

export interface RolloutGeneratorOptions extends GeneratorOptions {
  readonly provider: Provider;
  /** Decode steps between two repackings; default 32. */
  readonly chunk?: number;
  /** Decode steps unrolled in one iteration; default 1. */
  readonly unroll?: number;
  /** Default: `cacheFormFor` the model. */
  readonly cache?: CacheForm;
  /** Default: plain on WebGPU, else fused. */
  readonly products?: Products;
  /** Whether rows that end make room for waiting requests within a run (default); else these get a run of their own. */
  readonly refill?: boolean;
  /** CUDA may round the factors of matrix products to 10 bits (faster; log-probs then differ by about 1e-3). */
  readonly tf32?: boolean;
  /** Told when the rows had to be halved, in a sentence. */
  readonly note?: (text: string) => void;
}

export interface RolloutCounters {
  /** Rows side by side at most; halved once when the device's memory does not hold them. */
  slots: number;
  runs: number;
  chunks: number;
  /** Decode steps, each of all the rows that ran. */
  steps: number;
  tokens: number;
  /** Wall time inside graph runs, milliseconds. */
  runMs: number;
}

export interface RolloutGenerator extends Generator {
  /** Sums over all runs so far. */
  readonly counters: Readonly<RolloutCounters>;
}

const DEFAULT_CHUNK = 32;
/** Parameters up to which a step is bound by launches, not by the copies of form `whole`. */
const LAUNCH_BOUND = 10_000_000;
/** Requests of one run in rows that run side by side: an abort waits for the run's end. */
const ROUNDS = 4;

export function makeRolloutGenerator(ort: OrtModule, options: RolloutGeneratorOptions): RolloutGenerator {
  const { config, layout, weights, maxLength, slots } = options;
  const chunk = options.chunk ?? DEFAULT_CHUNK;
  const unroll = options.unroll ?? 1;
  if (!(chunk >= 1 && unroll >= 1 && chunk % unroll === 0)) {
    throw new TrainError(
      "config",
      `the rollout chunk must be a multiple of unroll, got ${chunk} and ${unroll}`,
    );
  }
  const view: View = (from, to, dims) => {
    const end = layout.slot(to);
    const data = weights.subarray(layout.slot(from).offset, end.offset + end.size);
    return new ort.Tensor("float32", data, [...dims]);
  };
  const parameters: Feeds = fusedFeeds(config, view);
  for (const { name, shape } of layout.slots) parameters[name] = view(name, name, shape);
  const keepGoing = new Float32Array(config.vocabSize).fill(1);
  for (const id of config.eosTokenIds) keepGoing[id] = 0;
  parameters.keepGoing = new ort.Tensor("float32", keepGoing, [config.vocabSize]);

  const sessions = lruCache<GraphSession>(4, (session) => session.dispose());
  const counters: RolloutCounters = { slots, runs: 0, chunks: 0, steps: 0, tokens: 0, runMs: 0 };
  const refills = options.refill ?? true;
  let rows = slots;
  let halved = false;
  const session = (greedy: boolean, refill: boolean): Promise<GraphSession> =>
    sessions.get(`${greedy} ${refill}`, () =>
      createSession(
        ort,
        buildRolloutGraph(config, layout, {
          maxLength,
          chunk,
          unroll,
          cache: options.cache ?? cacheFormFor(options.provider, layout.size),
          products: options.products ?? (options.provider === "webgpu" ? "plain" : "fused"),
          greedy,
          slots: refill ? rows : null,
        }),
        {
          threads: options.threads,
          provider: options.provider,
          tf32: options.tf32 ?? false,
          ...(options.profile !== undefined && { profile: options.profile }),
        },
      ),
    );

  async function decode(wave: readonly SampleRequest[], version: PolicyVersion): Promise<Completion[]> {
    const greedy = wave.some((r) => r.sampling.temperature === 0);
    const graph = await session(greedy, wave.length > rows);
    const { symbols, feeds } = packWave(ort, wave, { maxLength, slots: rows, chunk, greedy });
    const group = config.numHeads / config.numKvHeads;
    const mask0 = causalMask(group, symbols.P, 0);
    const began = performance.now();
    const out = await graph.run(symbols, {
      ...parameters,
      ...feeds,
      mask0: new ort.Tensor("float32", mask0, [group * symbols.P, symbols.P]),
    });
    counters.runMs += performance.now() - began;
    counters.runs++;
    const [chunks, steps] = out.steps!.data as BigInt64Array;
    counters.chunks += Number(chunks);
    counters.steps += Number(steps);
    const ids = out.ids!.data as Int32Array;
    const p = out.p!.data as Float32Array;
    return wave.map((request, r) => {
      const from = r * symbols.S;
      const limit = limitOf(request, maxLength);
      let length = 0;
      while (length < limit && keepGoing[ids[from + length++]!] === 1) {}
      counters.tokens += length;
      const completionIds = ids.slice(from, from + length);
      return {
        id: request.id,
        completionIds,
        logprobs: p.slice(from, from + length).map(checkedLog),
        finish: keepGoing[completionIds[length - 1]!] === 0 ? "stop" : "length",
        policyVersion: version,
      };
    });
  }

  const generator: RolloutGenerator = {
    counters,
    async run(requests, version, emit, aborted) {
      for (const request of requests) {
        checkRequest(request, maxLength, config.vocabSize);
        refuseNucleus(request);
      }
      for (const wave of wavesOf(requests, refills ? ROUNDS * rows : rows)) {
        if (aborted()) return;
        let done: readonly Completion[];
        try {
          done = await decode(wave, version);
        } catch (thrown) {
          if (!isOutOfMemory(thrown)) throw thrown;
          if (halved || rows === 1) throw outOfMemory(rows, thrown);
          halved = true;
          rows = Math.ceil(Math.min(rows, wave.length) / 2);
          counters.slots = rows;
          options.note?.(`the device's memory did not hold the rollouts: ${rows} side by side from now on`);
          await sessions.clear(); // gives the memory back
          await generator.run(wave, version, emit, aborted);
          continue;
        }
        for (const completion of done) emit(completion);
      }
    },
    close: () => sessions.clear(),
  };
  return generator;
}

/** The words of onnxruntime's arena and of CUDA. */
const isOutOfMemory = (thrown: unknown): boolean =>
  /failed to allocate memory|out of memory/i.test(messageOf(thrown));

const outOfMemory = (rows: number, cause: unknown): TrainError =>
  new TrainError("tool", `the device's memory does not hold ${rows} rollouts side by side`, {
    hint: "lower sampler.slots, or sampler.max_tokens",
    details: [messageOf(cause)],
    cause,
  });

/** On a CPU nothing is gained by columns of fixed places, and every copy costs. */
export const cacheFormFor = (provider: Provider, parameters: number): CacheForm =>
  provider === "cpu" ? "grown" : parameters <= LAUNCH_BOUND ? "whole" : "split";

function refuseNucleus({ id, sampling }: SampleRequest): void {
  if (sampling.temperature === 0 || sampling.topP === 1) return;
  throw new TrainError(
    "config",
    `request ${id}: top_p ${sampling.topP} is not supported by this sampler backend`,
    {
      hint: "use sampler.top_p=1, or sampler.backend=ort-cpu",
    },
  );
}

function checkedLog(p: number): number {
  if (!(p > 0)) {
    throw new TrainError("diverged", "the model's next-token probabilities are not finite numbers", {
      hint: "go back to an earlier checkpoint and use a lower learning rate",
    });
  }
  return Math.log(p);
}
