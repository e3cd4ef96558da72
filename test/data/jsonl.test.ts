import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { TrainError } from "../../src/core/errors.js";
import { identicalSets } from "../../src/data/identity.js";
import { readProblems, readTraces } from "../../src/data/jsonl.js";

const dir = mkdtempSync(join(tmpdir(), "jsonl-"));
afterAll(() => rmSync(dir, { recursive: true }));

let files = 0;
function file(lines: readonly unknown[]): string {
  const path = join(dir, `${files++}.jsonl`);
  writeFileSync(path, lines.map((l) => (typeof l === "string" ? l : JSON.stringify(l))).join("\n"));
  return path;
}

const golden = (body: string) => `module top_module(input a,output y);\nassign y=${body};\nendmodule`;
const problem = (i: number, extra: object = {}) => ({
  id: `p${i}`,
  prompt: `Build number ${i}.`,
  golden: golden(`a^${i}`),
  top: "top_module",
  ...extra,
});

async function failure(promise: Promise<unknown>): Promise<TrainError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof TrainError) return error;
    throw error;
  }
  throw new Error("expected a TrainError");
}

describe("problems", () => {
  it("reads text and message prompts with all their fields", async () => {
    const messages = [
      { role: "system", content: "Be brief." },
      { role: "user", content: "Invert a." },
    ];
    const path = file([
      problem(1, { split: "train", bucket: "easy", difficulty: 0.2, prior: { successes: 1, failures: 3 } }),
      "",
      problem(2, { prompt: messages, split: "test" }),
    ]);
    const source = await readProblems(path, { testShare: 0.5 });
    expect(source.train).toEqual([
      {
        id: "p1",
        prompt: [{ role: "user", content: "Build number 1." }],
        task: { golden: golden("a^1"), top: "top_module" },
        meta: {
          source: "jsonl",
          split: "train",
          bucket: "easy",
          difficulty: 0.2,
          prior: { successes: 1, failures: 3 },
        },
      },
    ]);
    expect(source.test.map((p) => p.prompt)).toEqual([messages]);
  });

  it("reports every bad line at once, each with file:line and what was expected", async () => {
    const path = file([
      problem(1),
      "{not json",
      problem(3, { id: "bad id" }),
      problem(4, { top: "other" }),
      problem(5, { difficulty: 2, splt: "test" }),
      problem(1, { prompt: "again" }),
      [1],
      { id: "p8", prompt: [], golden: golden("a") },
    ]);
    const error = await failure(readProblems(path, { testShare: 0.1 }));
    expect(error.code).toBe("data");
    const lineOf = (d: string) => Number(new RegExp(`^${path}:(\\d+) `).exec(d)?.[1]);
    expect([...new Set(error.details.map(lineOf))]).toEqual([2, 3, 4, 5, 6, 7, 8]);
    const said = error.details.join("\n");
    expect(said).toContain("expected one JSON object");
    expect(said).toContain('id: expected 1 to 200 letters, digits or . _ : / + = -, got "bad id"');
    expect(said).toContain("expected a module named other (top), found top_module");
    expect(said).toContain("difficulty: expected at most 1, got 2");
    expect(said).toContain("expected only the keys id, prompt, golden");
    expect(said).toContain('expected a new id, got "p1" again (first on line 1)');
    expect(error.hint).toContain('"golden"');
  });

  it("finds the top among the modules of the text, not in comments or strings", async () => {
    const hidden = problem(1, { golden: `// module top_module is below\nmodule m; endmodule` });
    const error = await failure(readProblems(file([hidden]), { testShare: 0.1 }));
    expect(error.details[0]).toContain("golden: expected a module named top_module (top), found m");
    const sound = problem(2, { golden: `module automatic top_module(output y); assign y = 1; endmodule` });
    expect((await readProblems(file([sound]), { testShare: 0 })).train.length).toBe(1);
  });

  it("refuses an empty set and a missing file with the file's name", async () => {
    const empty = await failure(readProblems(file(["", "  "]), { testShare: 0.1 }));
    expect(empty.message).toContain("holds no problem");
    const missing = await failure(readProblems(join(dir, "absent.jsonl"), { testShare: 0.1 }));
    expect(missing.message).toContain("absent.jsonl");
    expect(missing.code).toBe("data");
  });

  it("splits by a hash of the id: stable under reordering and near the share asked for", async () => {
    const lines = Array.from({ length: 2000 }, (_, i) => problem(i));
    const a = await readProblems(file(lines), { testShare: 0.2 });
    const b = await readProblems(file([...lines].reverse()), { testShare: 0.2 });
    expect(new Set(a.test.map((p) => p.id))).toEqual(new Set(b.test.map((p) => p.id)));
    expect(a.test.length).toBeGreaterThan(330);
    expect(a.test.length).toBeLessThan(470);
  });

  it("keeps equal prompts and equal goldens in one split, and refuses splits that contradict it", async () => {
    const twins = Array.from({ length: 200 }, (_, i) => [
      problem(i),
      problem(i + 1000, { golden: `// same\n${golden(`a ^ ${i}`)}` }),
    ]).flat();
    const source = await readProblems(file(twins), { testShare: 0.5 });
    const splitOf = new Map([...source.train, ...source.test].map((p) => [p.id as string, p.meta.split]));
    for (let i = 0; i < 200; i++) expect(splitOf.get(`p${i}`)).toBe(splitOf.get(`p${i + 1000}`));

    const clash = file([
      problem(1, { split: "train" }),
      problem(2, { golden: golden("a^1"), split: "test" }),
    ]);
    const error = await failure(readProblems(clash, { testShare: 0.5 }));
    expect(error.details[0]).toContain(":2 split: expected train as on line 1");
  });

  it("joins chains of equal texts into one set", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(8), fc.nat(8)), { maxLength: 25 }), (pairs) => {
        const sets = identicalSets(
          pairs.map(([p, g]) => ({
            prompt: [{ role: "user" as const, content: `p${p}` }],
            task: { golden: golden(`${g}`), top: "top_module" },
          })),
        );
        pairs.forEach(([p, g], i) => {
          pairs.forEach(([p2, g2], j) => {
            if (p === p2 || g === g2) expect(sets[i]).toBe(sets[j]);
          });
          expect(sets[i]).toBeLessThanOrEqual(i);
        });
        const texts = new Set(sets).size;
        expect(texts).toBeLessThanOrEqual(new Set(pairs.map(([p]) => p)).size);
      }),
    );
  });
});

describe("traces", () => {
  it("reads both layouts to the same rows", async () => {
    const path = file([
      { prompt: "hi", completion: "there" },
      {
        messages: [
          { role: "user", content: "hi" },
          { role: "assistant", content: "there" },
        ],
      },
    ]);
    const row = { prompt: [{ role: "user", content: "hi" }], completion: "there" };
    expect(await readTraces(path)).toEqual([row, row]);
  });

  it("names each bad line", async () => {
    const path = file([
      { prompt: "hi", completion: "" },
      { prompt: "hi", completion: "ok" },
      { messages: [{ role: "user", content: "hi" }] },
    ]);
    const error = await failure(readTraces(path));
    expect(error.details.map((d) => d.slice(path.length + 1, path.length + 3))).toEqual(["1 ", "3 "]);
    expect(error.details[0]).toContain("completion: expected a string that is not blank");
    expect(error.details[1]).toContain("expected {prompt, completion}");
    expect((await failure(readTraces(file([])))).message).toContain("holds no trace");
  });
});
