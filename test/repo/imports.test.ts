import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import { checkImports } from "../../scripts/check-imports.js";

/** What is found in a made-up source tree, as `file:line message`. */
function found(files: Readonly<Record<string, string>>): string[] {
  const root = mkdtempSync(join(tmpdir(), "imports-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
  return checkImports(root).map((v) => `${v.file}:${v.line} ${v.message}`);
}

it("the source tree keeps to the order of layers", () => {
  const src = fileURLToPath(new URL("../../src", import.meta.url));
  expect(checkImports(src).map((v) => `${v.file}:${v.line} ${v.message}`)).toEqual([]);
});

describe("a violation is caught", () => {
  it.each([
    ["core/a.ts", 'import { b } from "../text/b.js";', "core may not import text"],
    ["sampler/a.ts", 'import type { B } from "../learner/b.js";', "sampler may not import learner"],
    ["reward/a.ts", 'export * from "../run/b.js";', "reward may not import run"],
    ["run/a.ts", 'import "../stages/b.js";', "run may not import stages"],
    ["rl/loop/a.ts", 'import { x } from "../../data/b.js";', "rl/loop may not import data"],
    ["rl/algo/a.ts", 'import { x } from "../loop/b.js";', "rl/algo may not import rl/loop"],
    ["stages/a.ts", 'const x = await import("../cli/b.js");', "stages may not import cli"],
    ["model/a.ts", 'import {\n  x,\n  y,\n} from "../data/b.js";', "model may not import data"],
    ["config/a.ts", 'import { x } from "../model/b.js";', "config may not import model"],
    ["reward/a.ts", 'import { x } from "../equiv/golden/store.js";', "reward may not import equiv/golden"],
    ["stages/a.ts", 'import { x } from "../equiv/formal/prover.js";', "stages may not import equiv/formal"],
    ["tools/a.ts", 'import { x } from "../core/b.js";', "is in tools, which has no place"],
    [
      "text/a.ts",
      'import { x } from "../../scripts/b.js";',
      "imports ../scripts/b.ts, outside the source tree",
    ],
    ["rl/algo/a.ts", 'import { readFileSync } from "node:fs";', "rl/algo may not touch a Node module"],
    ["rl/loop/a.ts", "const t = Date.now();", "rl/loop may not touch a clock"],
    ["rl/loop/a.ts", "setTimeout(f, 3);", "rl/loop may not touch a clock"],
    ["core/a.ts", 'await fetch("http://x");', "core may not touch the network"],
    ["rl/algo/a.ts", "process.pid;", "rl/algo may not touch process"],
    ["data/a.ts", "const r = Math.random();", "data may not touch Math.random"],
    ["run/a.ts", "process.exit(1);", "run may not touch process.argv, process.env or process.exit"],
    ["run/a.ts", "const home = process.env.HOME;", "run may not touch process.argv"],
  ])("%s: %s", (file, text, message) => {
    const all = found({ [file]: `// first line\n${text}\n` });
    expect(all).toHaveLength(1);
    expect(all[0]).toContain(message);
    expect(all[0]).toMatch(new RegExp(`^${file}:${1 + text.split("\n").length} `));
  });

  it("a cycle is reported once, with its way round", () => {
    const all = found({
      "core/a.ts": 'import { b } from "./b.js";\n',
      "core/b.ts": 'import type { C } from "./c.js";\n',
      "core/c.ts": 'import { a } from "./a.js";\n',
    });
    expect(all).toEqual(["core/a.ts:1 a cycle: core/a.ts -> core/b.ts -> core/c.ts -> core/a.ts"]);
  });
});

it("what is allowed passes, and comments and strings are not code", () => {
  expect(
    found({
      "core/rng.ts": "// never Math.random() here\n/* process.exit(1)\n Date.now() */\nexport const x = 1;\n",
      "cli/main.ts": 'import { s } from "../stages/s.js";\nprocess.exit(process.argv.length);\n',
      "stages/s.ts": 'import { l } from "../rl/loop/l.js";\nimport { r } from "../reward/r.js";\n',
      "stages/schema.ts": 'import { a } from "../reward/schema.js";\n',
      "config/load.ts": 'import { a } from "../stages/schema.js";\nimport { z } from "zod";\n',
      "rl/loop/l.ts": 'import { a } from "../algo/a.js";\nimport { x } from "../../core/rng.js";\n',
      "rl/algo/a.ts": 'const url = "http://a//b"; const s = "see // nothing";\n',
      "reward/r.ts":
        'import { t } from "../text/t.js";\nimport { spawn } from "node:child_process";\nconst t = Date.now();\n',
    }),
  ).toEqual([]);
});
