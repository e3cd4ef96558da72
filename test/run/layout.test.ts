import { writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { stepMetrics } from "../../src/rl/loop/metrics.js";
import { emptyTally } from "../../src/rl/loop/tally.js";
import { makeCheckpointStore } from "../../src/run/checkpoints.js";
import { openRun } from "../../src/run/directory.js";
import { isKnownKey, isWallClock, METRIC_KEYS } from "../../src/run/keys.js";
import { makeSpans } from "../../src/run/spans.js";
import { jsonlTracker } from "../../src/run/trackers/jsonl.js";
import { tensorboardTracker } from "../../src/run/trackers/tensorboard.js";
import { writeReport } from "../../src/stages/report.js";
import { scratch, tree } from "./help.js";
import { opening } from "./opening.js";

/** People script against these names: changing the golden files is changing an API. */
describe("golden", () => {
  it("layout of a run directory", async () => {
    const run = openRun(opening(scratch()));
    run.event("start");
    const clock = { now: () => 1000, sleep: async () => {} };
    const spans = makeSpans({ runDir: run.path, attempt: run.attempt, clock, warn: () => {} });
    const tb = tensorboardTracker({ runDir: run.path, hostname: "host", pid: 1, now: () => 1.7e12 });
    const jsonl = jsonlTracker({ runDir: run.path, warn: () => {} });
    for (const t of [jsonl, tb]) {
      t.metrics(1, { "policy/loss": 1 });
      t.samples(1, "train", []);
      t.samples(1, { set: "test" }, []);
    }
    jsonl.counts({ step: 1, set: "test", problems: [] });
    spans.span("sample", "loop")();
    const store = makeCheckpointStore({
      runDir: run.path,
      keepLast: 1,
      keepBest: 0,
      version: "0",
      configHash: "h",
      warn: () => {},
    });
    await store.save(42, {}, async (dir) => {
      writeFileSync(`${dir}/state.json`, "{}");
      return {};
    });
    await Promise.all([jsonl.close(), tb.close()]);
    spans.close();
    await writeReport(run.path);
    run.close("done", 0);
    await expect(`${tree(run.path).join("\n")}\n`).toMatchFileSnapshot("golden/layout.txt");
    await expect(`${Object.keys(run.record).join("\n")}\n`).toMatchFileSnapshot("golden/run-json-keys.txt");
  });

  it("names of the metrics", async () => {
    const lines = Object.keys(METRIC_KEYS).map((k) => `${k}${isWallClock(k) ? "  (wall clock)" : ""}`);
    await expect(`${lines.join("\n")}\n`).toMatchFileSnapshot("golden/metric-keys.txt");
  });
});

describe("the names of the metrics", () => {
  it("hold every one that a step records", () => {
    const outcome = { tally: emptyTally(), trained: [], counters: {}, report: null, gauges: {} };
    const keys = Object.keys(stepMetrics(outcome as unknown as Parameters<typeof stepMetrics>[0]));
    expect(keys.length).toBeGreaterThan(40);
    expect(keys.filter((k) => !isKnownKey(k))).toEqual([]);
  });

  it("fill their placeholders with one part only", () => {
    expect(isKnownKey("eval/test/pass@16")).toBe(true);
    expect(isKnownKey("eval/test/pass@1/lo")).toBe(true);
    expect(isKnownKey("eval/a/b/pass@1")).toBe(false);
    expect(isKnownKey("eval/test/pass@x")).toBe(false);
  });

  it("say which depend on the clock", () => {
    expect(
      [
        "time",
        "timing/step_s",
        "perf/tokens_per_s",
        "mem/rss_mb",
        "disk/free_gb",
        "sampler/tokens_per_s",
      ].every(isWallClock),
    ).toBe(true);
    expect(["policy/loss", "train/tokens", "eval/test/pass@1", "policy/lr"].some(isWallClock)).toBe(false);
  });
});
