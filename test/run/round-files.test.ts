import { mkdirSync, mkdtempSync, readdirSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { roundFiles, roundsKept } from "../../src/run/round-files.js";

const place = () => mkdtempSync(join(tmpdir(), "rounds-"));
const packed = (json: unknown) => ({ json, arrays: {} });

describe("rounds that no checkpoint covers", () => {
  it("come back as they were, and only the one asked for", async () => {
    const files = roundFiles(place());
    const value = {
      json: { a: [0.1, -1e-9], text: "é\u0000" },
      arrays: {
        tokens: Int32Array.of(1, -1, 2 ** 31 - 1),
        logprobs: Float32Array.of(-0.1, Number.NaN),
        text: new Uint8Array(0),
      },
    };
    await files.save(43, 0, value);
    expect(await files.load(43, 0)).toEqual(value);
    expect(await files.load(43, 1)).toBeNull();
    expect(await files.load(44, 0)).toBeNull();
  });

  it("that are torn or foreign count as absent", async () => {
    const dir = place();
    const files = roundFiles(dir);
    const path = join(dir, "rounds", "step-000001.0.safetensors");
    await files.save(1, 0, { json: { x: 1 }, arrays: { tokens: new Int32Array(100) } });
    truncateSync(path, statSync(path).size - 1);
    expect(await files.load(1, 0)).toBeNull();
    writeFileSync(path, "\u001f\u008bhalf");
    expect(await files.load(1, 0)).toBeNull();
  });

  it("are dropped once a checkpoint covers them, with what a killed writer left", async () => {
    const dir = place();
    const files = roundFiles(dir);
    for (const step of [9, 10, 11]) await files.save(step, 0, packed(step));
    writeFileSync(join(dir, "rounds", "step-000010.0.json.gz"), ""); // of an earlier version
    writeFileSync(join(dir, "rounds", "step-000012.0.json.gz"), "");
    writeFileSync(join(dir, "rounds", "step-000011.0.safetensors.1-abcd.tmp"), "");
    files.covered(10);
    expect(readdirSync(join(dir, "rounds"))).toEqual(["step-000011.0.safetensors", "step-000012.0.json.gz"]);
    roundFiles(place()).covered(3); // no folder yet
  });

  it("are listed once each, whatever the version that wrote them", async () => {
    const dir = place();
    const files = roundFiles(dir);
    for (const [step, round] of [
      [10, 1],
      [10, 0],
      [9, 0],
    ] as const)
      await files.save(step, round, packed(null));
    writeFileSync(join(dir, "rounds", "step-000010.0.json.gz"), "");
    expect(roundsKept(dir)).toEqual([
      { step: 9, round: 0 },
      { step: 10, round: 0 },
      { step: 10, round: 1 },
    ]);
    mkdirSync(join(dir, "none"));
    expect(roundsKept(join(dir, "none"))).toEqual([]);
  });
});
