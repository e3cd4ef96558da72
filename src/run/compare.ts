/** What differs between two resolved configs, key by key. Pure. */

import { parse } from "yaml";

export interface Difference {
  readonly key: string;
  readonly before: string;
  readonly after: string;
}

/**
 * Keys that may change on resume: they say where and how often to write, which device computes, and how a sweep's members
 * are shared out and compared; never what is computed.
 */
const FREE = new Set([
  "run.name",
  "run.dir",
  "run.save_every",
  "run.keep_last",
  "run.keep_best",
  "run.heartbeat_s",
  "learner.backend",
  "sampler.backend",
  "sweep.parallel",
  "sweep.cores",
  "sweep.retries",
  "sweep.baseline",
  "sweep.target",
  "sweep.bootstrap",
]);

export const isFree = (key: string): boolean => FREE.has(key);

/** Differences of two YAML texts, in the order of their keys; an absent key reads `(nothing)`. */
export function differences(before: string, after: string): Difference[] {
  const a = flatten(parse(before));
  const b = flatten(parse(after));
  const out: Difference[] = [];
  for (const key of new Set([...a.keys(), ...b.keys()])) {
    const x = a.get(key) ?? "(nothing)";
    const y = b.get(key) ?? "(nothing)";
    if (x !== y) out.push({ key, before: x, after: y });
  }
  return out;
}

function flatten(value: unknown, prefix = "", out = new Map<string, string>()): Map<string, string> {
  if (value !== null && typeof value === "object" && !Array.isArray(value)) {
    for (const [k, v] of Object.entries(value)) flatten(v, prefix === "" ? k : `${prefix}.${k}`, out);
  } else {
    out.set(prefix, JSON.stringify(value) ?? "null");
  }
  return out;
}
