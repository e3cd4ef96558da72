/** `train testbench`: writes the file and says what is in it and how to run it. */

import { basename } from "node:path";
import type { Written } from "../../stages/verify/testbench.js";
import { designOptions, required, stimuli } from "../design-words.js";
import { interruptible } from "../interrupt.js";
import { qualityText } from "../quality-text.js";
import type { Shell } from "../shell.js";
import { printable } from "../text.js";
import { single } from "../usage.js";
import { type Args, type Command, flag, text } from "./command.js";

const EXAMPLE = "train testbench --golden golden.v -o tb.v";

export const testbench: Command = {
  name: "testbench",
  describe: "Write a self-checking testbench for a design",
  usage: "$0 testbench --golden FILE -o FILE\n\nWrite a self-checking testbench for a design.",
  options: () => ({
    ...designOptions,
    out: { ...text("Where to write it; .json: what the rewarder keeps; - is stdout"), alias: "o" },
    mutants: flag("Say how many mutants of the golden it catches"),
    json: flag("Print what was written as one JSON object"),
  }),
  run: (shell, _parts, args) => write(shell, wordsOf(args)),
};

interface TestbenchWords {
  readonly golden: string;
  readonly top: string | undefined;
  readonly out: string;
  readonly mutants: boolean;
  readonly seed: number;
  readonly vectors: number;
  readonly json: boolean;
}

function wordsOf(args: Args): TestbenchWords {
  return {
    golden: required("golden", args.golden, EXAMPLE),
    top: single("top", args.top),
    out: required("out", args.out, EXAMPLE),
    mutants: args.mutants === true,
    ...stimuli(args),
    json: args.json === true,
  };
}

async function write(shell: Shell, words: TestbenchWords): Promise<number> {
  const { writeTestbench } = await import("../../stages/verify/testbench.js");
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
