/** The rewarder in a process of its own is the rewarder, and what happens to the process is never a score. */

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { TrainError } from "../../../src/core/errors.js";
import type { Verdict } from "../../../src/core/types.js";
import { seed } from "../../../src/core/units.js";
import { type Child, startChild } from "../../../src/reward/process/child.js";
import { makeRewarderProcess, startRewarder } from "../../../src/reward/process/rewarder-process.js";
import type { SimulatorRewarder } from "../../../src/reward/rewarder.js";
import { lives } from "../../sim/native.js";
import { answer, children, open, problem, signal, tools } from "../harness.js";

const p = problem("module top_module(input a, b, output y); assign y = a & b; endmodule");
const good = "module top_module(input a, b, output y); assign y = b & a; endmodule";
const loop = "module top_module(input a, b, output y); assign y = b & a; initial forever #1 ; endmodule";
const slow =
  "module top_module(input a, b, output reg y); integer k; always @(a or b) begin y = a & b; k = 0; while (k >= 0) k = (k + 1) % 9; end endmodule";
const dir = mkdtempSync(join(tmpdir(), "rewarder-process-"));
const settings = {
  tools: tools(),
  cacheDir: join(dir, "cache"),
  scratchDir: join(dir, "scratch"),
  nativeDir: join(tmpdir(), "reward-test-native"),
  concurrency: 2,
  mutants: 0,
  audit: { share: 0, vectors: 64 },
};
const opened: SimulatorRewarder[] = [];
const separate = (
  over: object = {},
  start?: Parameters<typeof makeRewarderProcess>[1],
): SimulatorRewarder => {
  const r = makeRewarderProcess({ ...settings, ...over }, start);
  opened.push(r);
  return r;
};
afterEach(async () => {
  for (const r of opened.splice(0)) await r.close();
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const score = (r: SimulatorRewarder, code: string, s: AbortSignal = signal()): Promise<Verdict> =>
  r.score({ problem: p, text: answer(code), seed: seed(1) }, s);

/** A process that does nothing but what `body` says for a message `m`. */
let fakes = 0;
const fakeProcess = (body: string) => (): Child => {
  const script = join(dir, `fake-${fakes++}.mjs`);
  writeFileSync(script, `process.on("message", (messages) => { for (const m of messages) { ${body} } });\n`);
  return startChild(pathToFileURL(script));
};

describe("a rewarder in a process of its own", () => {
  it("gives the verdicts that the same rewarder gives without one", async () => {
    const here = open({ mutants: 0, audit: { share: 0, vectors: 64 } });
    const r = separate();
    const seen: [number, number][] = [];
    try {
      expect((await r.prepare([p], (done, total) => seen.push([done, total]), signal())).size).toBe(0);
      expect(seen).toEqual([
        [0, 1],
        [1, 1],
      ]);
      for (const code of [
        good,
        good.replace("&", "|"),
        good.replace("b & a", "b &"),
        "initial $fopen(1);",
        loop,
      ]) {
        const { wallMs: _, ...there } = (await score(r, code)) as Extract<Verdict, { kind: "scored" }>;
        const { wallMs: __, ...own } = (await here.score(p, code)) as Extract<Verdict, { kind: "scored" }>;
        expect(there).toEqual(own);
      }
      const e = await r.explain(p, good.replace("&", "|"), signal());
      expect([e.equal, e.first?.signal]).toEqual([false, "y"]);
      const stats = await r.stats();
      expect([stats.latency.count > 0, stats.byProblem.get(p.id)?.count]).toEqual([
        true,
        stats.latency.count,
      ]);
      const { sandbox, engine } = await r.environment();
      expect([sandbox.length > 0, ["forked", "spawn"].includes(engine)]).toEqual([true, true]);
    } finally {
      await here.close();
    }
  });

  it("a golden crosses once, and again when a problem of the same name has another", async () => {
    const r = separate();
    expect(await score(r, good)).toMatchObject({ outcome: "pass" });
    const renamed = problem(p.task.golden.replace("&", "|"), p.id);
    const v = await r.score({ problem: renamed, text: answer(good), seed: seed(1) }, signal());
    expect(v).toMatchObject({ outcome: "mismatch" });
    expect(await score(r, good)).toMatchObject({ outcome: "pass", cached: true });
  });

  it("an abort ends the call at once with its reason, and the process goes on", async () => {
    const r = separate({ concurrency: 1 });
    await r.prepare([p], () => {}, signal());
    const stop = new AbortController();
    const ends = [score(r, slow, stop.signal), score(r, `${slow} // again`, stop.signal)];
    const both = Promise.allSettled(ends);
    await vi.waitFor(
      () => {
        const { running, queued, oldestMs } = r.waiting();
        expect([running, queued, oldestMs > 200]).toEqual([1, 1, true]);
      },
      { timeout: 5000 },
    );
    const asked = performance.now();
    stop.abort(new Error("enough"));
    for (const end of await both)
      expect(end).toMatchObject({ status: "rejected", reason: { message: "enough" } });
    expect(performance.now() - asked).toBeLessThan(1000);
    expect(await score(r, good)).toMatchObject({ outcome: "pass" });
    await expect(score(r, good, stop.signal)).rejects.toThrow("enough");
  });

  it("errors keep code, hint and details", async () => {
    const r = separate({ sandbox: "required", tools: { ...tools(), bwrap: null } });
    const thrown = await r.environment().catch((e) => e);
    expect(thrown).toBeInstanceOf(TrainError);
    expect([thrown.code, thrown.hint]).toEqual(["tool", expect.stringContaining("reward.sandbox=auto")]);
    await expect(score(r, good)).rejects.toMatchObject({ code: "tool" });
  });

  it("closes with everything it started; what comes after is refused, not left hanging", async () => {
    const before = children().length;
    const r = separate();
    expect(await score(r, good)).toMatchObject({ outcome: "pass" });
    await Promise.all([r.close(), r.close()]);
    expect(children().length).toBe(before);
    await expect(score(r, good)).rejects.toMatchObject({ code: "worker" });
    expect(r.waiting()).toMatchObject({ queued: 0 });
  });
});

describe("the end of it", () => {
  it("is the program's to decide: Ctrl-C and a job's end reach the whole group", async () => {
    let child: Child | undefined;
    const r = separate({}, () => {
      child = startRewarder();
      return child;
    });
    expect(await score(r, good)).toMatchObject({ outcome: "pass" });
    for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.kill(child!.pid!, name);
    expect(await score(r, `${good} // again`)).toMatchObject({ outcome: "pass" });
  });

  it("comes with the program's, even when that is killed, and takes along what it has started", async () => {
    const host = join(dir, "host.mts");
    const at = (name: string): string =>
      JSON.stringify(fileURLToPath(new URL(`../../../src/${name}`, import.meta.url)));
    writeFileSync(
      host,
      `import { makeRewarderProcess } from ${at("reward/process/rewarder-process.ts")};
       const settings = ${JSON.stringify({ ...settings, scratchDir: join(dir, "host-scratch") })};
       const problem = ${JSON.stringify(p)};
       await makeRewarderProcess(settings).score({ problem, text: ${JSON.stringify(answer(slow))}, seed: 1 }, new AbortController().signal);`,
    );
    const cwd = fileURLToPath(new URL("../../..", import.meta.url));
    const before = new Set(children().map((c) => c.pid));
    const program = spawn(process.execPath, ["--import", "tsx", host], { cwd, stdio: "ignore" });
    const below = () => children().filter((c) => !before.has(c.pid) && c.pid !== program.pid);
    await vi.waitFor(() => expect(below().some((c) => c.name === "vvp")).toBe(true), { timeout: 15_000 });
    const pids = below().map((c) => c.pid);
    program.kill("SIGKILL");
    await vi.waitFor(() => expect(pids.filter(lives)).toEqual([]), { timeout: 5000 });
  }, 30_000);
});

describe("a process that dies", () => {
  it("is replaced, and what it was working on is tried once more", async () => {
    let started = 0;
    const r = separate({}, () =>
      ++started === 1 ? fakeProcess('if (m.kind === "call") process.exit(3);')() : startRewarder(),
    );
    expect(await score(r, good)).toMatchObject({ kind: "scored", outcome: "pass" });
    expect(started).toBe(2);
  });

  it("again and again: infra for scores, an error with what to do for the rest; it never hangs", async () => {
    let started = 0;
    const dies = fakeProcess('if (m.kind === "call") process.exit(3);');
    const r = separate({}, () => {
      started++;
      return dies();
    });
    expect(await score(r, good)).toMatchObject({ kind: "infra", code: "process", retryable: true });
    const prepared = await r.prepare([p], () => {}, signal()).catch((e) => e);
    expect([prepared.code, prepared.hint]).toEqual(["worker", expect.stringContaining("train doctor")]);
    expect(await score(r, good)).toMatchObject({ kind: "infra", code: "process" });
    expect(started).toBeLessThanOrEqual(4);
  });

  it("by an error of its own: the message says which", async () => {
    const r = separate({}, fakeProcess('if (m.kind === "call") throw new Error("out of memory, say");'));
    const v = await score(r, good);
    expect(v).toMatchObject({ kind: "infra", code: "process" });
    expect(v.log).toContain("out of memory, say");
  });
});
