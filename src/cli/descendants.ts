/** Ends every process below this one: simulators run in process groups of their own and would outlive us. */

import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

/** Processes below `root`, nearest first. Empty where the process table cannot be read. */
export function descendantsOf(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const [pid, parent] of processTable()) children.set(parent, [...(children.get(parent) ?? []), pid]);
  const out: number[] = [];
  for (const queue = [root]; queue.length > 0; ) {
    const below = children.get(queue.shift()!) ?? [];
    out.push(...below);
    queue.push(...below);
  }
  return out;
}

/** Ends every process that `root` started, directly or not; `root` itself goes on. */
export function killDescendants(root: number): void {
  // Stopped first, so that none can start another while the list is worked through.
  const all = descendantsOf(root);
  for (const signal of ["SIGSTOP", "SIGKILL"] as const) {
    for (const pid of all) {
      try {
        process.kill(pid, signal);
      } catch {
        // Already gone.
      }
    }
  }
}

function processTable(): [pid: number, parent: number][] {
  try {
    return readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .flatMap((pid) => {
        const parent = parentOf(pid);
        return parent === undefined ? [] : [[Number(pid), parent] as [number, number]];
      });
  } catch {
    return psTable(); // no /proc: macOS
  }
}

function parentOf(pid: string): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    return undefined; // ended meanwhile
  }
}

function psTable(): [number, number][] {
  try {
    const lines = execFileSync("ps", ["-axo", "pid=,ppid="], { encoding: "utf8", timeout: 2000 })
      .trim()
      .split("\n");
    return lines.map((line) => line.trim().split(/\s+/).map(Number) as [number, number]);
  } catch {
    return [];
  }
}
