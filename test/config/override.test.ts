import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readSuffixed } from "../../src/config/normalise.js";
import { parseOverride } from "../../src/config/override.js";
import { plain } from "../../src/config/tree.js";

const part = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_-]{0,8}$/);
const path = fc.array(part, { minLength: 1, maxLength: 4 });
// YAML has no empty names here, and reads `<<` and `__proto__` with care: mistakes.test.ts has those.
const json = fc.jsonValue({ maxDepth: 3 }).filter((v) => !/"(?:|<<|__proto__)":/.test(JSON.stringify(v)));

describe("the grammar", () => {
  it("reads back any path and any JSON value (JSON is YAML)", () => {
    fc.assert(
      fc.property(path, json, fc.constantFrom("", "+"), (keys, value, mark) => {
        const read = parseOverride(`${mark}${keys.join(".")}=${JSON.stringify(value)}`);
        if (!("op" in read) || read.op === "remove") throw new Error(JSON.stringify(read));
        expect(read.op).toBe(mark === "+" ? "add" : "set");
        expect(read.path).toEqual(keys);
        // JSON has one zero.
        expect(JSON.stringify(plain(read.value))).toBe(JSON.stringify(value));
      }),
    );
  });

  it("reads ~path as a removal and refuses a value with it", () => {
    fc.assert(
      fc.property(path, (keys) => {
        expect(parseOverride(`~${keys.join(".")}`)).toMatchObject({ op: "remove", path: keys });
        expect(parseOverride(`~${keys.join(".")}=1`)).not.toHaveProperty("op");
      }),
    );
  });

  it("never throws: anything is an override or a problem with a message", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 40 }), (text) => {
        const read = parseOverride(text);
        expect("op" in read || read.message.length > 0).toBe(true);
      }),
    );
  });

  it.each([
    ["a=1e-4", 1e-4],
    ["a=null", null],
    ["a=", null],
    ["a=[x, y]", ["x", "y"]],
    ['a="b: c"', "b: c"],
    ["a=b=c", "b=c"],
    ["a=no", "no"],
    ["a=true", true],
    ["a=~", null],
    ["a=~/models", "~/models"],
    ["a={x: 1}", { x: 1 }],
  ])("%s", (text, value) => {
    const read = parseOverride(text);
    expect("op" in read && read.op === "set" && plain(read.value)).toEqual(value);
  });

  it.each(["", "=", "=1", "a..b=1", ".a=1", "1a=1", "a b=1", "a=[1", "a={x: 1", "a=*x", "a=!t 1", 'a="x'])(
    "refuses %s",
    (text) => {
      expect(parseOverride(text)).not.toHaveProperty("op");
    },
  );
});

describe("suffixes", () => {
  it("are decimal in small letters and binary in capitals", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e6 }), (n) => {
        expect(readSuffixed(`${n}k`)).toBe(n * 1000);
        expect(readSuffixed(`${n}K`)).toBe(n * 1024);
      }),
    );
    expect(["25.6k", "1.5m", "2G", "1g"].map(readSuffixed)).toEqual([25600, 1.5e6, 2 ** 31, 1e9]);
  });

  it.each(["k", "-1k", "1kk", "1t", "0x1k", "1 k", "1e3k", ""])("are not read from %j", (text) => {
    expect(readSuffixed(text)).toBeUndefined();
  });
});
