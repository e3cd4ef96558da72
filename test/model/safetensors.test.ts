import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bf16ToF32, f16ToF32, f32ToBf16, f32ToF16 } from "../../src/model/half.js";
import {
  type Dtype,
  openSafetensors,
  readSafetensors,
  type Tensor,
  tensorOf,
  writeSafetensors,
} from "../../src/model/safetensors.js";

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "safetensors-"));
});
afterAll(() => rm(dir, { recursive: true }));

/** A file from its parts, byte for byte. */
function file(header: unknown, data: number, length?: bigint): Buffer {
  const json = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const head = Buffer.alloc(8);
  head.writeBigUInt64LE(length ?? BigInt(json.length));
  return Buffer.concat([head, json, Buffer.alloc(data)]);
}

const t = (begin: number, end: number, extra: object = {}) => ({
  dtype: "F32",
  shape: [(end - begin) / 4],
  data_offsets: [begin, end],
  ...extra,
});

const bad: readonly (readonly [string, Buffer, string])[] = [
  ["empty file", Buffer.alloc(0), "0 bytes, expected at least the 8 bytes"],
  ["header over the limit", file({}, 0, 1n << 40n), "the limit is 100000000"],
  ["header past the end", file({}, 0, 99n), "header of 99 bytes in a file of 10"],
  ["not JSON", file("{nope", 0), "the header is not JSON"],
  [
    "not UTF-8",
    Buffer.concat([file({}, 0, 3n).subarray(0, 8), Buffer.from([0x22, 0xff, 0x22])]),
    "not UTF-8",
  ],
  ["not an object", file([], 0), "must be a JSON object"],
  ["bad metadata", file({ __metadata__: { a: 1 } }, 0), "__metadata__ must map strings to strings"],
  ["entry not an object", file({ w: 3 }, 0), 'tensor "w" must be an object'],
  [
    "unknown dtype",
    file({ w: t(0, 4, { dtype: "F33" }) }, 4),
    'tensor "w" has dtype "F33", expected one of F64',
  ],
  ["inherited dtype", file({ w: t(0, 4, { dtype: "toString" }) }, 4), 'dtype "toString"'],
  ["negative dimension", file({ w: t(0, 4, { shape: [-1] }) }, 4), 'tensor "w" has shape [-1]'],
  ["fractional dimension", file({ w: t(0, 4, { shape: [0.5, 2] }) }, 4), 'tensor "w" has shape [0.5,2]'],
  ["three offsets", file({ w: t(0, 4, { data_offsets: [0, 4, 8] }) }, 8), "expected [begin, end]"],
  ["reversed offsets", file({ w: t(0, 4, { data_offsets: [4, 0] }) }, 4), "data_offsets [4, 0]"],
  ["truncated data", file({ w: t(0, 8) }, 4), "data_offsets [0, 8], but the file holds 4 bytes of data"],
  [
    "wrong size",
    file({ w: t(0, 8, { shape: [3] }) }, 8),
    "shape [3] of F32 needs 12 bytes, data_offsets give 8",
  ],
  ["huge shape", file({ w: t(0, 4, { shape: [2 ** 40, 2 ** 40] }) }, 4), "data_offsets give 4"],
  ["overlap", file({ a: t(0, 8), b: t(4, 12) }, 12), 'tensor "b" overlaps tensor "a"'],
  ["hole", file({ a: t(0, 4), b: t(8, 12) }, 12), '4 unused bytes between tensor "a" and tensor "b"'],
  ["trailing bytes", file({ a: t(0, 4) }, 6), '2 trailing bytes after tensor "a"'],
];

test.each(bad)("refused: %s", async (name, bytes, message) => {
  const path = join(dir, `${name}.safetensors`);
  await writeFile(path, bytes);
  await expect(openSafetensors(path)).rejects.toThrow(message);
  await expect(openSafetensors(path)).rejects.toThrow(path);
});

test("a missing file and a missing tensor are named", async () => {
  await expect(openSafetensors(join(dir, "none"))).rejects.toThrow(/cannot open .*none.*ENOENT/);
  const path = join(dir, "one.safetensors");
  await writeSafetensors(path, new Map([["a", tensorOf("I32", [1], Int32Array.of(7))]]));
  const opened = await openSafetensors(path);
  await expect(opened.read("b")).rejects.toThrow('no tensor "b"');
  await expect(opened.readFloats("a")).rejects.toThrow("has dtype I32, expected F32, F16 or BF16");
  await opened.close();
});

