import { appendFileSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { SampleRow } from "../../../src/core/ports.js";
import { isWallClock } from "../../../src/run/keys.js";
import { jsonlTracker } from "../../../src/run/trackers/jsonl.js";
import { multiTracker } from "../../../src/run/trackers/multi.js";
import { scratch } from "../help.js";

const quiet = () => {};
const open = (runDir: string, warn: (text: string) => void = quiet, now = () => 1.5e12) =>
  jsonlTracker({ runDir, warn, now });
const read = (dir: string) => readFileSync(join(dir, "metrics.jsonl"), "utf8");
const row = (step: number): SampleRow => ({
  step,
  problemId: "mux/1",
  kind: "best",
  reward: 1,
  outcome: "pass",
  advantage: 0.5,
  prompt: "p",
  text: "t",
  log: "",
});

describe("metrics.jsonl", () => {
  it("has one line a record, step and time first", async () => {
    const dir = scratch();
    const t = open(dir);
    t.metrics(0, { "eval/test/pass@1": 0.25 });
    t.metrics(1, { "policy/loss": Number.NaN, "train/reward/mean": 0.5 });
    await t.close();
    expect(read(dir)).toBe(
      '{"step":0,"time":1500000000,"eval/test/pass@1":0.25}\n' +
        '{"step":1,"time":1500000000,"policy/loss":null,"train/reward/mean":0.5}\n',
    );
  });

  it("goes on after a torn last line, however long", () => {
    for (const tear of ['{"step":2,"ti', "x".repeat(200_000)]) {
      const dir = scratch();
      writeFileSync(join(dir, "metrics.jsonl"), `{"step":1}\n${tear}`);
      open(dir).metrics(2, {});
      expect(read(dir)).toBe('{"step":1}\n{"step":2,"time":1500000000}\n');
    }
    const dir = scratch();
    writeFileSync(join(dir, "metrics.jsonl"), "torn");
    open(dir);
    expect(read(dir)).toBe("");
  });

  it("forgets what came after a step, samples and counts too, and drops garbage with a warning", () => {
    const dir = scratch();
    const warnings: string[] = [];
    const t = open(dir, (text) => warnings.push(text));
    for (const step of [1, 2, 3]) {
      t.metrics(step, {});
      t.samples(step, "train", [row(step)]);
      t.counts({ step, set: "test", problems: [] });
      t.counts({ step, set: "verilog-eval", problems: [] });
    }
    t.sync();
    appendFileSync(join(dir, "metrics.jsonl"), "\0\0\0\n");
    t.rewind(2);
    t.metrics(3, { a: 1 });
    expect(
      read(dir)
        .split("\n")
        .map((l) => (l === "" ? null : JSON.parse(l).step)),
    ).toEqual([1, 2, 3, null]);
    expect(readdirSync(join(dir, "samples")).sort()).toEqual([
      "eval-000001.test.counts.json",
      "eval-000001.verilog-eval.counts.json",
      "eval-000002.test.counts.json",
      "eval-000002.verilog-eval.counts.json",
      "train-000001.jsonl",
      "train-000002.jsonl",
    ]);
    expect(warnings).toEqual([`${join(dir, "metrics.jsonl")}: 1 unreadable lines are dropped`]);
    t.rewind(-1);
    expect(read(dir)).toBe("");
  });

  it("is the same after kills and resumes as after an unbroken run, wall-clock keys aside", () => {
    const strip = (text: string) =>
      text
        .split("\n")
        .map((line) =>
          line === ""
            ? ""
            : JSON.stringify(
                Object.fromEntries(Object.entries(JSON.parse(line)).filter(([k]) => !isWallClock(k))),
              ),
        );
    const kills = fc.array(fc.record({ at: fc.integer({ min: 1, max: 12 }), lost: fc.nat(400) }), {
      maxLength: 4,
    });
    fc.assert(
      fc.property(kills, fc.integer({ min: 1, max: 4 }), (crashes, every) => {
        let clock = 0;
        const steps = 12;
        const unbroken = scratch();
        const killed = scratch();
        const record = (t: ReturnType<typeof open>, step: number) => {
          t.metrics(step, { "policy/loss": Math.sin(step), "timing/step_s": clock++ });
          if (step % 3 === 0) t.metrics(step, { "eval/test/pass@1": step / steps });
        };
        const one = open(unbroken);
        for (let s = 1; s <= steps; s++) record(one, s);
        let saved = 0;
        let durable = 0;
        for (const crash of [...crashes, { at: steps, lost: 0 }]) {
          const t = open(killed, quiet, () => clock++);
          t.rewind(saved === 0 ? -1 : saved);
          const end = Math.max(saved, crash.at);
          durable = read(killed).length;
          for (let s = saved + 1; s <= end; s++) {
            record(t, s);
            if (s % every === 0) {
              t.sync();
              saved = s;
              durable = read(killed).length;
            }
          }
          if (end < steps || crash.lost > 0) {
            // A kill loses any part of what came after the last sync.
            truncateSync(join(killed, "metrics.jsonl"), Math.max(durable, read(killed).length - crash.lost));
          }
        }
        const last = open(killed);
        last.rewind(saved === 0 ? -1 : saved);
        for (let s = saved + 1; s <= steps; s++) record(last, s);
        expect(strip(read(killed))).toEqual(strip(read(unbroken)));
      }),
      { numRuns: 40 },
    );
  });
});

describe("several trackers", () => {
  it("go on when one throws, and say so once", async () => {
    const dir = scratch();
    const warnings: string[] = [];
    const broken = () => {
      throw new Error("server gone");
    };
    const all = multiTracker(
      [
        {
          name: "far",
          tracker: {
            metrics: broken,
            samples: broken,
            counts: broken,
            rewind: broken,
            sync: broken,
            close: async () => broken(),
          },
        },
        { name: "jsonl", tracker: open(dir) },
      ],
      (text) => warnings.push(text),
    );
    all.metrics(1, { a: 1 });
    all.samples(1, { set: "test" }, [row(1)]);
    all.counts({ step: 1, set: "test", problems: [] });
    all.rewind(1);
    all.sync();
    await all.close();
    expect(read(dir)).toContain('"a":1');
    expect(warnings).toEqual(["tracker far failed and the run goes on without its records: server gone"]);
    expect(all.failures.get("far")).toBe(6);
  });
});
