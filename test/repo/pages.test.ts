/** Files that the pages name exist. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const TOP = readdirSync(root).filter((name) => !["node_modules", "dist", ".git"].includes(name));

/** Every page of the repository but those of results that are kept as they were. */
function pages(): string[] {
  const inside = ["docs", "src", "bench", "examples", "checkpoints/primer-base"].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map((name) => `${folder}/${name}`),
  );
  return [...TOP, ...inside].filter((name) => name.endsWith(".md")).sort();
}

/** Paths below a folder of the repository, as code or in a command: `src/core/ports.ts`, `configs/dapo.yaml`, `src/rl/`. */
function pathsOf(text: string): string[] {
  const folders = "src|test|bench|scripts|configs|docs|examples|checkpoints/primer-base|\\.ci";
  const pattern = new RegExp(`(?<![\\w./-])(?:${folders})/[\\w./-]*[\\w-]`, "g");
  return [...text.matchAll(pattern)].map(([path]) => path);
}

/** Targets of relative links, without their anchors. */
const linksOf = (text: string): string[] =>
  [...text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)].map((m) => m[1]!).filter((to) => !/^[a-z]+:/.test(to));

describe("the pages", () => {
  it.each(pages())("%s names only what exists", (page) => {
    const text = readFileSync(join(root, page), "utf8");
    const there = (path: string) =>
      existsSync(join(root, path)) || [".ts", ".test.ts"].some((end) => existsSync(join(root, path + end)));
    const missing = [
      ...pathsOf(text).filter((path) => !there(path)),
      ...linksOf(text).filter((to) => !existsSync(join(root, dirname(page), to))),
    ];
    expect(missing).toEqual([]);
  });

  it("would see a path that does not exist", () => {
    expect(pathsOf("see `src/nowhere/file.ts`, (docs/rl.md) and ./src/x")).toEqual([
      "src/nowhere/file.ts",
      "docs/rl.md",
    ]);
    expect(linksOf("[a](b.md#c) [d](https://e.f) [g](#h)")).toEqual(["b.md"]);
  });
});
