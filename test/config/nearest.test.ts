import fc from "fast-check";
import { expect, it } from "vitest";
import { nearestKey, nearNames } from "../../src/config/nearest.js";

const keys = [
  "rl",
  "rl.steps",
  "rl.lr_decay",
  "rl.clip",
  "rl.clip.low",
  "learner",
  "learner.lr",
  "learner.eps",
];

it.each([
  ["rl.setps", "rl.steps"],
  ["rl.lr", "learner.lr"],
  ["learner.steps", "rl.steps"],
  ["rl.clip.lwo", "rl.clip.low"],
  ["steps", "rl.steps"],
  ["lerner", "learner"],
  ["lerner.lr", "learner.lr"],
  ["learner.epz", "learner.eps"],
  ["qqqqq", undefined],
])("%s -> %s", (typed, near) => {
  expect(nearestKey(typed, keys)).toBe(near);
});

it("finds a name after one swap of neighbours", () => {
  const names = ["adaptive-dapo", "distill-primer", "grpo"];
  fc.assert(
    fc.property(fc.constantFrom(...names), fc.nat(), (name, at) => {
      const i = at % (name.length - 1);
      const typed = name.slice(0, i) + name[i + 1] + name[i] + name.slice(i + 2);
      expect(nearNames(typed, names)[0]).toBe(name);
    }),
  );
});
