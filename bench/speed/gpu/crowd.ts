/**
 * The sampler in a crowd: N processes on one card, each with its rows refilled and checked against the train graph.
 *   npx tsx bench/speed/gpu/crowd.ts [--processes 20] [--provider cuda] [--repeat 4] [--rollouts 512] [--slots 128]
 *
 * On a busy card the host runs ahead of the device, so a number that is overwritten before it is copied shows. Every
 * process draws the same tokens, so their gaps must be equal.
 */

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { execa } from "execa";

const { values: flags } = parseArgs({
  options: {
    processes: { type: "string", default: "20" },
    provider: { type: "string", default: "cuda" },
    repeat: { type: "string", default: "4" },
    rollouts: { type: "string", default: "512" },
    slots: { type: "string", default: "128" },
  },
});
const place = mkdtempSync(join(tmpdir(), "crowd-"));
const script = new URL("sampler.ts", import.meta.url).pathname;
const runs = await Promise.all(
  Array.from({ length: Number(flags.processes) }, async (_, i) => {
    const out = join(place, `${i}.json`);
    const made = await execa(
      process.execPath,
      [
        ...process.execArgv,
        script,
        ...["--provider", flags.provider, "--shape", "1.8M", "--prompts", "64", "--new", "20-200"],
        ...["--rollouts", flags.rollouts, "--slots", flags.slots, "--repeat", flags.repeat],
        ...["--refill", "on", "--check", "--out", out],
      ],
      { reject: false, timeout: 300_000 },
    );
    if (made.exitCode !== 0)
      return { failed: made.stderr.match(/.*(?:Error|probabilit).*/)?.[0] ?? made.stderr };
    const [result] = JSON.parse(readFileSync(out, "utf8")).results;
    return { failed: null, gap: JSON.stringify(result.logprobGap), tokensPerSecond: result.tokensPerSecond };
  }),
);
rmSync(place, { recursive: true });
const reasons = new Map<string, number>();
for (const { failed } of runs) {
  if (failed !== null) reasons.set(failed.slice(0, 300), (reasons.get(failed.slice(0, 300)) ?? 0) + 1);
}
const gaps = new Set(runs.flatMap((run) => (run.gap === undefined ? [] : [run.gap])));
console.log(
  JSON.stringify({
    bench: "speed/gpu/crowd",
    flags,
    processes: runs.length,
    failed: runs.filter((run) => run.failed !== null).length,
    reasons: Object.fromEntries(reasons),
    gaps: [...gaps].map((gap) => JSON.parse(gap)),
  }),
);
process.exit(reasons.size === 0 && gaps.size === 1 ? 0 : 1);
