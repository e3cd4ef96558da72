/** External truth: Icarus Verilog and Yosys read the hard problems, and the reward tells faults from goldens. */

import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, describe, expect, it } from "vitest";
import { makeRng } from "../../../src/core/rng.js";
import { seed } from "../../../src/core/units.js";
import { moduleText } from "../../../src/data/primer/family.js";
import {
  completionText,
  familiesOf,
  type Instance,
  instances,
  primerSource,
} from "../../../src/data/primer/index.js";
import { makeRewarder } from "../../../src/reward/rewarder.js";
import { locateTools } from "../../../src/sim/tools.js";

const run = promisify(execFile);
const dir = mkdtempSync(join(tmpdir(), "primer-hard-"));
afterAll(() => rmSync(dir, { recursive: true }));

/** The text with every module of it, and every instance, under a name of its own. */
function renamed(instance: Instance, code: string, prefix: string): string {
  const text = moduleText(instance.circuit.ports, code);
  const own = [...text.matchAll(/^module (\w+)/gm)].map((m) => m[1]!);
  return own.reduce(
    (t, m) => t.replace(new RegExp(`^(module )?${m}(?= u\\d+\\(|\\()`, "gm"), `$1${prefix}_${m}`),
    text,
  );
}

/** One instance of each family, drawn again for each `k`. */
const oneEach = (k: number): Instance[] =>
  familiesOf("hard").map((f) =>
    makeRng(`one-each/${k}`)
      .fork(f.name)
      .pick(instances("hard").filter((i) => i.family === f)),
  );

describe("Icarus Verilog", () => {
  it("compiles every golden, without a warning", async () => {
    const texts = instances("hard").map((i, n) => renamed(i, i.circuit.golden.code, `m${n}`));
    const complaints: string[] = [];
    for (let i = 0; i < texts.length; i += 800) {
      const path = join(dir, "goldens.v");
      writeFileSync(path, texts.slice(i, i + 800).join("\n"));
      const { stderr } = await run("iverilog", ["-g2005", "-Wall", "-Wno-timescale", "-t", "null", path], {
        maxBuffer: 1e8,
      });
      complaints.push(...stderr.split("\n").filter((line) => line !== "" && !/sensitive to all/.test(line)));
    }
    expect(complaints).toEqual([]);
  });
});

describe("Yosys", () => {
  it("finds no latch, loop or driver conflict in a golden or a fault", async () => {
    const texts = oneEach(1).flatMap((instance, i) =>
      [instance.circuit.golden, ...instance.circuit.faults].map((d, j) =>
        renamed(instance, d.code, `m${i}_${j}`),
      ),
    );
    const path = join(dir, "yosys.v");
    writeFileSync(path, texts.join("\n"));
    const { stdout } = await run(
      "yosys",
      ["-Q", "-p", `read_verilog ${path}; hierarchy; proc; check -assert`],
      {
        maxBuffer: 1e8,
      },
    );
    expect(stdout).toContain("Found and reported 0 problems");
    expect(stdout).not.toMatch(/Latch inferred/);
  });
});

describe("the reward", () => {
  it("passes the right answer of each family and refuses its faults", async () => {
    const { train, test } = primerSource({ level: "hard" });
    const byId = new Map([...train, ...test].map((p) => [p.id, p]));
    const tools = locateTools(process.env.PATH ?? "");
    const rewarder = makeRewarder({
      tools,
      cacheDir: join(dir, "cache"),
      scratchDir: dir,
      mutants: 0,
      formal: { when: "never", seconds: 1 },
    });
    const signal = new AbortController().signal;
    const wrong: string[] = [];
    try {
      await Promise.all(
        oneEach(2).map(async (instance) => {
          const problem = byId.get(instance.id)!;
          const { golden, faults, ports } = instance.circuit;
          for (const draft of [golden, ...faults]) {
            const verdict = await rewarder.score(
              { problem, text: completionText(ports, draft), seed: seed(1) },
              signal,
            );
            const right = verdict.kind === "scored" && verdict.passed === (draft === golden);
            if (!right)
              wrong.push(`${instance.id} ${"name" in draft ? draft.name : "golden"}: ${verdict.log}`);
          }
        }),
      );
    } finally {
      await rewarder.close();
    }
    expect(wrong).toEqual([]);
  });
});
