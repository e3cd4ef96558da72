/**
 * Draws completions and scores each one as it arrives, so that the simulator works while the sampler does. Used by
 * training steps and by evaluations; knows ports only.
 */

import type { Rewarder, Sampler } from "./ports.js";
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
  const failure = new AbortController();
  const both = AbortSignal.any([signal, failure.signal]);
  const scoring: Promise<void>[] = [];
  let sampled = 0;
  let scored = 0;
  let tokens = 0;
  const report = () => progress({ sampled, scored, total: jobs.length, tokens });
  const score = async (i: number, completion: Completion): Promise<void> => {
    const job = jobs[i]!;
    const text = deps.decode(completion.completionIds);
    try {
      const verdict = await deps.rewarder.score({ problem: job.problem, text, seed: job.request.seed }, both);
      results[i] = { ...job, completion, text, verdict };
      scored++;
      report();
    } catch (error) {
      failure.abort(error);
    }
  };
  try {
    for await (const completion of deps.sampler.generate(
      jobs.map((j) => j.request),
      both,
    )) {
      sampled++;
      tokens += completion.completionIds.length;
      scoring.push(score(byId.get(completion.id)!, completion));
      report();
    }
  } catch (error) {
    failure.abort(error);
  }
  await Promise.all(scoring);
  signal.throwIfAborted();
  failure.signal.throwIfAborted();
  return results.map((r, i) => {
    if (r === undefined)
      throw new Error(`the sampler returned no completion for request ${jobs[i]!.request.id}`);
    return r;
  });
}
