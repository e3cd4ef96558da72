import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readInstalled } from "../../src/engine/accelerator/installed.js";
import { buildBinding } from "../../src/setup/binding.js";
import { environment, envScript } from "../../src/setup/env.js";
import { cpuTfjs, gpu, transaction } from "../../src/setup/install.js";
import { isDeadWeight } from "../../src/setup/npm-package.js";
import { linkProvider, unlinkProvider } from "../../src/setup/ort-cuda.js";
import { fakeHost, refusal, temporary } from "./host.js";

const ORT = { version: "1.30.0", libDir: "/nowhere" };

describe.runIf(process.platform === "linux" && process.arch === "x64")("a set-up", () => {
  it("on a host without a GPU ends before anything is made", async () => {
    const root = join(temporary(), ".gpu");
    const error = await refusal(() => gpu({ root }, ["tfjs", "ort-cuda"], ORT, fakeHost({}).effects));
    expect(error.message).toBe("expected an NVIDIA GPU with its driver, got none");
    expect(existsSync(root)).toBe(false);
  });

  it("says how much room it needs before it downloads", async () => {
    const root = join(temporary(), ".gpu");
    const { effects, ran } = fakeHost({ python3: () => ({ output: "" }) }, 1e8);
    const error = await refusal(() => cpuTfjs({ root }, effects));
    expect(error.message).toBe(`expected 1.18 GB free for tensorflow-cpu in ${root}, got 100 MB`);
    expect(ran.some((r) => r.includes("download"))).toBe(false);
  });

  it("that fills the disk says so, and is not taken for done", async () => {
    const root = join(temporary(), ".gpu");
    const full = Object.assign(new Error("write"), { code: "ENOSPC" });
    const error = await refusal(() =>
      transaction(root, fakeHost({}).effects, () => Promise.reject(full), []),
    );
    expect(error).toMatchObject({ code: "tool", message: `the disk of ${root} is full: write` });
    expect(readInstalled(root)).toMatchObject({ kind: "broken" });
  });

  it("keeps what computes and takes out what does not, with TensorFlow's own reason", async () => {
    const root = join(temporary(), ".gpu");
    const log =
      "W0000 00:00:1.2 34 gpu_device.cc:1] Cannot dlopen some GPU libraries.\nI0000 00:00:1.2 34 x.cc:1] GPU";
    const node = (words: readonly string[]) => ({
      output: words.includes("ort-cuda")
        ? '{"ok":true,"value":"fine"}'
        : `${log}\n{"ok":false,"value":"no GPU","hint":"H"}`,
    });
    const ort = { version: "1.30.0", cudaMajor: 13, source: "s", files: [] };
    const tfjs = {
      package: "tfjs-node-gpu" as const,
      packageVersion: "4.22.0",
      tensorflow: { version: "2.21.0", build: "cuda" as const, source: "s" },
      binding: { napi: 8, arch: "x64", platform: "linux", made: "g++" },
      files: [],
    };
    const { effects, said } = fakeHost({ [process.execPath]: node });
    const error = await refusal(() =>
      transaction(root, effects, () => Promise.resolve({ tfjs, ort }), ["tfjs-node-gpu", "ort-cuda"]),
    );
    expect(error.message).toBe(
      "expected tfjs-node-gpu to compute after the set-up, got: no GPU; Cannot dlopen some GPU libraries.",
    );
    expect([error.details, error.hint]).toEqual([["ort-cuda works and stays installed"], "H"]);
    expect(said).toEqual(["ort-cuda: fine"]);
    const there = readInstalled(root);
    expect(there.kind === "there" && [there.manifest.tfjs, there.manifest.ort]).toEqual([undefined, ort]);
  });

  it("refuses a folder given as TensorFlow that is none", async () => {
    const [root, tensorflow] = [join(temporary(), ".gpu"), temporary()];
    const error = await refusal(() => cpuTfjs({ root, tensorflow }, fakeHost({}).effects));
    expect(error.message).toBe(
      `expected a TensorFlow package of 2.16 or newer in ${tensorflow}: libtensorflow_cc.so.2 is missing`,
    );
  });

  it("without a compiler names the package to install", async () => {
    const record = { key: "k", source: "s", files: [] };
    const error = await refusal(() => buildBinding(temporary(), "tfjs-node", record, fakeHost({}).effects));
    expect(error.message).toBe("expected a C++ compiler (g++, c++, clang++) to build the binding, got none");
    expect(error.hint).toContain("sudo apt-get install -y g++");
  });

  it("shows the compiler's words when the binding does not compile", async () => {
    const compiler = (words: readonly string[]) =>
      words[0] === "--version"
        ? { output: "g++ 4.8\nmore" }
        : { code: 1, output: "unrecognized option -std=c++17" };
    const record = { key: "k", source: "s", files: [] };
    const root = temporary();
    const error = await refusal(() =>
      buildBinding(root, "tfjs-node", record, fakeHost({ "g++": compiler }).effects),
    );
    expect([error.message, error.details]).toEqual([
      "the binding of @tensorflow/tfjs-node could not be built with g++ 4.8",
      ["unrecognized option -std=c++17"],
    ]);
  });
});

