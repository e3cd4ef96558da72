/** Saves checkpoints one after another until killed; says each that is complete. Started by checkpoints.test.ts. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeRng } from "../../src/core/rng.js";
import { makeCheckpointStore } from "../../src/run/checkpoints.js";

const [runDir, firstStep] = process.argv.slice(2) as [string, string];
const rng = makeRng(Number(firstStep));
const store = makeCheckpointStore({
  runDir,
  keepLast: 2,
  keepBest: 1,
  version: "test",
  configHash: "h",
  warn: (text) => console.log(`warn ${text}`),
});
const from = await store.latest();
console.log(`from ${from?.step ?? 0}`);
for (let step = (from?.step ?? 0) + 1; ; step++) {
  await store.save(step, { metric: rng.uniform() }, async (dir) => {
    mkdirSync(join(dir, "policy"));
    writeFileSync(join(dir, "policy", "model.safetensors"), Buffer.alloc(1 + rng.int(200_000), step & 255));
    await new Promise((resolve) => setTimeout(resolve, rng.int(3)));
    writeFileSync(join(dir, "state.json"), JSON.stringify({ step }));
  });
  console.log(`saved ${step}`);
}
