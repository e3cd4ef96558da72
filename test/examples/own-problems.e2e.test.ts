/** The commands of examples/own-problems/README.md, run as they are printed there. */

import { cpSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readProblems } from "../../src/data/jsonl.js";
import { REAL, root, start, workplace } from "../cli/spawned.js";

const EXAMPLE = "examples/own-problems";
const readme = readFileSync(join(root, EXAMPLE, "README.md"), "utf8");
const commands = [...readme.matchAll(/^scripts\/train (.*)$/gm)].map(([, words]) => words!.split(" "));

describe("examples/own-problems", { timeout: 240_000 }, () => {
  it("has two problems to train on and one that is held out", async () => {
    const { train, test } = await readProblems(join(root, EXAMPLE, "problems.jsonl"), { testShare: 0.1 });
    expect([train.length, test.length]).toEqual([2, 1]);
  });

  it("trains a better policy and evaluates it, by the commands of its README", async () => {
    const cwd = workplace();
    for (const folder of [EXAMPLE, "configs"])
      cpSync(join(root, folder), join(cwd, folder), { recursive: true });
    const run = (words: readonly string[]) =>
      start(REAL, words, { cwd, env: { VERILOOP_CACHE: join(cwd, "cache") } }).ended;
    expect(commands.map((words) => words[1])).toEqual(["rl", "eval"]);
    const [train, evaluate] = commands as [string[], string[]];

    const trained = await run([...train, "--json"]);
    expect(trained.code, trained.stderr).toBe(0);
    const { eval: points } = JSON.parse(trained.stdout.trim().split("\n").at(-1)!);
    expect(points.after.pass1).toBeGreaterThan(points.before.pass1 + 0.3);
    // What the run prints as its next command is what the page says.
    expect(trained.stderr).toContain(`scripts/train ${evaluate.join(" ")}`);

    const evaluated = await run(evaluate);
    expect(evaluated.code, evaluated.stderr).toBe(0);
  });
});
