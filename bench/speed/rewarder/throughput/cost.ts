/** What a piece of work costs this machine: CPU of the processes below this one and of Node's main thread. */

import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

const TICK_MS = 10;

/** CPU milliseconds of all living descendants and of what they have waited for, plus of the children we have waited for. */
export function childrenCpuMs(): number {
  const parents = new Map<number, { parent: number; ms: number }>();
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const f = stat(`/proc/${entry}/stat`);
    if (f !== null) parents.set(Number(entry), { parent: Number(f[1]), ms: ticks(f, [11, 12, 13, 14]) });
  }
  const below = (pid: number): boolean => {
    for (let at = pid, hops = 0; at > 1 && hops < 64; at = parents.get(at)?.parent ?? 0, hops++)
      if (at === process.pid) return true;
    return false;
  };
  let sum = ticks(stat("/proc/self/stat")!, [13, 14]);
  for (const [pid, p] of parents) if (pid !== process.pid && below(pid)) sum += p.ms;
  return sum;
}

/** CPU milliseconds of Node's main thread; to the nanosecond where the kernel counts so. */
export const mainThreadMs = (): number =>
  Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, "utf8").split(" ")[0]) / 1e6;

/** Fields of a stat file from the state on, or null when the process has gone. */
function stat(path: string): string[] | null {
  try {
    const text = readFileSync(path, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return null;
  }
}

const ticks = (fields: readonly string[], which: readonly number[]): number =>
  which.reduce((s, k) => s + Number(fields[k]) * TICK_MS, 0);

/** Starts of `true` per second from Node, `concurrency` at once. */
export async function spawnFloor(concurrency: number, forMs: number): Promise<number> {
  let n = 0;
  const began = performance.now();
  const one = (): Promise<void> =>
    new Promise((r) => spawn("/bin/true", [], { stdio: "ignore" }).once("exit", () => r()));
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      for (; performance.now() - began < forMs; n++) await one();
    }),
  );
  return (n * 1000) / (performance.now() - began);
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);

export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}
