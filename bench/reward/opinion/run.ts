/**
 * Does a judge that shares nothing with the reward agree with the pairs argued by hand?
 * `npx tsx bench/reward/opinion/run.ts [--limit N] [--cycles 30000] [--seed 1]`. Disagreements go to the error stream:
 * either the argument is wrong, or the walk did not get to the difference. The last line is one JSON object.
 */

import { spread } from "../../../designs/index.js";
import { CASES } from "../../../designs/pairs/index.js";
import { locateTools } from "../../../src/sim/tools.js";
import { readArgs } from "../../args.js";
import { benchMachine } from "../../machine.js";
import { secondOpinion } from "./opinion.js";

const { limit, cycles, seed } = readArgs({ limit: Number.POSITIVE_INFINITY, cycles: 30_000, seed: 1 });
const tools = locateTools(process.env.PATH ?? "");
const all = CASES.flatMap((c) => c.variants.map((v) => ({ case: c, variant: v })));
const count = { equalFoundDifferent: 0, differentFoundSame: 0, undecided: 0 };
const pairs = spread(all, limit);
for (const { case: c, variant: v } of pairs) {
  const golden = { name: c.name, golden: c.golden, top: "top_module" };
  const { kind, said } = await secondOpinion(golden, v.code, tools, { cycles, seed });
  if (kind === "none") count.undecided++;
  else if ((kind === "same") === v.equal) continue;
  else if (v.equal) count.equalFoundDifferent++;
  else count.differentFoundSame++;
  console.error(
    `${c.name}: ${v.why}: argued ${v.equal ? "equal" : "different"}, found ${kind} (${said.trim()})`,
  );
}
console.log(
  JSON.stringify({
    figure: count.equalFoundDifferent,
    unit: "pairs argued equal that the second judge finds different",
    baseline: null,
    ratio: null,
    pairs: pairs.length,
    ...count,
    machine: benchMachine(tools),
  }),
);
