/**
 * Sampled evaluation on held-out problems: n samples of each, unbiased pass@k (Chen et al. 2021, eq. 1), 95% intervals
 * over problems. Seeds depend on the problem and the sample only, so that two policies face the same draws.
 */

import type { Rng } from "../core/rng.js";
import {
  type RolloutDeps,
  type RolloutProgress,
  type RolloutResult,
  sampleAndScore,
} from "../core/rollouts.js";
import { type Interval, mean, meanInterval, passAtK } from "../core/stats.js";
import type { Problem, Sampling } from "../core/types.js";

export interface EvalOptions {
  readonly problems: readonly Problem[];
  readonly samples: number;
  readonly sampling: Sampling;
}

export interface EvalDeps extends RolloutDeps {
  readonly promptIds: (problem: Problem) => Int32Array;
  readonly rng: Rng;
}

/** Passes of one problem; infra failures are in neither `n` nor `passed`. */
export interface ProblemCount {
  readonly id: string;
  readonly bucket: string;
  readonly n: number;
  readonly passed: number;
}

export interface EvalResult {
  readonly pass1: Interval;
  /** pass@k for k = 1, 2, 4, 8 … as far as there are samples. */
  readonly passAt: Readonly<Record<number, Interval>>;
  readonly problems: readonly ProblemCount[];
  readonly samples: number;
  readonly tokens: number;
  readonly meanTokens: number;
  readonly truncated: number;
  readonly infra: number;
  readonly outcomes: Readonly<Record<string, number>>;
  /** Problems left out because their golden cannot serve. */
  readonly refused: number;
  readonly rollouts: readonly RolloutResult[];
}

export async function evaluate(
  deps: EvalDeps,
  options: EvalOptions,
  signal: AbortSignal,
  progress: (p: RolloutProgress) => void = () => {},
  preparing: (done: number, total: number) => void = () => {},
): Promise<EvalResult> {
  const refused = await deps.rewarder.prepare(options.problems, preparing, signal);
  const problems = options.problems.filter((p) => !refused.has(p.id));
  const jobs = problems.flatMap((problem) =>
    Array.from({ length: options.samples }, (_, j) => ({
      problem,
      request: {
        id: `eval/${problem.id}/${j}`,
        promptIds: deps.promptIds(problem),
        seed: deps.rng.seedFor("eval", problem.id, j),
        sampling: options.sampling,
      },
    })),
  );
  const rollouts = await sampleAndScore(deps, jobs, signal, progress);
  return summarise(problems, rollouts, options.samples, refused.size);
}

/** A fixed choice of test problems, spread over buckets in proportion: the same for every evaluation of a seed. */
export function chooseProblems(problems: readonly Problem[], count: number, rng: Rng): readonly Problem[] {
  if (problems.length <= count) return problems;
  const chosen = new Set(rng.fork("eval-problems").shuffle(problems).slice(0, count));
  return problems.filter((p) => chosen.has(p));
}

function summarise(
  problems: readonly Problem[],
  rollouts: readonly RolloutResult[],
  samples: number,
  refused: number,
): EvalResult {
  const outcomes: Record<string, number> = {};
  let infra = 0;
  let tokens = 0;
  let truncated = 0;
  const counts = problems.map((p, i): ProblemCount => {
    let n = 0;
    let passed = 0;
    for (const r of rollouts.slice(i * samples, (i + 1) * samples)) {
      tokens += r.completion.completionIds.length;
      if (r.completion.finish === "length") truncated++;
      if (r.verdict.kind === "infra") {
        infra++;
        continue;
      }
      n++;
      if (r.verdict.passed) passed++;
      outcomes[r.verdict.outcome] = (outcomes[r.verdict.outcome] ?? 0) + 1;
    }
    return { id: p.id, bucket: p.meta.bucket ?? p.meta.source, n, passed };
  });
  const passAt: Record<number, Interval> = {};
  for (let k = 1; k <= samples; k *= 2) {
    const enough = counts.filter((c) => c.n >= k);
    if (enough.length > 0) passAt[k] = meanInterval(enough.map((c) => passAtK(c.n, c.passed, k)));
  }
  return {
    pass1: passAt[1] ?? { mean: Number.NaN, lo: Number.NaN, hi: Number.NaN },
    passAt,
    problems: counts,
    samples,
    tokens,
    meanTokens: mean(rollouts.map((r) => r.completion.completionIds.length)),
    truncated: rollouts.length === 0 ? 0 : truncated / rollouts.length,
    infra,
    outcomes,
    refused,
    rollouts,
  };
}
