import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { readInstalled } from "../../src/engine/accelerator/installed.js";
import { bindingPath } from "../../src/setup/binding.js";
import { fromBundle } from "../../src/setup/bundle.js";
import { type Bundle, pieceSize } from "../../src/setup/bundle-manifest.js";
import { packPieces } from "../../src/setup/pieces.js";
import { fakeHost, type Program, refusal, temporary } from "./host.js";

const PIECE = 1 << 16;
const ORT = { version: "1.30.0", libDir: "/nowhere" };
/** Bytes that do not pack, so that there are several pieces. */
const noise = (seed: string): Buffer =>
  Buffer.concat(Array.from({ length: 3000 }, (_, i) => createHash("sha256").update(`${seed}${i}`).digest()));
const library = noise("library");

/** A bundle of the CPU's tfjs with made-up libraries, packed by the real packer in pieces of 64 KiB. */
async function bundle(
  change: (b: Bundle) => Bundle = (b) => b,
  tfjs: "tfjs-node" | "tfjs-node-gpu" = "tfjs-node",
) {
  const [from, dir] = [temporary(), temporary()];
  const names = [
    "tensorflow/libtensorflow_cc.so.2",
    "tensorflow/libtensorflow_framework.so.2",
    bindingPath(tfjs),
  ];
  const files = names.map((path) => {
    mkdirSync(dirname(join(from, path)), { recursive: true });
    writeFileSync(join(from, path), library);
    return { path, bytes: library.length, sha256: createHash("sha256").update(library).digest("hex") };
  });
  for (const part of ["npm", "tensorflow"]) {
    const record = { key: "k", source: "s", files: files.filter((f) => f.path.startsWith(part)) };
    writeFileSync(join(from, part, "part.json"), JSON.stringify(record));
  }
  const parts = ["npm", "tensorflow"];
  const pieces = await packPieces(from, parts, "gzip", join(dir, "tfjs.tar.gzip"), PIECE);
  const made: Bundle = {
    format: 1,
    made: "2026-01-01T00:00:00Z",
    archives: {
      tfjs: { compression: "gzip", parts, unpackedBytes: files.length * library.length, files, pieces },
    },
    tfjs: {
      package: tfjs,
      packageVersion: "4.22.0",
      tensorflow: { version: "2.21.0", build: tfjs === "tfjs-node" ? "cpu" : "cuda", source: "made up" },
      binding: { napi: 8, arch: "x64", platform: "linux", made: "g++" },
      files,
    },
  };
  writeFileSync(join(dir, "bundle.json"), JSON.stringify(change(made)));
  return { dir, pieces };
}

/** Loads the binding and answers the self-test as told. */
const node =
  (ok: boolean): Program =>
  (words) =>
    words[0] === "-e"
      ? {}
      : { output: JSON.stringify({ ok, value: ok ? "cpu; computes" : "wrong product" }) };
const host = (ok = true, free?: number) => fakeHost({ gzip: () => ({}), [process.execPath]: node(ok) }, free);

