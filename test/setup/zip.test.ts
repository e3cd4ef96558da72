import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { sha256Of } from "../../src/setup/effects.js";
import { extractEntry, zipEntries } from "../../src/setup/zip.js";
import { refusal, temporary } from "./host.js";
import { zipOf } from "./zips.js";

const LONG = Buffer.from("some library text ".repeat(200_000));

function archive(change: (bytes: Buffer) => Buffer = (b) => b) {
  const dir = temporary();
  const path = join(dir, "a.whl");
  writeFileSync(path, change(zipOf({ "a/long.so": LONG, "a/empty": "" })));
  return { dir, path };
}

it("extracts entries whole, with the hash of what was written", async () => {
  const { dir, path } = archive();
  const entries = await zipEntries(path);
  expect(entries.map((e) => [e.name, e.bytes])).toEqual([
    ["a/long.so", LONG.length],
    ["a/empty", 0],
  ]);
  for (const entry of entries) {
    const out = await extractEntry(path, entry, join(dir, "out", entry.name));
    expect(out).toEqual({ path: out.path, bytes: entry.bytes, sha256: await sha256Of(out.path) });
  }
  expect(readFileSync(join(dir, "out/a/long.so")).equals(LONG)).toBe(true);
});

it("refuses an archive that was cut short", async () => {
  const { path } = archive((bytes) => bytes.subarray(0, bytes.length / 2));
  expect(await refusal(() => zipEntries(path))).toMatchObject({
    code: "data",
    message: `${path} is not a whole zip archive: its directory is missing`,
  });
});

it("refuses an entry whose content changed", async () => {
  const { dir, path } = archive((bytes) => {
    const at = 30 + "a/long.so".length + 100;
    bytes[at] = bytes[at]! ^ 0xff;
    return bytes;
  });
  const [entry] = await zipEntries(path);
  const error = await refusal(() => extractEntry(path, entry!, join(dir, "out")));
  expect(error.code).toBe("data");
  expect(error.message).toMatch(/a\/long\.so (?:cannot be unpacked|has another check sum)/);
});
