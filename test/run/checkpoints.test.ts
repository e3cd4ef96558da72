import { spawnSync } from "node:child_process";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { makeRng } from "../../src/core/rng.js";
import { type CheckpointOptions, makeCheckpointStore } from "../../src/run/checkpoints.js";
import { prunable } from "../../src/run/prune.js";
import { startChild } from "./child.js";
import { fakeHost, rejectionOf, scratch, tree } from "./help.js";

function storeIn(runDir: string, over: Partial<CheckpointOptions> = {}) {
  const warnings: string[] = [];
  const store = makeCheckpointStore({
    runDir,
    keepLast: 2,
    keepBest: 1,
    version: "0.1.0",
    configHash: "hash-1",
    warn: (text) => warnings.push(text),
    ...over,
  });
  const save = (step: number, metric?: number, text = `weights ${step}`) =>
    store.save(step, metric === undefined ? {} : { metric }, async (dir) => {
      mkdirSync(join(dir, "policy"));
      writeFileSync(join(dir, "policy", "model.safetensors"), text);
      writeFileSync(join(dir, "state.json"), "{}");
      return { policyVersion: step };
    });
  return { store, save, warnings };
}

describe("a checkpoint", () => {
  it("lists every file with its size and hash, and `latest` points at it", async () => {
    const dir = scratch();
    const { store, save } = storeIn(dir);
    const saved = await save(42, 0.5, "abc");
    expect(tree(dir)).toEqual([
      "latest/",
      "latest/manifest.json",
      "latest/policy/",
      "latest/policy/model.safetensors",
      "latest/state.json",
      "step-000042/",
      "step-000042/manifest.json",
      "step-000042/policy/",
      "step-000042/policy/model.safetensors",
      "step-000042/state.json",
    ]);
    expect(readlinkSync(join(dir, "latest"))).toBe("step-000042");
    // SHA-256 of "abc": FIPS 180-2, appendix B.1.
    expect(saved.manifest).toMatchObject({
      format: 1,
      step: 42,
      version: "0.1.0",
      configHash: "hash-1",
      metric: 0.5,
      files: {
        "policy/model.safetensors": {
          bytes: 3,
          sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        },
      },
      extra: { policyVersion: 42 },
    });
    expect(await store.load(42)).toEqual(saved);
    expect(await store.latest()).toEqual(saved);
  });

  it("makes the metrics durable before it counts", async () => {
    const dir = scratch();
    const seen: boolean[] = [];
    const beforeCommit = () => seen.push(existsSync(join(dir, "step-000001")));
    await storeIn(dir, { beforeCommit }).save(1);
    expect(seen).toEqual([false]);
  });

  it("of the same step again replaces the first", async () => {
    const dir = scratch();
    const { store, save, warnings } = storeIn(dir);
    await save(1, undefined, "first");
    await save(1, undefined, "second");
    expect(readFileSync(join((await store.load(1)).dir, "policy", "model.safetensors"), "utf8")).toBe(
      "second",
    );
    expect(readdirSync(dir).sort()).toEqual(["latest", "step-000001"]);
    expect(warnings).toEqual([]);
  });
});

describe("a damaged checkpoint", () => {
  const damages: Record<string, [(dir: string) => void, RegExp]> = {
    "a changed byte": [
      (d) => writeFileSync(join(d, "policy", "model.safetensors"), "weighTs 3"),
      /policy\/model.safetensors has changed/,
    ],
    "a longer file": [(d) => appendFileSync(join(d, "state.json"), " "), /state.json has 3 bytes, not 2/],
    "a missing file": [(d) => rmSync(join(d, "state.json")), /state.json is missing/],
    "no manifest": [(d) => rmSync(join(d, "manifest.json")), /it has no manifest.json/],
    "half a manifest": [
      (d) => writeFileSync(join(d, "manifest.json"), '{"format":'),
      /manifest.json is not JSON/,
    ],
    "another format": [
      (d) => writeFileSync(join(d, "manifest.json"), '{"format": 9}'),
      /manifest.json: format/,
    ],
    "a path that leaves": [
      (d) => {
        const path = join(d, "manifest.json");
        writeFileSync(path, readFileSync(path, "utf8").replace('"state.json"', '"../state.json"'));
      },
      /names \.\.\/state.json/,
    ],
  };

  it.each(Object.keys(damages))("with %s is passed over with a warning and left", async (name) => {
    const [damage, reason] = damages[name]!;
    const dir = scratch();
    const { store, save, warnings } = storeIn(dir, { keepLast: 3 });
    for (const step of [1, 2, 3]) await save(step, step / 10);
    damage(join(dir, "step-000003"));
    expect((await store.latest())?.step).toBe(2);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(reason);
    expect(existsSync(join(dir, "step-000003"))).toBe(true);
    const error = await rejectionOf(store.load(3));
    expect(error.exitCode).toBe(3);
    expect(error.message).toMatch(reason);
    // Training goes on from 2 and saves 3 again: the damaged one is set aside, not deleted.
    await save(3);
    expect((await store.load(3)).step).toBe(3);
    expect(readdirSync(dir)).toContain("step-000003.corrupt-1");
  });

  it("ends the run when there is no other", async () => {
    const dir = scratch();
    const { store, save } = storeIn(dir);
    await save(1);
    rmSync(join(dir, "step-000001", "state.json"));
    const error = await rejectionOf(store.latest());
    expect([error.code, error.message]).toEqual([
      "checkpoint",
      `no intact checkpoint is left in ${dir}; 1 are corrupt`,
    ]);
  });
});

