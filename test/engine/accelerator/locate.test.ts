import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { TrainError } from "../../../src/core/errors.js";
import {
  type AcceleratorManifest,
  type Installed,
  readInstalled,
} from "../../../src/engine/accelerator/installed.js";
import { ortProblem, tfjsPart } from "../../../src/engine/accelerator/locate.js";

const manifest: AcceleratorManifest = {
  format: 1,
  made: "2026-01-01T00:00:00Z",
  tfjs: {
    package: "tfjs-node",
    packageVersion: "4.22.0",
    tensorflow: { version: "2.21.0", build: "cpu", source: "made up" },
    binding: { napi: 8, arch: "x64", platform: "linux", made: "g++" },
    files: [{ path: "tensorflow/lib.so", bytes: 3, sha256: "0".repeat(64) }],
  },
};
const there: Installed = { kind: "there", manifest };
const node = { napi: 9, arch: "x64", platform: "linux" };
const message = (act: () => unknown): [string, string | undefined] => {
  try {
    act();
  } catch (error) {
    if (error instanceof TrainError && error.code === "tool") return [error.message, error.hint];
    throw error;
  }
  throw new Error("expected a refusal");
};

describe("tfjs", () => {
  it("is what the manifest says, and the GPU's package serves the CPU too", () => {
    expect(tfjsPart(there, node).package).toBe("tfjs-node");
    const gpu = { ...manifest, tfjs: { ...manifest.tfjs!, package: "tfjs-node-gpu" as const } };
    expect(tfjsPart({ kind: "there", manifest: gpu }, node, "tfjs-node").package).toBe("tfjs-node-gpu");
  });

  it("is refused with what to type", () => {
    expect(message(() => tfjsPart({ kind: "absent" }, node, "tfjs-node-gpu"))).toEqual([
      "expected @tensorflow/tfjs-node-gpu, got none installed",
      "scripts/setup --gpu",
    ]);
    expect(message(() => tfjsPart({ kind: "absent" }, node))[1]).toBe(
      "scripts/setup --cpu-tfjs, or scripts/setup --gpu on a host with an NVIDIA GPU",
    );
    expect(message(() => tfjsPart({ kind: "broken", problem: "P" }, node, "tfjs-node"))[0]).toBe(
      "expected @tensorflow/tfjs-node, got a set-up that cannot be used: P",
    );
    expect(message(() => tfjsPart(there, node, "tfjs-node-gpu"))).toEqual([
      "expected @tensorflow/tfjs-node-gpu, got @tensorflow/tfjs-node, which has no CUDA",
      "scripts/setup --gpu",
    ]);
  });

  it("is refused by a Node its binding was not built for", () => {
    expect(message(() => tfjsPart(there, { ...node, napi: 7 }))).toEqual([
      "expected a Node with N-API 8 for the binding of @tensorflow/tfjs-node, got N-API 7",
      "use a newer Node, or build it for this one: scripts/setup --cpu-tfjs",
    ]);
    expect(message(() => tfjsPart(there, { ...node, arch: "arm64" }))[0]).toBe(
      "expected a binding of @tensorflow/tfjs-node for linux-arm64, got one for linux-x64",
    );
  });
});

it("onnxruntime's provider must be of the very version in node_modules", () => {
  const ort = { version: "1.30.0", cudaMajor: 13, source: "s", files: [] };
  const both: Installed = { kind: "there", manifest: { ...manifest, ort } };
  expect(ortProblem(both, "1.30.0")).toEqual({ part: ort });
  expect(ortProblem(both, "1.31.0")).toEqual({
    problem: "expected the CUDA provider of onnxruntime 1.31.0, got that of 1.30.0",
  });
  expect(ortProblem(there, "1.30.0")).toHaveProperty("problem");
});

describe("an installed folder", () => {
  const place = (): string => {
    const dir = mkdtempSync(join(tmpdir(), "installed-"));
    onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
    return dir;
  };

  it("counts only with its manifest and every file at its size", () => {
    const root = place();
    expect(readInstalled(join(root, "none"))).toEqual({ kind: "absent" });
    expect(readInstalled(root)).toEqual({
      kind: "broken",
      problem: `${root} has no manifest.json: a set-up was cut short`,
    });
    writeFileSync(join(root, "manifest.json"), JSON.stringify(manifest));
    const lib = join(root, "tensorflow/lib.so");
    expect(readInstalled(root)).toMatchObject({ problem: `expected ${lib} of 3 bytes, got no such file` });
    mkdirSync(join(root, "tensorflow"));
    writeFileSync(lib, "ab");
    expect(readInstalled(root)).toMatchObject({ problem: `expected ${lib} of 3 bytes, got 2 bytes` });
    writeFileSync(lib, "abc");
    expect(readInstalled(root)).toEqual({ kind: "there", manifest });
    writeFileSync(join(root, "manifest.json"), "{");
    expect(readInstalled(root)).toMatchObject({ kind: "broken" });
  });
});
