/**
 * Puts every built-in golden through the reward: it is prepared (interface, stimuli, signature) and must then pass as a
 * candidate of its own. Takes a few minutes; `npx tsx scripts/check-primer.ts [SHARE]`, SHARE of the problems (default 1).
 */

import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { makeRng } from "../src/core/rng.js";
import type { Problem } from "../src/core/types.js";
import { seed } from "../src/core/units.js";
import { primerSource } from "../src/data/primer/index.js";
import { makeRewarder } from "../src/reward/rewarder.js";
import { locateTools } from "../src/reward/sim/tools.js";

const share = Number(process.argv[2] ?? 1);
const { train, test } = primerSource();
const all = makeRng("check-primer").shuffle<Problem>([...train, ...test]);
const problems = all.slice(0, Math.ceil(all.length * share));
const place = mkdtempSync(join(tmpdir(), "primer-"));
const tools = locateTools(process.env.PATH ?? "");
const rewarder = makeRewarder({ tools, cacheDir: join(place, "cache"), scratchDir: place });
const signal = new AbortController().signal;
const began = Date.now();
const bad: string[] = [];
try {
  for (let i = 0; i < problems.length; i += 256) {
    const some = problems.slice(i, i + 256);
    const refused = await rewarder.prepare(some, () => {}, signal);
    for (const [id, why] of refused) bad.push(`${id}: ${why}`);
    await Promise.all(
      some.map(async (problem) => {
        if (refused.has(problem.id)) return;
        const text = `<think>golden</think><answer>\`\`\`verilog\n${problem.task.golden}\n\`\`\`</answer>`;
        const verdict = await rewarder.score({ problem, text, seed: seed(1) }, signal);
        if (verdict.kind === "infra" || !verdict.passed) bad.push(`${problem.id}: ${verdict.log}`);
      }),
    );
    console.error(`${Math.min(i + 256, problems.length)} of ${problems.length}, ${bad.length} bad`);
  }
} finally {
  await rewarder.close();
  rmSync(place, { recursive: true, force: true });
}
for (const line of bad) console.error(line);
console.log(
  JSON.stringify({
    figure: "built-in goldens that pass the reward",
    value: problems.length - bad.length,
    unit: "goldens",
    of: problems.length,
    seconds: Math.round((Date.now() - began) / 1000),
    machine: cpus()[0]?.model,
    versions: {
      iverilog: tools.iverilog.version,
      yosys: tools.yosys?.version ?? null,
      node: process.version,
    },
  }),
);
process.exit(bad.length === 0 ? 0 : 1);
