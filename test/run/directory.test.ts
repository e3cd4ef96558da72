import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { defaultRunName, openRun, runsOf } from "../../src/run/directory.js";
import { readRecord } from "../../src/run/record.js";
import { startChild } from "./child.js";
import { errorOf, fakeHost, scratch, tree } from "./help.js";
import { CONFIG, opening } from "./opening.js";

/** A pid that existed and does not any more. */
const deadPid = (): number => spawnSync("true").pid;

describe("a new run", () => {
  it("holds its config, its record and its first attempt", () => {
    const root = join(scratch(), "deep", "runs");
    const run = openRun(opening(root));
    expect(run).toMatchObject({ name: "a", attempt: 1, resumed: false, before: null });
    run.event("start", { cores: 2 });
    expect(tree(root)).toEqual([
      "a/",
      "a/config.resolved.yaml",
      "a/logs/",
      "a/logs/attempt-1/",
      "a/logs/attempt-1/events.jsonl",
      "a/logs/attempt-1/owner.json",
      "a/run.json",
    ]);
    expect(readFileSync(run.file("config.resolved.yaml"), "utf8")).toBe(CONFIG);
    expect(JSON.parse(readFileSync(run.file("logs", "attempt-1", "events.jsonl"), "utf8"))).toMatchObject({
      kind: "start",
      cores: 2,
    });
    run.update({
      step: 7,
      engine: "embedded",
      choices: { "rl.advantage": "history: groups of unequal size" },
    });
    run.close("done", 0);
    expect(readRecord(run.path)).toMatchObject({
      format: 1,
      name: "a",
      stage: "rl",
      state: "done",
      step: 7,
      seed: 1,
      engine: "embedded",
      configHash: "hash-1",
      attempts: [{ pid: process.pid, command: "train --stage rl", exit: 0 }],
    });
    expect(tree(run.path)).not.toContain("logs/attempt-1/owner.json");
  });

  it("gets a name from the config and the time, and another in the same second", () => {
    expect(defaultRunName("adaptive-dapo.yaml", new Date(2025, 0, 2, 3, 4, 5))).toBe(
      "adaptive-dapo-20250102-030405",
    );
    const host = fakeHost({ now: () => new Date(2025, 0, 2, 3, 4, 5) });
    const root = scratch();
    expect(openRun(opening(root, { name: null, host })).name).toBe("adaptive-dapo-20250102-030405");
    expect(openRun(opening(root, { name: null, host })).name).toBe("adaptive-dapo-20250102-030405-2");
  });

  it("is refused when the name is taken, by a run or by anything else", () => {
    const root = scratch();
    openRun(opening(root)).close("done", 0);
    const error = errorOf(() => openRun(opening(root)));
    expect(error.exitCode).toBe(2);
    expect(error.message).toBe(`run a already exists in ${root}`);
    expect(error.hint).toBe("add --resume to go on with it, or choose another name with run.name=OTHER");
    writeFileSync(join(root, "file"), "");
    expect(errorOf(() => openRun(opening(root, { name: "file" }))).code).toBe("usage");
  });

  it("is refused before anything is written when too little space is free", () => {
    const root = scratch();
    const error = errorOf(() =>
      openRun(opening(root, { needBytes: 5e9, host: fakeHost({ freeBytes: () => 1.25e9 }) })),
    );
    expect([error.exitCode, error.message]).toEqual([
      4,
      `this run needs 5.0 GB free in ${root}, but only 1.3 GB are`,
    ]);
    expect(readdirSync(root)).toEqual([]);
  });

  it("is refused in a place that cannot hold it", () => {
    const root = join(scratch(), "file");
    writeFileSync(root, "");
    const error = errorOf(() => openRun(opening(join(root, "runs"))));
    expect([error.code, error.hint]).toEqual(["usage", "choose another folder with run.dir=FOLDER"]);
  });

  it.skipIf(process.getuid?.() === 0)("is refused in a folder that is not writable", () => {
    const root = scratch();
    chmodSync(root, 0o555);
    const error = errorOf(() => openRun(opening(root)));
    chmodSync(root, 0o755);
    expect([error.exitCode, error.message]).toEqual([
      4,
      `cannot make the run ${join(root, "a")}: not writable by this user (EACCES)`,
    ]);
    expect(readdirSync(root)).toEqual([]);
  });

  it("clears what a process killed in the middle of making one left", () => {
    const root = scratch();
    mkdirSync(join(root, `.a.tmp-${deadPid()}`));
    openRun(opening(root));
    expect(readdirSync(root)).toEqual(["a"]);
  });
});

