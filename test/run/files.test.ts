import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { TrainError } from "../../src/core/errors.js";
import { ensureDir, formatBytes, ioError, requireFree, writeAtomic } from "../../src/run/files.js";
import { errorOf, scratch, tree } from "./help.js";

const errno = (code: string) => Object.assign(new Error(`${code}: it failed`), { code });

describe("a file system failure", () => {
  it.each([
    ["ENOSPC", "tool", 4, "no space left to save /x (ENOSPC); step 3 is intact"],
    ["EDQUOT", "tool", 4, "no space left to save /x (EDQUOT); step 3 is intact"],
    ["EROFS", "tool", 4, "cannot save /x: not writable by this user (EROFS); step 3 is intact"],
    ["EACCES", "tool", 4, "cannot save /x: not writable by this user (EACCES); step 3 is intact"],
    ["ENOTDIR", "usage", 2, "cannot save /x: not a usable path (ENOTDIR); step 3 is intact"],
    ["EIO", "tool", 4, "cannot save /x: EIO: it failed; step 3 is intact"],
  ] as const)("%s is one clear error", (code, kind, exit, message) => {
    const error = ioError(errno(code), "save", "/x", "step 3 is intact");
    expect([error.code, error.exitCode, error.message]).toEqual([kind, exit, message]);
    expect(error.hint).toMatch(/run\.dir/);
  });

  it("that is already a clear error stays as it is", () => {
    const error = new TrainError("data", "x");
    expect(ioError(error, "save", "/x")).toBe(error);
  });
});

describe("an atomic write", () => {
  it("replaces the file or leaves it, and nothing else", () => {
    const dir = scratch();
    writeAtomic(join(dir, "a"), "one");
    writeAtomic(join(dir, "a"), "two");
    expect(readFileSync(join(dir, "a"), "utf8")).toBe("two");
    writeFileSync(join(dir, "b"), "file");
    expect(errorOf(() => writeAtomic(join(dir, "b", "c"), "x")).code).toBe("usage");
    expect(readdirSync(dir).sort()).toEqual(["a", "b"]);
  });
});

describe("making a folder", () => {
  it("makes those above it, and again is no error", () => {
    const dir = scratch();
    ensureDir(join(dir, "a", "b", "c"));
    ensureDir(join(dir, "a", "b", "c"));
    expect(tree(dir)).toEqual(["a/", "a/b/", "a/b/c/"]);
  });

  it.skipIf(!existsSync("/proc/self"))("ends where none can be made", () => {
    expect(() => ensureDir("/proc/none/a")).toThrow();
  });
});

it("asks for space only where the system says how much there is", () => {
  requireFree("/x", 1e12, "it", null);
  requireFree("/x", 10, "it", 10);
  expect(errorOf(() => requireFree("/x", 11, "it", 10)).message).toBe(
    "it needs 11 B free in /x, but only 10 B are",
  );
});

it.each([
  [0, "0 B"],
  [999, "999 B"],
  [1000, "1.0 kB"],
  [99_400, "99 kB"],
  [999_600, "1.0 MB"],
  [5e9, "5.0 GB"],
])("%d bytes read %s", (n, text) => expect(formatBytes(n)).toBe(text));
