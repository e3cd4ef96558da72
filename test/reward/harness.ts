/** What the tests of this folder share: one rewarder on a scratch of its own, and problems from source text. */

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Problem, ScoredVerdict, Verdict } from "../../src/core/types.js";
import { problemId, seed } from "../../src/core/units.js";
import { makeRewarder, type RewarderOptions } from "../../src/reward/rewarder.js";
import { locateTools, type Tools } from "../../src/sim/tools.js";
import { formatCompletion } from "../../src/text/format.js";

/**
 * Every Icarus to test with: the one on the PATH, or those of the folders in VERILOOP_ICARUS (separated by colons;
 * an empty item is the PATH's).
 */
const FOLDERS = (process.env.VERILOOP_ICARUS ?? "").split(":");
const located = new Map<string, Tools>();
const toolsIn = (folder: string): Tools => {
  const found =
    located.get(folder) ?? locateTools([folder, process.env.PATH ?? ""].filter(Boolean).join(":"));
  located.set(folder, found);
  return found;
};

/** The first of them. */
export const tools = (): Tools => toolsIn(FOLDERS[0]!);
/** All of them, by version. */
export const everyIcarus = (): readonly (readonly [string, Tools])[] =>
  FOLDERS.map(toolsIn).map((t) => [t.iverilog.version, t] as const);

export const signal = (): AbortSignal => new AbortController().signal;

export const problem = (golden: string, id = "p", top = "top_module"): Problem => ({
  id: problemId(id),
  prompt: [],
  task: { golden, top },
  meta: { source: "test", split: "train" },
});

export const answer = (code: string): string => formatCompletion("thinking", code);

export function open(options: Partial<RewarderOptions> = {}) {
  const dir = mkdtempSync(join(tmpdir(), "reward-test-"));
  const rewarder = makeRewarder({
    tools: tools(),
    cacheDir: join(dir, "cache"),
    scratchDir: join(dir, "scratch"),
    concurrency: 2,
    // Compiled once, not once for each of the tests' caches.
    nativeDir: join(tmpdir(), "reward-test-native"),
    ...options,
  });
  const score = (p: Problem, code: string): Promise<Verdict> =>
    rewarder.score({ problem: p, text: answer(code), seed: seed(1) }, signal());
  return {
    dir,
    rewarder,
    score,
    /** For verdicts that must be scored. */
    async scored(p: Problem, code: string): Promise<ScoredVerdict> {
      const v = await score(p, code);
      if (v.kind !== "scored") throw new Error(`infra ${v.code}: ${v.log}`);
      return v;
    },
    async close(): Promise<void> {
      await rewarder.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Living descendants of this process, by command name. */
export function children(): { readonly pid: number; readonly name: string }[] {
  const parents = new Map<number, { parent: number; name: string; state: string }>();
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, "utf8");
      const name = stat.slice(stat.indexOf("(") + 1, stat.lastIndexOf(")"));
      const rest = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      parents.set(Number(entry), { parent: Number(rest[1]), name, state: rest[0]! });
    } catch {
      // it ended while we looked
    }
  }
  const below = (pid: number): boolean => {
    for (let at = pid, hops = 0; at > 1 && hops < 64; hops++) {
      if (at === process.pid) return true;
      at = parents.get(at)?.parent ?? 0;
    }
    return false;
  };
  return [...parents]
    .filter(([pid, p]) => pid !== process.pid && p.state !== "Z" && below(pid))
    .map(([pid, p]) => ({ pid, name: p.name }));
}
