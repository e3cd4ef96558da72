import { afterAll, expect, it } from "vitest";
import { makeFakeRewarder } from "../../src/reward/fake.js";
import { rewarderOptions, rewardSchema } from "../../src/reward/schema.js";
import { DEFAULT_SHAPE, shapeReward } from "../../src/reward/shape.js";
import { answer, open, problem, signal } from "./harness.js";

it("binary pays for the pass alone", () => {
  expect(shapeReward(DEFAULT_SHAPE, "pass", null)).toEqual({ reward: 1, parts: { correct: 1 } });
  expect(shapeReward(DEFAULT_SHAPE, "mismatch", { vectors: 0.9, outputs: 0.5 })).toEqual({
    reward: 0,
    parts: { correct: 0 },
  });
});

it("partial shapes never pay a wrong design as much as a right one", () => {
  const of = (kind: "vector_fraction" | "per_output") =>
    shapeReward({ kind, partialWeight: 0.5, formatBonus: 0 }, "mismatch", { vectors: 0.8, outputs: 0.25 });
  expect(of("vector_fraction")).toEqual({ reward: 0.4, parts: { correct: 0, vectors: 0.4 } });
  expect(of("per_output")).toEqual({ reward: 0.125, parts: { correct: 0, outputs: 0.125 } });
  const bonus = { kind: "format_bonus", partialWeight: 0, formatBonus: 0.1 } as const;
  expect(shapeReward(bonus, "pass", null)).toEqual({ reward: 1, parts: { correct: 0.9, format: 0.1 } });
  expect(shapeReward(bonus, "compile", null).reward).toBe(0.1);
  expect(shapeReward(bonus, "format", null).reward).toBe(0);
});

const partial = open({ shape: { kind: "per_output", partialWeight: 0.5, formatBonus: 0 } });
const fraction = open({ shape: { kind: "vector_fraction", partialWeight: 1, formatBonus: 0 } });
afterAll(async () => {
  await partial.close();
  await fraction.close();
});

it("measures partial agreement on the simulator", async () => {
  const p = problem(
    "module top_module(input a, b, output x, y); assign x = a & b; assign y = a ^ b; endmodule",
  );
  const half = "module top_module(input a, b, output x, y); assign x = a & b; assign y = a | b; endmodule";
  expect((await partial.scored(p, half)).parts).toEqual({ correct: 0, outputs: 0.25 });
  // Wrong for one of the four input values, each seen equally often.
  expect((await fraction.scored(p, half)).parts).toEqual({ correct: 0, vectors: 0.75 });
});

it("the fake is deterministic and needs no tools", async () => {
  const fake = makeFakeRewarder();
  const golden = "module top_module(input a, output y); assign y = a; endmodule";
  const score = (code: string) =>
    fake.score({ problem: problem(golden), text: answer(code), seed: 1 as never }, signal());
  expect(await score(`${golden} // same`)).toMatchObject({ kind: "scored", reward: 1, outcome: "pass" });
  expect(await score(golden.replace("= a", "= ~a"))).toMatchObject({
    kind: "scored",
    reward: 0,
    outcome: "mismatch",
  });
});

it("has defaults for every key of its config section and refuses unknown ones", () => {
  const section = rewardSchema.parse(undefined);
  expect(section).toMatchObject({
    engine: "simulator",
    shape: "binary",
    vectors: 1000,
    retries: 3,
    limits: { run_cpu_seconds: 5 },
  });
  expect(rewarderOptions(section).limits).toEqual({
    memoryBytes: 2 * 1024 ** 3,
    compileCpuSeconds: 2,
    runCpuSeconds: 5,
    wallMs: 30_000,
    fileBytes: 8 * 1024 ** 2,
  });
  expect(rewardSchema.safeParse({ vectorz: 1 }).success).toBe(false);
});
