/**
 * Draws completions and scores each one as it arrives, so that the simulator works while the sampler does. Used by
 * training steps and by evaluations; knows ports only.
 */

import type { Rewarder, Sampler, ScoreRequest } from "./ports.js";
import { scoreAll } from "./score-all.js";
import type { Completion, Problem, SampleRequest, Verdict } from "./types.js";

export interface RolloutJob {
  readonly request: SampleRequest;
  readonly problem: Problem;
}

export interface RolloutResult extends RolloutJob {
  readonly completion: Completion;
  readonly text: string;
  readonly verdict: Verdict;
}

export interface RolloutDeps {
  readonly sampler: Sampler;
  readonly rewarder: Rewarder;
  /** Completion ids to text, without the end-of-turn token. */
  readonly decode: (ids: Int32Array) => string;
}

export interface RolloutProgress {
  readonly sampled: number;
  readonly scored: number;
  readonly total: number;
  readonly tokens: number;
}

/** Completions that wait for their verdict at most, before the sampler has to wait too. */
const IN_FLIGHT = 4096;

/**
 * Results come back in the order of the jobs, whatever finished first: never "first finished wins", which favours short
 * answers. Throws what the signal was aborted with, or the first error of a port; nothing keeps running after that.
 */
export async function sampleAndScore(
  deps: RolloutDeps,
  jobs: readonly RolloutJob[],
  signal: AbortSignal,
  progress: (p: RolloutProgress) => void = () => {},
): Promise<RolloutResult[]> {
  signal.throwIfAborted();
  const byId = new Map(jobs.map((job, i) => [job.request.id, i]));
  const results: (RolloutResult | undefined)[] = new Array(jobs.length);
  let sampled = 0;
  let scored = 0;
  let tokens = 0;
  const report = () => progress({ sampled, scored, total: jobs.length, tokens });
  const drawn = async function* (
    stop: AbortSignal,
  ): AsyncGenerator<ScoreRequest & { readonly completion: Completion }> {
    const requests = jobs.map((j) => j.request);
    for await (const completion of deps.sampler.generate(requests, stop)) {
      sampled++;
      tokens += completion.completionIds.length;
      report();
      const { problem, request } = jobs[byId.get(completion.id)!]!;
      yield { problem, text: deps.decode(completion.completionIds), seed: request.seed, completion };
    }
  };
  for await (const { request, verdict } of scoreAll(deps.rewarder, drawn, { inFlight: IN_FLIGHT }, signal)) {
    const { completion, text } = request;
    const i = byId.get(completion.id)!;
    results[i] = { ...jobs[i]!, completion, text, verdict };
    scored++;
    report();
  }
  return results.map((r, i) => {
    if (r === undefined)
      throw new Error(`the sampler returned no completion for request ${jobs[i]!.request.id}`);
    return r;
  });
}
