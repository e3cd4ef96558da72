import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it, onTestFinished } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");

it("the package holds what an installed user needs, and its command finds its configs from anywhere", () => {
  const place = mkdtempSync(join(tmpdir(), "installed-"));
  onTestFinished(() => rmSync(place, { recursive: true, force: true }));
  const run = (cwd: string, program: string, words: readonly string[]): string =>
    execFileSync(program, words, {
      cwd,
      encoding: "utf8",
      timeout: 50_000,
      stdio: ["ignore", "pipe", "pipe"],
    });

  // As `npm pack` would lay it out: the listed files, with a fresh build in the place of dist.
  const installed = join(place, "node_modules", "veriloop");
  mkdirSync(installed, { recursive: true });
  const [{ files }] = JSON.parse(run(root, "npm", ["pack", "--dry-run", "--ignore-scripts", "--json"])) as [
    { files: { path: string }[] },
  ];
  const paths = files.map((f) => f.path);
  expect(paths).toEqual(
    expect.arrayContaining([
      "package.json",
      "LICENSE",
      "CHANGELOG.md",
      "docs/models.md",
      "configs/adaptive-dapo.yaml",
      "configs/reference.yaml",
    ]),
  );
  const outside = paths.filter(
    (p) =>
      !/^(dist|docs|configs|checkpoints\/primer-base|src\/sim\/native)\/|^(package\.json|README\.md|CHANGELOG\.md|LICENSE)$/.test(
        p,
      ),
  );
  expect(outside).toEqual([]);
  for (const path of paths.filter((p) => !p.startsWith("dist/"))) {
    mkdirSync(join(installed, path, ".."), { recursive: true });
    symlinkSync(join(root, path), join(installed, path));
  }
  run(root, join(root, "node_modules/.bin/tsc"), [
    "-p",
    "tsconfig.build.json",
    "--outDir",
    join(installed, "dist"),
  ]);
  symlinkSync(join(root, "node_modules"), join(installed, "node_modules"));

  const bin = join(place, "node_modules", ".bin", "train");
  mkdirSync(join(bin, ".."), { recursive: true });
  symlinkSync(join(installed, "dist/cli/main.js"), bin);
  const printed = run(place, process.execPath, [
    bin,
    "config",
    "print",
    "--stage",
    "rl",
    "--config",
    "dapo",
    "--json",
  ]);
  const { config, files: read } = JSON.parse(printed) as { config: { rl: object }; files: string[] };
  expect(config.rl).toMatchObject({ sampling: { strategy: "dynamic" } });
  expect(read.map((f) => f.replace(/^.*\/configs\//, ""))).toEqual(["adaptive-dapo.yaml", "dapo.yaml"]);
});
