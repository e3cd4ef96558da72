import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { tensorboardTracker } from "../../src/run/trackers/tensorboard.js";
import { describeExternal, runPython } from "./python.js";

interface Events {
  readonly scalars: Record<string, [number, number][]>;
}

describeExternal("TensorBoard's reader", () => {
  test("reads the event files, and forgets what a resumed run takes back", async () => {
    const runDir = await mkdtemp(join(tmpdir(), "external-"));
    let now = 1_700_000_000_000;
    const tracker = () => tensorboardTracker({ runDir, hostname: "host", pid: 1, now: () => (now += 1000) });
    try {
      const first = tracker();
      for (let s = 1; s <= 5; s++)
        first.metrics(s, { "policy/loss": s / 4, "train/note": "text", "µ/ü": -s });
      await first.close();
      const second = tracker();
      second.rewind(3);
      second.metrics(4, { "policy/loss": 40, "policy/lr": 1e-6 });
      await second.close();

      const { scalars } = (await runPython("tensorboard_read.py", [join(runDir, "tb")])) as Events;
      expect(scalars["policy/loss"]).toEqual([
        [1, 0.25],
        [2, 0.5],
        [3, 0.75],
        [4, 40],
      ]);
      expect(scalars["µ/ü"]).toEqual([
        [1, -1],
        [2, -2],
        [3, -3],
      ]);
      expect(scalars["policy/lr"]?.[0]?.[1]).toBeCloseTo(1e-6, 12);
      expect(Object.keys(scalars)).not.toContain("train/note");
    } finally {
      await rm(runDir, { recursive: true });
    }
  }, 120_000);
});
