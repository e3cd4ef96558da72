/** A sampler without a model, for tests, dry runs and demos: completions come from a function of request and version. */

import { TrainError } from "../core/errors.js";
import type { Sampler } from "../core/ports.js";
import { makeRng } from "../core/rng.js";
import type { Completion, SampleRequest } from "../core/types.js";
import { type PolicyVersion, policyVersion } from "../core/units.js";

export type FakeAnswer = Pick<Completion, "completionIds" | "finish"> & {
  /** [T] nats; default: uniform over the vocabulary. */
  readonly logprobs?: Float32Array;
};

export interface FakeSamplerOptions {
  readonly vocabSize: number;
  readonly maxLength?: number;
  /** Must depend on its arguments only. Default: uniform tokens from the request's seed, to the length limit. */
  readonly answer?: (request: SampleRequest, version: PolicyVersion) => FakeAnswer;
}

export interface FakeSampler extends Sampler {
  /** Every version that was published, in order. */
  readonly published: readonly PolicyVersion[];
}

export function fakeSampler(options: FakeSamplerOptions): FakeSampler {
  const { vocabSize, maxLength = 4096 } = options;
  const answer = options.answer ?? ((request) => uniform(request, vocabSize));
  const published: PolicyVersion[] = [];
  let closed = false;
  return {
    published,
    async probe() {
      return { engine: "fake", device: "none", maxLength, vocabSize };
    },
    async *generate(requests, signal) {
      if (closed) throw new TrainError("worker", "the fake sampler is closed");
      const version = published.at(-1) ?? policyVersion(0);
      for (const request of requests) {
        await Promise.resolve();
        signal.throwIfAborted();
        const { completionIds, finish, logprobs } = answer(request, version);
        yield {
          id: request.id,
          completionIds,
          logprobs: logprobs ?? new Float32Array(completionIds.length).fill(-Math.log(vocabSize)),
          finish,
          policyVersion: version,
        };
      }
    },
    async publish(version) {
      published.push(version);
    },
    async close() {
      closed = true;
    },
  };
}

function uniform(request: SampleRequest, vocabSize: number): FakeAnswer {
  const rng = makeRng(request.seed);
  const ids = Int32Array.from({ length: request.sampling.maxTokens }, () => rng.int(vocabSize));
  return { completionIds: ids, finish: "length" };
}
