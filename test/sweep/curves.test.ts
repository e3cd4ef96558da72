import { readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, it } from "vitest";
import { readRun } from "../../src/report/read.js";
import { evalSets } from "../../src/report/series.js";
import { jsonlTracker } from "../../src/run/trackers/jsonl.js";
import { writeReport } from "../../src/stages/report.js";
import { readMember } from "../../src/sweep/curves.js";
import { scratch } from "../run/help.js";
import { syntheticRun } from "../run/synthetic.js";

const curve = (run: string, set = "test") => {
  const member = { name: basename(run), arm: "a", seed: 1, overrides: [] };
  return readMember(member, run, set);
};

/** Adds an evaluation on another set to every step that has one, in front of its records in `metrics.jsonl`. */
function addSet(run: string, set: string): void {
  const path = join(run, "metrics.jsonl");
  const lines = readFileSync(path, "utf8").trimEnd().split("\n");
  writeFileSync(
    path,
    `${lines
      .flatMap((line) => {
        const { step, time, ...values } = JSON.parse(line) as Record<string, number>;
        if (values["eval/test/pass@1"] === undefined) return [line];
        return [JSON.stringify({ step, time, [`eval/${set}/pass@1`]: 0.01 }), line];
      })
      .join("\n")}\n`,
  );
  const tracker = jsonlTracker({ runDir: run, warn: () => {} });
  for (const { step } of readRun(run).counts)
    tracker.counts({ step, set, problems: [{ id: "other", bucket: null, n: 4, passed: 0 }] });
  void tracker.close();
}

/** Turns a run's evaluation files into the form that runs had before sets had names. */
function unname(run: string): void {
  const samples = join(run, "samples");
  for (const name of readdirSync(samples)) {
    const path = join(samples, name);
    if (name.endsWith(".counts.json")) {
      const { set: _, ...rest } = JSON.parse(readFileSync(path, "utf8"));
      writeFileSync(path, JSON.stringify(rest));
    }
    renameSync(path, join(samples, name.replace(".test.", ".")));
  }
}

describe("a member's learning curve", () => {
  it("is not changed by a second evaluation set", () => {
    const run = syntheticRun(scratch(), { steps: 40 });
    const alone = curve(run).points;
    addSet(run, "aaa");
    expect(curve(run).points).toEqual(alone);
    expect(alone.length).toBe(3);
    expect(alone.every((p) => p.byProblem.size > 100)).toBe(true);
    expect(curve(run, "aaa").points.map((p) => [p.pass1, [...p.byProblem]])).toEqual(
      alone.map(() => [0.01, [["other", 0]]]),
    );
    expect(curve(run, "absent").points).toEqual([]);
  });

  it("is read from the files of a run from before sets had names", () => {
    const root = scratch();
    const run = syntheticRun(root, { steps: 40 });
    const named = curve(run).points;
    unname(run);
    expect(readdirSync(join(run, "samples"))).toContain("eval-000020.counts.json");
    expect(curve(run).points).toEqual(named);
  });
});

describe("a run from before sets had names", () => {
  it("gives the same report", async () => {
    const run = syntheticRun(scratch(), { steps: 40 });
    const now = new Date(0);
    // The charts' inner ids count up in a process.
    const page = async () =>
      readFileSync(await writeReport(run, now), "utf8").replace(/<svg[\s\S]*?<\/svg>/g, "<svg>");
    const named = await page();
    unname(run);
    expect((await page()) === named).toBe(true);
    expect(named).toContain("A passing answer");
  });

  it("is rewound like any other", () => {
    const run = syntheticRun(scratch(), { steps: 40 });
    unname(run);
    const tracker = jsonlTracker({ runDir: run, warn: () => {} });
    tracker.rewind(20);
    void tracker.close();
    expect(readRun(run).counts.map((c) => [c.step, c.set])).toEqual([
      [0, "test"],
      [20, "test"],
    ]);
  });
});

describe("the report of a run with two sets", () => {
  it("has a section for each, and neither mixes with the other", async () => {
    const run = syntheticRun(scratch(), { steps: 40 });
    addSet(run, "rtllm");
    expect(evalSets(readRun(run).steps).sort()).toEqual(["rtllm", "test"]);
    const page = readFileSync(await writeReport(run), "utf8");
    expect(page).toContain("What it learned: test");
    expect(page).toContain("What it learned: rtllm");
    expect(page).toContain("120 held-out problems were sampled");
    expect(page).toContain("1 held-out problems were sampled");
  });
});
