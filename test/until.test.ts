import { expect, it } from "vitest";
import { until } from "./until.js";

it("returns what it waited for, or says what it saw", async () => {
  let n = 0;
  expect(
    await until(
      "three",
      () => ++n,
      (seen) => seen === 3,
    ),
  ).toBe(3);
  await expect(
    until(
      "a child",
      () => ["vvp"],
      (seen) => seen.length === 2,
      30,
    ),
  ).rejects.toThrow('waited 0.03 s for a child; last seen: ["vvp"]');
});
