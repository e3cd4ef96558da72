import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { roundFiles } from "../../src/run/round-files.js";

const place = () => mkdtempSync(join(tmpdir(), "rounds-"));

describe("rounds that no checkpoint covers", () => {
  it("come back as they were, and only the one asked for", async () => {
    const files = roundFiles(place());
    const value = { a: [0.1, -1e-9], text: "é\u0000" };
    await files.save(43, 0, value);
    expect(await files.load(43, 0)).toEqual(value);
    expect(await files.load(43, 1)).toBeNull();
    expect(await files.load(44, 0)).toBeNull();
  });

  it("that are torn or foreign count as absent", async () => {
    const dir = place();
    const files = roundFiles(dir);
    await files.save(1, 0, { x: 1 });
    writeFileSync(join(dir, "rounds", "step-000001.0.json.gz"), "\u001f\u008bhalf");
    expect(await files.load(1, 0)).toBeNull();
  });

  it("are dropped once a checkpoint covers them, with what a killed writer left", async () => {
    const dir = place();
    const files = roundFiles(dir);
    for (const step of [9, 10, 11]) await files.save(step, 0, step);
    mkdirSync(join(dir, "rounds"), { recursive: true });
    writeFileSync(join(dir, "rounds", "step-000011.0.json.gz.tmp-1"), "");
    files.covered(10);
    expect(readdirSync(join(dir, "rounds"))).toEqual(["step-000011.0.json.gz"]);
    roundFiles(place()).covered(3); // no folder yet
  });
});