const WIDTH = { F32: 4, I32: 4, I64: 8, U8: 1, BF16: 2, F16: 2 } as const;
const anyTensor = fc
  .tuple(
    fc.constantFrom(...(Object.keys(WIDTH) as (keyof typeof WIDTH)[])),
    fc.array(fc.nat(3), { maxLength: 3 }),
  )
  .chain(([dtype, shape]) => {
    const length = shape.reduce((a, b) => a * b, WIDTH[dtype]);
    return fc
      .uint8Array({ minLength: length, maxLength: length })
      .map((data): Tensor => ({ dtype: dtype as Dtype, shape, data }));
  });

test("what is written is read back, whatever names, types and shapes", async () => {
  const path = join(dir, "any.safetensors");
  const name = fc.string({ unit: "grapheme" }).filter((n) => n !== "__metadata__" && n !== "__proto__");
  const metadata = fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.string());
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(name, anyTensor), { maxLength: 6 }),
      metadata,
      async (entries, meta) => {
        const tensors = new Map(entries);
        await writeSafetensors(path, tensors, meta);
        const back = await readSafetensors(path);
        expect(back.metadata).toEqual({ ...meta });
        expect(new Set(back.tensors.keys())).toEqual(new Set(tensors.keys()));
        for (const [key, want] of tensors) {
          const got = back.tensors.get(key)!;
          expect({ dtype: got.dtype, shape: [...got.shape], data: [...got.data] }).toEqual({
            ...want,
            data: [...want.data],
          });
        }
      },
    ),
    { numRuns: 60 },
  );
});

test("equal tensors give equal bytes in any order; the data starts aligned; nothing temporary stays", async () => {
  const entries: [string, Tensor][] = [
    ["b", tensorOf("U8", [3], Uint8Array.of(1, 2, 3))],
    ["a", tensorOf("F32", [1], Float32Array.of(1.5))],
    ["c", tensorOf("I64", [1], BigInt64Array.of(-1n))],
  ];
  const [one, two] = [join(dir, "o1.safetensors"), join(dir, "o2.safetensors")];
  await writeSafetensors(one, new Map(entries), { x: "1", format: "pt" });
  await writeSafetensors(two, new Map([...entries].reverse()), { format: "pt", x: "1" });
  const bytes = await readFile(one);
  expect(bytes.equals(await readFile(two))).toBe(true);
  expect(Number(bytes.readBigUInt64LE()) % 8).toBe(0);
  expect((await readdir(dir)).filter((n) => n.endsWith(".tmp"))).toEqual([]);
});

test("a write that fails leaves the old file and nothing else", async () => {
  await expect(writeSafetensors(join(dir, "no", "x.safetensors"), new Map())).rejects.toThrow(
    /cannot write .*ENOENT/,
  );
});

test("bfloat16 rounds to nearest, ties to even", () => {
  const f = new Float32Array(
    new Uint32Array([0x3f808000, 0x3f818000, 0x3f808001, 0x3f807fff, 0x7f7fffff]).buffer,
  );
  expect([...f32ToBf16(f)]).toEqual([0x3f80, 0x3f82, 0x3f81, 0x3f80, 0x7f80]);
  expect([...f32ToBf16(Float32Array.of(-0, Number.POSITIVE_INFINITY, 1e-40))]).toEqual([0x8000, 0x7f80, 1]);
  expect(bf16ToF32(f32ToBf16(Float32Array.of(Number.NaN)))[0]).toBeNaN();
});

test("float16 rounds to nearest, ties to even; subnormals, overflow and signs too", () => {
  const values = [
    1,
    -2,
    65504,
    65519,
    65520,
    2 ** -24,
    2 ** -25,
    3 * 2 ** -25,
    1 + 2 ** -11,
    1 + 3 * 2 ** -11,
    -0,
  ];
  expect([...f32ToF16(Float32Array.from(values))]).toEqual([
    0x3c00, 0xc000, 0x7bff, 0x7bff, 0x7c00, 1, 0, 2, 0x3c00, 0x3c02, 0x8000,
  ]);
});

test("every 16-bit float survives the way to float32 and back", () => {
  const all = Uint16Array.from({ length: 65536 }, (_, i) => i);
  const isNan16 = (x: number, mantissa: number) => (x & 0x7fff) > 0x7fff - mantissa;
  const bf = f32ToBf16(bf16ToF32(all));
  const half = f32ToF16(f16ToF32(all));
  for (let i = 0; i < 65536; i++) {
    if (!isNan16(i, 0x7f) && bf[i] !== i) expect.fail(`bfloat16 ${i} became ${bf[i]}`);
    if (!isNan16(i, 0x3ff) && half[i] !== i) expect.fail(`float16 ${i} became ${half[i]}`);
  }
});