describe("resuming", () => {
  it("makes a second attempt and says how the first ended", () => {
    const root = scratch();
    const first = openRun(opening(root));
    first.update({ step: 5 });
    first.close("stopped", 75, "SIGTERM");
    const run = openRun(opening(root, { resume: true }));
    expect(run).toMatchObject({
      attempt: 2,
      resumed: true,
      before: "stopped",
      record: { step: 5, state: "running" },
    });
    expect(run.record.attempts.map((a) => a.exit)).toEqual([75, null]);
  });

  it("takes over from a killed process, whose state still reads running", () => {
    const root = scratch();
    openRun(opening(root, { host: fakeHost({ pid: deadPid() }) }));
    const run = openRun(opening(root, { resume: true }));
    expect(run).toMatchObject({ attempt: 2, before: "running" });
    expect(run.record.attempts[0]).toMatchObject({ ended: null, exit: null });
  });

  it("takes over when the pid now belongs to another process", () => {
    const root = scratch();
    openRun(opening(root, { host: fakeHost({ birthmark: () => "boot/1" }) }));
    expect(
      openRun(opening(root, { resume: true, host: fakeHost({ birthmark: () => "boot/2" }) })).attempt,
    ).toBe(2);
  });

  it("is refused while another process writes, on this machine or another", () => {
    const root = scratch();
    const run = openRun(opening(root));
    const error = errorOf(() => openRun(opening(root, { resume: true })));
    expect(error.code).toBe("usage");
    expect(error.message).toContain(`run a is being written by process ${process.pid} (since`);
    const far = errorOf(() =>
      openRun(opening(root, { resume: true, host: fakeHost({ hostname: "other" }) })),
    );
    expect(far.message).toContain(` on ${fakeHost().hostname} (since`);
    run.close("stopped", 75);
    expect(openRun(opening(root, { resume: true })).attempt).toBe(2);
  });

  it("of a missing run names those there are", () => {
    const root = scratch();
    openRun(opening(root, { name: "b" }));
    const error = errorOf(() => openRun(opening(root, { resume: true })));
    expect([error.code, error.message]).toEqual(["usage", `--resume: there is no run a in ${root}`]);
    expect(error.hint).toBe("leave out --resume to start it, or name one of these with run.name=: b");
  });

  it("of another stage is refused", () => {
    const root = scratch();
    openRun(opening(root)).close("done", 0);
    const error = errorOf(() => openRun(opening(root, { resume: true, stage: "distill" })));
    expect([error.message, error.hint]).toEqual([
      "--resume: run a is of stage rl, not distill",
      "type --stage rl, or another run.name",
    ]);
  });

  it("with another config is refused, key by key; where and how often to write may change", () => {
    const root = scratch();
    openRun(opening(root)).close("stopped", 75);
    const changed = CONFIG.replace("0.0001", "0.001").replace("keep_last: 2", "keep_last: 5");
    const error = errorOf(() =>
      openRun(opening(root, { resume: true, configText: changed, configHash: "h2" })),
    );
    expect(error.details).toEqual(["learner.lr: the run has 0.0001, now 0.001"]);
    expect(error.hint).toContain(`--config ${join(root, "a", "config.resolved.yaml")}`);
    expect(readRecord(join(root, "a"))?.state).toBe("stopped");
    const free = CONFIG.replace("keep_last: 2", "keep_last: 5");
    const run = openRun(opening(root, { resume: true, configText: free, configHash: "h3" }));
    expect(readFileSync(run.file("config.resolved.yaml"), "utf8")).toBe(free);
  });

  it("without a name takes the newest unfinished run of the stage", () => {
    const root = scratch();
    const at = (day: number) => fakeHost({ now: () => new Date(2025, 0, day) });
    openRun(opening(root, { name: "old", host: at(1) })).close("stopped", 75);
    openRun(opening(root, { name: "new", host: at(2) })).close("stopped", 75);
    openRun(opening(root, { name: "done", host: at(3) })).close("done", 0);
    openRun(opening(root, { name: "other", stage: "eval", host: at(4) })).close("stopped", 75);
    expect(openRun(opening(root, { name: null, resume: true })).name).toBe("new");
  });

  it("of a run whose record is torn says so", () => {
    const root = scratch();
    openRun(opening(root)).close("stopped", 75);
    writeFileSync(join(root, "a", "run.json"), '{"format": 1');
    expect(errorOf(() => openRun(opening(root, { resume: true }))).exitCode).toBe(3);
    expect(runsOf(root)).toEqual([]);
  });
});

it("lets one of several processes that start at the same moment win", async () => {
  const root = scratch();
  openRun(opening(root, { host: fakeHost({ pid: deadPid() }) }));
  const go = join(root, ".go");
  const children = Array.from({ length: 4 }, () => startChild("claim-child.ts", [root, go]));
  await Promise.all(children.map((c) => c.line("ready")));
  writeFileSync(go, "");
  const results = await Promise.all(children.map((c) => c.line(/^(won|lost)/)));
  expect(results.filter((r) => r === "won 2")).toHaveLength(1);
  expect(results.filter((r) => r === "lost usage")).toHaveLength(3);
  for (const c of children) c.kill();
});
