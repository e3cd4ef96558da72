/** How long checks take, by problem: log-spaced buckets, so that any number of checks costs the same memory. */

import type { Latency } from "../core/ports.js";

/** Ratio of neighbouring bucket edges; a quantile is the middle of its bucket, so it is right to 10%. */
const RATIO = 1.2;
const LEAST_MS = 0.1;
const BUCKETS = 80; // up to 0.1 ms * 1.2^80, about 60 hours

export interface Histogram {
  add(ms: number): void;
  summary(): Latency;
}

export function makeHistogram(): Histogram {
  const counts = new Uint32Array(BUCKETS);
  let count = 0;
  let max = 0;
  const quantile = (q: number): number => {
    let left = Math.max(1, Math.ceil(q * count));
    for (let k = 0; k < BUCKETS; k++) {
      left -= counts[k]!;
      if (left <= 0) return Math.min(max, LEAST_MS * RATIO ** (k + 0.5));
    }
    return max;
  };
  return {
    add(ms) {
      const k = ms <= LEAST_MS ? 0 : Math.floor(Math.log(ms / LEAST_MS) / Math.log(RATIO));
      counts[Math.min(BUCKETS - 1, k)]!++;
      count++;
      max = Math.max(max, ms);
    },
    summary: () =>
      count === 0
        ? { count, p50: 0, p95: 0, max: 0 }
        : { count, p50: quantile(0.5), p95: quantile(0.95), max },
  };
}

/** One histogram for all and one for each key. */
export function makeLatencies<K>() {
  const all = makeHistogram();
  const byKey = new Map<K, Histogram>();
  return {
    add(key: K, ms: number): void {
      all.add(ms);
      const own = byKey.get(key) ?? makeHistogram();
      byKey.set(key, own);
      own.add(ms);
    },
    all: () => all.summary(),
    byKey: (): ReadonlyMap<K, Latency> => new Map([...byKey].map(([k, h]) => [k, h.summary()])),
  };
}
