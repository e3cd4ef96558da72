/** A sampler without a model, for tests, dry runs and demos: completions come from a function of request and version. */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { messageOf, TrainError } from "../core/errors.js";
import { FAKE_WEIGHTS_FILE, type TakeDirectory } from "../core/handover.js";
import type { Sampler } from "../core/ports.js";
import { makeRng } from "../core/rng.js";
import type { Completion, SampleRequest } from "../core/types.js";
import { type PolicyVersion, policyVersion } from "../core/units.js";
import { SAMPLING_KEYS, type SamplerEngine } from "./sampler-engine.js";

const schema = z.strictObject({ engine: z.literal("fake"), ...SAMPLING_KEYS });

export const fake = {
  schema,
  takes: ["fake-directory"],
  weightType: "F32",
  async open(_section, { config }) {
    const sampler = fakeSampler({ vocabSize: config.vocabSize, maxLength: config.maxPositionEmbeddings });
    return { sampler, intake: { "fake-directory": sampler.take }, label: "fake", choices: {} };
  },
} satisfies SamplerEngine<z.infer<typeof schema>>;

export type FakeAnswer = Pick<Completion, "completionIds" | "finish"> & {
  /** [T] nats; default: uniform over the vocabulary. */
  readonly logprobs?: Float32Array;
};

export interface FakeSamplerOptions {
  readonly vocabSize: number;
  readonly maxLength?: number;
  /** Must depend on its arguments only. Default: uniform tokens from the request's seed, to the length limit. */
  readonly answer?: (request: SampleRequest, version: PolicyVersion) => FakeAnswer;
  /** Awaited before published weights are used, as a remote sampler takes its time; default: no wait. */
  readonly loading?: () => Promise<void>;
}

export interface FakeSampler extends Sampler {
  /** Every version that was taken, in order. */
  readonly published: readonly PolicyVersion[];
  /** What the fake learner wrote last, as it was read; null before the first. */
  readonly weights: unknown;
  /** Reads what the fake learner's `exportTo` wrote. */
  readonly take: TakeDirectory;
  /** Takes a version without weights, where a test needs the count alone. */
  label(version: PolicyVersion): void;
}

export function fakeSampler(options: FakeSamplerOptions): FakeSampler {
  const { vocabSize, maxLength = 4096, loading = async () => {} } = options;
  const answer = options.answer ?? ((request) => uniform(request, vocabSize));
  const published: PolicyVersion[] = [];
  let weights: unknown = null;
  let closed = false;
  return {
    info: { engine: "fake", device: "none", maxLength, vocabSize },
    published,
    get weights() {
      return weights;
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
    async take(version, dir, signal) {
      const path = join(dir, FAKE_WEIGHTS_FILE);
      const read = await readFile(path, "utf8").catch((cause) => {
        throw new TrainError("data", `cannot read ${path}: ${messageOf(cause)}`, {
          hint: "the fake sampler takes weights from the fake learner only: learner.engine=fake",
          cause,
        });
      });
      await loading();
      signal.throwIfAborted();
      weights = JSON.parse(read);
      published.push(version);
    },
    label(version) {
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