describe("the CUDA provider in node_modules", () => {
  const NAMES = ["libonnxruntime_providers_cuda.so", "libonnxruntime_providers_shared.so"];

  it("is linked and unlinked without touching what is not ours", () => {
    const [root, libDir] = [temporary(), temporary()];
    const ort = { version: "1.30.0", libDir };
    writeFileSync(join(libDir, "libonnxruntime.so.1"), "");
    mkdirSync(join(root, "onnxruntime"));
    symlinkSync("/gone/elsewhere.so", join(libDir, NAMES[0]!));
    linkProvider(root, ort);
    linkProvider(root, ort);
    expect(readdirSync(libDir).sort()).toEqual(["libonnxruntime.so.1", ...NAMES]);
    unlinkProvider(root, ort);
    expect(readdirSync(libDir)).toEqual(["libonnxruntime.so.1"]);
    // Put there by onnxruntime-node's own installer.
    for (const name of NAMES) writeFileSync(join(libDir, name), "own");
    linkProvider(root, ort);
    unlinkProvider(root, ort);
    expect(readdirSync(libDir).sort()).toEqual(["libonnxruntime.so.1", ...NAMES]);
  });
});

describe("the environment", () => {
  const cuda = { major: 13, dirs: ["/opt/nv/lib"], links: [] };

  it("puts our names first, then the host's folders, then what was there, each once", () => {
    expect(environment("/r/.gpu", { cuda }, "/mine:/opt/nv/lib").LD_LIBRARY_PATH).toBe(
      "/r/.gpu/cuda:/opt/nv/lib:/mine",
    );
    expect(environment("/r/.gpu", {}, "")).not.toHaveProperty("LD_LIBRARY_PATH");
  });

  it("is written for a shell, safe for odd folder names", () => {
    expect(envScript("/it's/.gpu", { cuda })).toContain(
      `export LD_LIBRARY_PATH='/it'\\''s/.gpu/cuda:/opt/nv/lib'"\${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"`,
    );
  });
});

it.each([
  ["@tensorflow/tfjs-core/dist/tf-core.node.js", false],
  ["@tensorflow/tfjs-core/dist/tf-core.min.js", true],
  ["@tensorflow/tfjs-core/dist/tf-core.node.js.map", true],
  ["@tensorflow/tfjs-core/package.json", false],
  ["@tensorflow/tfjs-node/dist/kernels/Add.js", false],
  ["@tensorflow/tfjs-node/dist/index_test.js", true],
  ["@tensorflow/tfjs-node/binding/tfjs_backend.cc", false],
  ["@tensorflow/tfjs-node-gpu/lib/napi-v8/tfjs_binding.node", false],
  ["@mapbox/node-pre-gyp/lib/node-pre-gyp.js", false],
  ["node-api-headers/include/node_api.h", false],
])("of npm's files, %s is dead weight: %s", (path, dead) => {
  expect(isDeadWeight(path)).toBe(dead);
});