describe.runIf(process.platform === "linux" && process.arch === "x64")("from a bundle", () => {
  it("sets up what was packed, and does not unpack it twice", async () => {
    const { dir, pieces } = await bundle();
    expect(pieces.length).toBeGreaterThan(2);
    for (const p of pieces.slice(0, -1)) expect(statSync(join(dir, p.path)).size).toBe(PIECE);
    const root = join(temporary(), ".gpu");
    const first = host();
    await fromBundle(dir, undefined, { root }, ORT, first.effects);
    expect(readFileSync(join(root, "tensorflow/libtensorflow_cc.so.2")).equals(library)).toBe(true);
    const there = readInstalled(root);
    expect(there.kind === "there" && there.manifest.tfjs?.binding.made).toBe("carried; g++");
    expect(readdirSync(root).sort()).toEqual(["env.sh", "manifest.json", "npm", "tensorflow"]);
    const second = host();
    await fromBundle(dir, undefined, { root }, ORT, second.effects);
    expect(second.said[0]).toBe("npm, tensorflow: already unpacked");
  });

  it.each([
    ["is missing", (path: string) => rmSync(path)],
    [`has 10 of ${PIECE} bytes`, (path: string) => writeFileSync(path, Buffer.alloc(10))],
    ["has another sha256", (path: string) => writeFileSync(path, Buffer.alloc(PIECE))],
  ])("a piece that %s is named, and nothing is changed", async (what, damage) => {
    const { dir, pieces } = await bundle();
    damage(join(dir, pieces[1]!.path));
    const root = join(temporary(), ".gpu");
    const error = await refusal(() => fromBundle(dir, undefined, { root }, ORT, host().effects));
    expect(error).toMatchObject({ code: "data", details: [`tfjs.tar.gzip.001 ${what}`] });
    expect(existsSync(root)).toBe(false);
  });

  it("what does not compute is not left as installed", async () => {
    const { dir } = await bundle();
    const root = join(temporary(), ".gpu");
    const error = await refusal(() => fromBundle(dir, undefined, { root }, ORT, host(false).effects));
    expect(error.message).toBe("expected tfjs-node to compute after the set-up, got: wrong product");
    expect(readInstalled(root).kind).toBe("broken");
  });

  it("a disk without room is said before unpacking", async () => {
    const { dir } = await bundle();
    const root = join(temporary(), ".gpu");
    const error = await refusal(() => fromBundle(dir, undefined, { root }, ORT, host(true, 0).effects));
    expect(error.message).toBe(`expected 1 MB free in ${root}, got 0 MB`);
    expect(readInstalled(root).kind).toBe("broken");
  });

  /** A host with a card and CUDA 12, without a compiler, whose TensorFlow aborts without CUDA on its path. */
  function gpuHost(cudaIsEnough: boolean) {
    const cuda = temporary();
    const libraries =
      "cublas.so.12 cublasLt.so.12 cufft.so.11 cusolver.so.11 cusparse.so.12 cudart.so.12 cudnn.so.9";
    for (const name of libraries.split(" ")) writeFileSync(join(cuda, `lib${name}`), "");
    const abort = { code: 128, signal: "SIGABRT", output: "" };
    const loads: Program = (words, env) => {
      const found =
        cudaIsEnough &&
        (env.LD_LIBRARY_PATH ?? "").split(":").some((d) => existsSync(join(d, "libcublas.so.12")));
      if (!found) return abort;
      return words[0] === "-e" ? {} : { output: JSON.stringify({ ok: true, value: "computes" }) };
    };
    const made = fakeHost({
      gzip: () => ({}),
      "nvidia-smi": () => ({ output: "NVIDIA H200, 9.0, 580.95.05" }),
      [process.execPath]: loads,
    });
    return { ...made, cuda };
  }

  it("tries the carried binding with the host's CUDA libraries on its path, and needs no compiler", async () => {
    const { dir } = await bundle((b) => b, "tfjs-node-gpu");
    const root = join(temporary(), ".gpu");
    const { effects, cuda, said } = gpuHost(true);
    await fromBundle(dir, ["tfjs"], { root, cuda }, ORT, effects);
    const there = readInstalled(root);
    expect(there.kind === "there" && there.manifest.tfjs?.binding.made).toBe("carried; g++");
    expect(said.join("\n")).not.toContain("building");
  });

  it("names the signal that ends the carried binding", async () => {
    const { dir } = await bundle((b) => b, "tfjs-node-gpu");
    const { effects, cuda, said } = gpuHost(false);
    const error = await refusal(() =>
      fromBundle(dir, ["tfjs"], { root: join(temporary(), ".gpu"), cuda }, ORT, effects),
    );
    expect(said).toContain("the carried binding does not load here (SIGABRT); building it");
    expect(error.message).toContain("expected a C++ compiler");
  });

  it("a folder without a bundle, or with another version's, is refused", async () => {
    const root = join(temporary(), ".gpu");
    const nothing = await refusal(() => fromBundle(temporary(), undefined, { root }, ORT, host().effects));
    expect(nothing.message).toMatch(/^expected a bundle in .*, got no bundle.json$/);
    const { dir } = await bundle((b) => ({ ...b, format: 2 as 1 }));
    expect((await refusal(() => fromBundle(dir, undefined, { root }, ORT, host().effects))).code).toBe(
      "data",
    );
  });
});

it("a piece size is read in binary units", async () => {
  expect([pieceSize("48M"), pieceSize("100k"), pieceSize("1GiB"), pieceSize("70000")]).toEqual([
    48 * 2 ** 20,
    100 * 2 ** 10,
    2 ** 30,
    70000,
  ]);
  for (const wrong of ["", "48X", "12", "-1M"])
    expect((await refusal(() => pieceSize(wrong))).message).toContain(`got ${wrong}`);
});

it("packing that fails leaves no pieces behind", async () => {
  const dir = temporary();
  mkdirSync(join(dir, "there"));
  writeFileSync(join(dir, "there", "noise"), library);
  const error = await refusal(() =>
    packPieces(dir, ["there", "absent"], "gzip", join(dir, "a.tar.gzip"), PIECE),
  );
  expect(error.message).toBe("tar or its compressor ended with 2");
  expect(error.details.join()).toContain("absent");
  expect(readdirSync(dir)).toEqual(["there"]);
});