describe("a failing save", () => {
  it.skipIf(!existsSync("/dev/full"))("on a full disk leaves the one before and says so", async () => {
    const dir = scratch();
    const { store, save } = storeIn(dir);
    await save(1);
    const error = await rejectionOf(
      store.save(2, {}, async (d) => {
        writeFileSync(join(d, "a"), "x");
        symlinkSync("/dev/full", join(d, "b"));
        writeFileSync(join(d, "b"), "x"); // the kernel's own ENOSPC
        return {};
      }),
    );
    expect(error.exitCode).toBe(4);
    expect(error.message).toBe(
      `no space left to save step 2 in ${dir} (ENOSPC); checkpoint step-000001 is intact`,
    );
    expect(error.hint).toContain("--resume");
    expect(readdirSync(dir).sort()).toEqual(["latest", "step-000001"]);
    expect((await store.latest())?.step).toBe(1);
  });

  it("does not start when less is free than the last one took", async () => {
    const dir = scratch();
    let free = 1e9;
    const { save } = storeIn(dir, { host: fakeHost({ freeBytes: () => free }) });
    await save(1, undefined, "x".repeat(1000));
    free = 900;
    const error = await rejectionOf(save(2));
    expect(error.message).toContain("saving step 2 needs 1.1 kB free");
    expect(error.message).toContain("only 900 B are; checkpoint step-000001 is intact");
  });

  it("of the writer's own error passes it on", async () => {
    const dir = scratch();
    const { store } = storeIn(dir);
    const error = await rejectionOf(store.save(1, {}, () => Promise.reject(new Error("worker died"))));
    expect(error.message).toContain("worker died");
    expect(readdirSync(dir)).toEqual([]);
  });
});

describe("what is kept", () => {
  it("is the newest and the best", async () => {
    const dir = scratch();
    const { store, save } = storeIn(dir, { keepLast: 2, keepBest: 1 });
    for (const [step, metric] of [
      [10, 0.3],
      [20, 0.6],
      [30, 0.4],
      [40, 0.5],
      [50, 0.2],
    ] as const)
      await save(step, metric);
    expect(store.list().map((c) => c.step)).toEqual([20, 40, 50]);
    expect((await store.best())?.step).toBe(20);
  });

  it("includes the one just loaded", async () => {
    const dir = scratch();
    const first = storeIn(dir);
    for (const step of [1, 2]) await first.save(step);
    const { store, save } = storeIn(dir, { keepLast: 1, keepBest: 0 });
    await store.load(1);
    await save(3);
    expect(store.list().map((c) => c.step)).toEqual([1, 3]);
  });

  it("never loses the newest or the best, and never keeps more than asked", () => {
    const rated = fc.uniqueArray(
      fc.record({ step: fc.nat(1000), metric: fc.option(fc.double({ min: 0, max: 1, noNaN: true })) }),
      { selector: (c) => c.step, minLength: 1 },
    );
    fc.assert(
      fc.property(rated, fc.integer({ min: 1, max: 5 }), fc.nat(5), (all, keepLast, keepBest) => {
        const doomed = new Set(prunable(all, { keepLast, keepBest, keep: null }));
        const left = all.filter((c) => !doomed.has(c.step));
        expect(left.length).toBeLessThanOrEqual(keepLast + keepBest);
        expect(left).toContainEqual(all.reduce((a, b) => (b.step > a.step ? b : a)));
        const best = Math.max(...all.map((c) => c.metric ?? -1));
        if (keepBest > 0 && best >= 0) expect(left.map((c) => c.metric)).toContain(best);
        expect(prunable(left, { keepLast, keepBest, keep: null })).toEqual([]);
      }),
    );
  });
});

it("clears what dead processes left, and puts back a checkpoint that was about to be replaced", async () => {
  const dir = scratch();
  await storeIn(dir).save(1);
  const dead = spawnSync("true").pid;
  renameSync(join(dir, "step-000001"), join(dir, `step-000001.old-${dead}`));
  mkdirSync(join(dir, `step-000002.tmp-${dead}`));
  mkdirSync(join(dir, `step-000003.del-${dead}`));
  mkdirSync(join(dir, `step-000004.tmp-${process.ppid}`)); // a living process's
  const { store } = storeIn(dir);
  expect(readdirSync(dir).sort()).toEqual(["latest", "step-000001", `step-000004.tmp-${process.ppid}`]);
  expect((await store.latest())?.step).toBe(1);
});

it("survives kill -9 at any moment", async () => {
  const dir = scratch();
  const rng = makeRng("kill");
  let reached = 0;
  for (let kill = 0; kill < 10; kill++) {
    const child = startChild("save-child.ts", [dir, String(kill + 1)]);
    expect(await child.line(/^from /)).toBe(`from ${reached}`);
    const more = kill % 3;
    if (more > 0) await child.line(`saved ${reached + more}`);
    await new Promise((resolve) => setTimeout(resolve, rng.uniform() * 30));
    child.kill();
    await child.closed;
    expect(child.lines.filter((l) => l.startsWith("warn"))).toEqual([]);
    const said = Number(child.lines.findLast((l) => l.startsWith("saved "))?.slice(6) ?? reached);
    const { store, warnings } = storeIn(dir);
    const latest = await store.latest();
    reached = latest?.step ?? 0;
    expect(warnings).toEqual([]);
    // What was said to be saved is there; one more may have got its name before the kill.
    expect(reached - said === 0 || reached - said === 1).toBe(true);
    if (latest !== null) {
      expect(JSON.parse(readFileSync(join(latest.dir, "state.json"), "utf8"))).toEqual({ step: reached });
    }
    expect(readdirSync(dir).filter((n) => /\.(tmp|old|del)-/.test(n))).toEqual([]);
  }
  expect(reached).toBeGreaterThan(5);
});
