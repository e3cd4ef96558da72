/**
 * Engines without a GPU, at 1.8 M parameters and one thread each, in one run: 8 rows of 256 tokens, all predicted.
 *   npx tsx bench/speed/gpu/cpu.ts [--steps 8] [--out FILE]
 * Each engine has a process of its own. Tokens per CPU second is the figure: it does not depend on the machine's load.
 */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { execa } from "execa";
import { tfjsWasm } from "../engine/tfjs-wasm.js";

const { values: flags } = parseArgs({
  options: {
    steps: { type: "string", default: "8" },
    wasm: { type: "boolean", default: false },
    out: { type: "string" },
  },
});

interface Row {
  readonly what: string;
  readonly tokensPerSecond: number;
  readonly tokensPerCpuSecond: number;
  readonly callsPerStep?: number | null;
}
interface Recorded {
  readonly engine: string;
  readonly results: readonly Row[];
}

const self = new URL(import.meta.url).pathname;
const scratch = mkdtempSync(join(tmpdir(), "learner-cpu-"));
const one = { TF_NUM_INTRAOP_THREADS: "1", TF_NUM_INTEROP_THREADS: "1", OMP_NUM_THREADS: "1" };

async function learner(backend: string, ...more: string[]): Promise<Recorded> {
  const file = join(scratch, `${backend}.json`);
  const shape = ["--shape", "1.8M", "--row", "256", "--budgets", "2048", "--steps", flags.steps];
  const words = [
    "tsx",
    new URL("./learner.ts", import.meta.url).pathname,
    "--backend",
    backend,
    ...shape,
    "--out",
    file,
  ];
  await execa("npx", [...words, ...more], { env: one });
  return JSON.parse(readFileSync(file, "utf8")) as Recorded;
}

if (flags.wasm) {
  const { version, ...row } = await tfjsWasm(3);
  console.log(JSON.stringify({ engine: `tfjs ${version} wasm`, results: [{ what: "tfjs-wasm", ...row }] }));
} else {
  const wasm = await execa("npx", ["tsx", self, "--wasm"], { env: one });
  const runs = [
    await learner("ort-cpu"),
    await learner("tfjs-node", "--taped"),
    JSON.parse(wasm.stdout.trim().split("\n").at(-1)!) as Recorded,
  ];
  rmSync(scratch, { recursive: true });
  for (const { engine, results } of runs) {
    for (const row of results) {
      console.log(
        `${row.what.padEnd(32)} ${String(row.tokensPerCpuSecond).padStart(7)} tokens/CPU s ${String(row.tokensPerSecond).padStart(7)} tokens/s` +
          ` ${String(row.callsPerStep ?? "-").padStart(6)} calls  ${engine}`,
      );
    }
  }
  const record = {
    date: new Date().toISOString(),
    cpu: `${cpus().length} x ${cpus()[0]?.model}`,
    node: process.versions.node,
    runs,
  };
  if (flags.out !== undefined) writeFileSync(flags.out, `${JSON.stringify(record, null, 1)}\n`);
}
