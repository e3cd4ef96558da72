import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeRng } from "../../src/core/rng.js";
import { f32ToBf16, f32ToF16 } from "../../src/model/half.js";
import { readSafetensors, tensorOf, toFloats, writeSafetensors } from "../../src/model/safetensors.js";
import { describeExternal, runPython } from "./python.js";

interface Described {
  readonly metadata: Record<string, string>;
  readonly tensors: Record<string, { dtype: string; shape: number[]; values: number[] }>;
}

describeExternal("the safetensors package", () => {
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "external-"));
  });
  afterAll(() => rm(dir, { recursive: true }));

  test("reads what we write", async () => {
    const path = join(dir, "ours.safetensors");
    const rng = makeRng(3);
    const values = Float32Array.from({ length: 24 }, () => rng.normal() * 10 ** rng.int(6));
    await writeSafetensors(
      path,
      new Map([
        ["fp32", tensorOf("F32", [2, 3, 4], values)],
        ["bf16", tensorOf("BF16", [24], f32ToBf16(values))],
        ["u8", tensorOf("U8", [3], Uint8Array.of(0, 7, 255))],
        ["i32", tensorOf("I32", [2], Int32Array.of(-5, 6))],
        ["i64", tensorOf("I64", [1], BigInt64Array.of(-(2n ** 40n)))],
        ["none", tensorOf("F32", [0, 3], new Float32Array())],
        ["scalar", tensorOf("F32", [], Float32Array.of(2.5))],
      ]),
      { format: "pt", note: "π" },
    );
    const seen = (await runPython("safetensors_io.py", ["read", path])) as Described;
    expect(seen.metadata).toEqual({ format: "pt", note: "π" });
    const summary = Object.entries(seen.tensors).map(([name, { dtype, shape }]) => [name, dtype, shape]);
    expect(Object.fromEntries(summary.map(([name, ...rest]) => [name, rest]))).toEqual({
      fp32: ["float32", [2, 3, 4]],
      bf16: ["bfloat16", [24]],
      u8: ["uint8", [3]],
      i32: ["int32", [2]],
      i64: ["int64", [1]],
      none: ["float32", [0, 3]],
      scalar: ["float32", []],
    });
    expect(seen.tensors.fp32?.values).toEqual([...values]);
    expect(seen.tensors.u8?.values).toEqual([0, 7, 255]);
    expect(seen.tensors.i64?.values).toEqual([-(2 ** 40)]);
  });

  test("writes what we read", async () => {
    const path = join(dir, "theirs.safetensors");
    const wrote = (await runPython("safetensors_io.py", ["write", path])) as Described;
    const { metadata, tensors } = await readSafetensors(path);
    expect(metadata).toEqual(wrote.metadata);
    expect([...tensors.keys()].sort()).toEqual(Object.keys(wrote.tensors).sort());
    for (const name of ["fp32", "bf16", "fp16", "scalar", "none"]) {
      expect([...toFloats(tensors.get(name)!, name)], name).toEqual(wrote.tensors[name]?.values);
      expect(tensors.get(name)!.shape).toEqual(wrote.tensors[name]?.shape);
    }
    const i64 = tensors.get("i64")!.data;
    expect(new BigInt64Array(i64.buffer, i64.byteOffset, 2)).toEqual(BigInt64Array.of(-(2n ** 40n), 7n));
  });

  test("torch rounds to bfloat16 and float16 as we do", async () => {
    const rng = makeRng(4);
    const edges = [
      0, 0x80000000, 0x7f800000, 0x7f7fffff, 0x3f808000, 0x3f818000, 0x33000000, 0x33000001, 0x477fefff,
    ];
    const bits = Uint32Array.from([...edges, ...Array.from({ length: 20_000 }, () => rng.uint32())]).filter(
      (x) => (x & 0x7fffffff) <= 0x7f800000,
    );
    const want = (await runPython("rounding.py", [], [...bits])) as { bf16: number[]; f16: number[] };
    const floats = new Float32Array(bits.buffer);
    expect([...f32ToBf16(floats)]).toEqual(want.bf16);
    expect([...f32ToF16(floats)]).toEqual(want.f16);
  });
});
