import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openTrackers, TRACKERS, trackSchema } from "../../../src/run/trackers/index.js";
import { scratch } from "../help.js";

describe("the table of trackers", () => {
  it("opens what is on, and by default what always was", async () => {
    const dir = scratch();
    const opened = openTrackers(trackSchema.parse(undefined), dir);
    expect(opened.map((t) => t.name)).toEqual(["tensorboard"]);
    opened[0]!.tracker.metrics(1, { "policy/loss": 1 });
    await opened[0]!.tracker.close();
    expect(readdirSync(join(dir, "tb"))).toHaveLength(1);
  });

  it("leaves out what is off", () => {
    const dir = scratch();
    expect(openTrackers(trackSchema.parse({ tensorboard: false }), dir)).toEqual([]);
    expect(existsSync(join(dir, "tb"))).toBe(false);
  });

  it("has a key with a sentence and a default for every tracker, and no other", () => {
    for (const [name, { schema }] of Object.entries(TRACKERS)) {
      expect(schema.description, name).toBeTruthy();
      expect(schema.safeParse(undefined).success, name).toBe(true);
    }
    expect(trackSchema.safeParse({ wandb: true }).success).toBe(false);
  });
});
