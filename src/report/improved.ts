/** Which problems the policy got better at: pass counts of the first evaluation against those of the last. Pure. */

import type { EvalCounts } from "../core/ports.js";
import { mean, std } from "../core/stats.js";

export interface Change {
  readonly id: string;
  readonly bucket: string;
  readonly before: { readonly n: number; readonly passed: number };
  readonly after: { readonly n: number; readonly passed: number };
  /** Pass rate after minus before. */
  readonly gain: number;
}

export interface BucketChange {
  readonly bucket: string;
  readonly problems: number;
  /** Mean pass rates over the problems. */
  readonly before: number;
  readonly after: number;
  /** Mean gain with its 95% normal interval over problems (paired); lo = hi for one problem. */
  readonly gain: number;
  readonly lo: number;
  readonly hi: number;
}

/** @param counts of one set, by step. Problems in both evaluations, the largest gain first, then by id. Empty with fewer than two evaluations. */
export function changes(counts: readonly EvalCounts[]): Change[] {
  const first = counts[0];
  const last = counts.at(-1);
  if (first === undefined || last === undefined || first === last) return [];
  const before = new Map(first.problems.map((p) => [p.id, p]));
  return last.problems
    .flatMap((after) => {
      const b = before.get(after.id);
      if (b === undefined || b.n === 0 || after.n === 0) return [];
      return [
        {
          id: after.id,
          bucket: after.bucket ?? "(none)",
          before: { n: b.n, passed: b.passed },
          after: { n: after.n, passed: after.passed },
          gain: after.passed / after.n - b.passed / b.n,
        },
      ];
    })
    .sort((x, y) => y.gain - x.gain || (x.id < y.id ? -1 : 1));
}

/** The same by bucket, in the order of their names, with all problems together last. */
export function byBucket(all: readonly Change[]): BucketChange[] {
  if (all.length === 0) return [];
  const buckets = [...new Set(all.map((c) => c.bucket))].sort();
  const rows = buckets.map((b) =>
    summarise(
      b,
      all.filter((c) => c.bucket === b),
    ),
  );
  return [...rows, summarise("all", all)];
}

function summarise(bucket: string, some: readonly Change[]): BucketChange {
  const gains = some.map((c) => c.gain);
  const gain = mean(gains);
  const half = some.length < 2 ? 0 : (1.96 * std(gains)) / Math.sqrt(some.length);
  return {
    bucket,
    problems: some.length,
    before: mean(some.map((c) => c.before.passed / c.before.n)),
    after: mean(some.map((c) => c.after.passed / c.after.n)),
    gain,
    lo: gain - half,
    hi: gain + half,
  };
}
