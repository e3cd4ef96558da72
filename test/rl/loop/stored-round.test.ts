import { describe, expect, it } from "vitest";
import { build } from "./harness.js";

/** A keeper in memory; every value goes through JSON, as it would through a file. */
function memory() {
  const kept = new Map<string, string>();
  return {
    kept,
    keeper: {
      load: async (step: number, round: number) =>
        JSON.parse(kept.get(`${step}.${round}`) ?? "null") as unknown,
      save: async (step: number, round: number, value: unknown) => {
        kept.set(`${step}.${round}`, JSON.stringify(value));
      },
    },
  };
}

describe("rounds kept since the last checkpoint", () => {
  it("are replayed instead of sampled again, to the same state", async () => {
    const { kept, keeper } = memory();
    const whole = build("adaptive", {}, undefined, { rounds: keeper });
    const start = structuredClone(whole.trainer.state());
    for (let i = 0; i < 4; i++) await whole.trainer.step(new AbortController().signal);
    const sampled = whole.sampled();
    expect(kept.size).toBeGreaterThanOrEqual(4);
    const again = build("adaptive", {}, undefined, { rounds: keeper });
    again.trainer.restore(start);
    for (let i = 0; i < 4; i++) await again.trainer.step(new AbortController().signal);
    expect(again.sampled()).toBe(0);
    expect(sampled).toBeGreaterThan(0);
    expect(again.trainer.state()).toEqual(whole.trainer.state());
  });

  it("of another plan are sampled again", async () => {
    const { kept, keeper } = memory();
    const whole = build("dynamic", {}, undefined, { rounds: keeper });
    await whole.trainer.step(new AbortController().signal);
    for (const [key, text] of kept) kept.set(key, text.replace(/"plan":\[\[\d+/, '"plan":[[39'));
    const again = build("dynamic", {}, undefined, { rounds: keeper });
    await again.trainer.step(new AbortController().signal);
    expect(again.sampled()).toBe(whole.sampled());
    expect(again.trainer.state()).toEqual(whole.trainer.state());
  });
});
