import { describe, expect, it } from "vitest";
import { readArgs } from "./args.js";

const defaults = { data: "here", seeds: 5, limit: Number.POSITIVE_INFINITY, baseline: false };

describe("the arguments of a bench", () => {
  it("are the defaults, and what is given by name", () => {
    expect(readArgs(defaults, [])).toEqual(defaults);
    expect(readArgs(defaults, ["--seeds", "3", "--data=there", "--baseline", "--limit", "7"])).toEqual({
      data: "there",
      seeds: 3,
      limit: 7,
      baseline: true,
    });
  });

  it("are refused when unknown, without a name, or no number", () => {
    expect(() => readArgs(defaults, ["--sede", "3"])).toThrow("--sede");
    expect(() => readArgs(defaults, ["there"])).toThrow("there");
    expect(() => readArgs(defaults, ["--seeds", "many"])).toThrow("--seeds many: expected a number, like 5");
    expect(() => readArgs(defaults, ["--seeds="])).toThrow("expected a number");
  });
});
