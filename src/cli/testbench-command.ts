/** `train testbench`: writes the file and says what is in it and how to run it. */

import { basename } from "node:path";
import type { Written } from "../stages/verify/testbench.js";
import { interruptible } from "./interrupt.js";
import type { Shell } from "./shell.js";
import { printable } from "./text.js";
import { qualityText } from "./verify-text.js";

export interface TestbenchWords {
  readonly golden: string;
  readonly top: string | undefined;
  readonly out: string;
  readonly mutants: boolean;
  readonly seed: number;
  readonly vectors: number;
  readonly json: boolean;
}

export async function testbenchCommand(shell: Shell, words: TestbenchWords): Promise<number> {
  const { writeTestbench } = await import("../stages/verify/testbench.js");
  const { golden, top, out, seed, vectors } = words;
  const written = await interruptible((signal) =>
    writeTestbench({ cwd: shell.cwd, golden, top, out, seed, vectors }, shell, signal),
  );
  // The testbench itself has stdout: what there is to say about it goes to stderr.
  if (out === "-") shell.stdout.write(written.text);
  const told = out === "-" && !words.json ? shell.stderr : shell.stdout;
  told.write(words.json ? `${JSON.stringify(writtenJson(written, words))}\n` : writtenText(written, words));
  return 0;
}

const writtenJson = (w: Written, words: TestbenchWords) => ({
  written: words.out,
  kind: w.kind,
  golden: w.golden,
  top: w.bench.top,
  seed: words.seed,
  icarus: w.icarus,
  samples: w.samples,
  vectors: w.bench.vectors,
  exhaustive: w.bench.exhaustive,
  long_runs: w.bench.longRuns,
  ...(words.mutants ? { mutants: w.bench.quality } : {}),
});

function writtenText(w: Written, words: TestbenchWords): string {
  const { bench } = w;
  const rows: [string, string][] = [
    ["wrote", `${words.out} (${(Buffer.byteLength(w.text) / 1024).toFixed(0)} kB)`],
    ["design", `${bench.top}, from ${w.golden}`],
    ["checks", `${w.samples.toLocaleString("en")} samples`],
  ];
  if (words.mutants) {
    rows.push(["bench", bench.quality === null ? "not measured" : qualityText(bench.quality)]);
    for (const m of bench.quality?.survivors ?? [])
      rows.push(["missed", printable(`line ${m.line}: ${m.before} -> ${m.after} (proof: ${m.proof})`)]);
  }
  const lines = rows.map(([label, value]) => `${label.padEnd(8)}${value}`);
  if (w.kind === "testbench" && words.out !== "-") {
    lines.push("", "next:", `  iverilog -g2012 -o t ${words.out} ${basename(w.golden)} && vvp t`);
  }
  return `${lines.join("\n")}\n`;
}
