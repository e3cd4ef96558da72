import { expect, it } from "vitest";
import { differences, isFree } from "../../src/run/compare.js";

it("a sweep may be shared out and compared otherwise when it is resumed, but not compute something else", () => {
  const before = "sweep: {parallel: 22, seeds: 3, set: {rl.steps: 4}}\nlearner: {lr: 1}";
  const after = "sweep: {parallel: 21, seeds: 4, set: {rl.steps: 5}}\nlearner: {lr: 1}";
  const found = differences(before, after);
  expect(found.map((d) => d.key)).toEqual(["sweep.parallel", "sweep.seeds", "sweep.set.rl.steps"]);
  expect(found.filter((d) => !isFree(d.key)).map((d) => d.key)).toEqual([
    "sweep.seeds",
    "sweep.set.rl.steps",
  ]);
});
