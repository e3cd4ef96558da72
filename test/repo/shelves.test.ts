/** Tests and benches stand apart: what both need lies in designs/ or src/. */

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const ROOT = join(import.meta.dirname, "../..");

/** `FILE imports FILE` for every relative import of a file below `from` that leads below one of `to`. */
function importsInto(from: string, to: readonly string[]): string[] {
  return readdirSync(join(ROOT, from), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .flatMap((file) => {
      const path = join(ROOT, from, file);
      const code = readFileSync(path, "utf8");
      return [...code.matchAll(/(?:\bfrom|\bimport\(?)\s*"(\.{1,2}\/[^"]+)"/g)]
        .map((m) => relative(ROOT, resolve(dirname(path), m[1]!)).replaceAll("\\", "/"))
        .filter((target) => to.includes(target.split("/")[0]!))
        .map((target) => `${from}/${file} imports ${target}`);
    })
    .sort();
}

describe("the shelves", () => {
  it("finds an import where there is one", () => {
    expect(importsInto("test", ["designs"])).toContain(
      "test/equiv/pairs.slow.test.ts imports designs/pairs/index.js",
    );
  });

  it("keep tests and benches apart", () => {
    expect(importsInto("test", ["bench"])).toEqual([]);
    expect(importsInto("bench", ["test"])).toEqual([]);
  });

  it("keep both out of what they share, and all three out of the product", () => {
    expect(importsInto("designs", ["test", "bench"])).toEqual([]);
    expect(importsInto("src", ["test", "bench", "designs"])).toEqual([]);
  });
});
