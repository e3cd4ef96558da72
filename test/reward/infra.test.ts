/** The machinery's failures are `infra`: retried, then given back as such, never a score and never cached. */

import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { TrainError } from "../../src/core/errors.js";
import type { SimJob, SimResult, Simulator } from "../../src/sim/simulator.js";
import { DEFAULT_LIMITS } from "../../src/sim/simulator.js";
import { makeSpawnSimulator } from "../../src/sim/spawn.js";
import { installHint, locateTools } from "../../src/sim/tools.js";
import { children, open, problem, signal, tools } from "./harness.js";

const p = problem("module top_module(input a, b, output y); assign y = a & b; endmodule");
const good = "module top_module(input a, b, output y); assign y = b & a; endmodule";
const opened: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0)) await close();
});
const bench = (options: Parameters<typeof open>[0] = {}) => {
  const b = open({ retries: 1, ...options });
  opened.push(b.close);
  return b;
};

describe("infra", () => {
  it("when the compiler is missing", async () => {
    const b = bench({ tools: { ...tools(), ivlBase: "/nonexistent/ivl" } });
    const v = await b.score(p, good);
    expect(v.kind === "infra" && [v.code, v.retryable]).toEqual(["ENOENT", true]);
  });

  it("when the simulator is missing", async () => {
    const b = bench({ tools: { ...tools(), vvp: { path: "/nonexistent/vvp", version: "0" } } });
    const v = await b.score(p, good);
    expect(v.kind === "infra" && v.code).toBe("ENOENT");
    const refused = await b.rewarder.prepare([p], () => {}, signal());
    expect(refused.get(p.id)).toMatch(/^not prepared \(ENOENT\)/);
  });

  it("when Yosys cannot be started, but not when there is none", async () => {
    const broken = bench({ tools: { ...tools(), yosys: { path: "/nonexistent/yosys", version: "0" } } });
    // A golden that went by its header alone would be kept on disk as one that Yosys does not read.
    expect(await broken.score(p, good)).toMatchObject({ kind: "infra", code: "ENOENT", retryable: false });
    const none = bench({ tools: { ...tools(), yosys: null } });
    expect((await none.scored(p, good)).outcome).toBe("pass");
  });

  it("when scratch cannot be written", async () => {
    const dir = mkdtempSync(join(tmpdir(), "blocked-"));
    try {
      writeFileSync(join(dir, "file"), "");
      const b = bench({ scratchDir: join(dir, "file", "scratch") });
      const v = await b.score(p, good);
      expect(v.kind === "infra" && v.code).toBe("ENOTDIR");
    } finally {
      rmSync(dir, { recursive: true });
    }
  });

  it("when the cache cannot be written", async () => {
    const b = bench({ cacheDir: join(tools().vvp.path, "cache") });
    const v = await b.score(p, good);
    expect(v.kind === "infra" && v.code).toBe("ENOTDIR");
  });

  it("when a worker is killed from outside; the next try has a new one", async () => {
    const b = bench({ retries: 3 });
    await b.rewarder.prepare([p], () => {}, signal());
    for (const c of children()) if (c.name === "sh") process.kill(c.pid, "SIGKILL");
    expect((await b.scored(p, good)).outcome).toBe("pass");
  });

  it("when the simulation is killed from outside", async () => {
    const dir = mkdtempSync(join(tmpdir(), "killer-"));
    try {
      // A simulator that is killed as the kernel's out-of-memory killer would do it.
      const vvp = join(dir, "vvp");
      writeFileSync(vvp, "#!/bin/sh\nkill -9 $$\n");
      chmodSync(vvp, 0o755);
      const sim = makeSpawnSimulator({
        tools: { ...tools(), vvp: { path: vvp, version: "0" } },
        scratchDir: dir,
        limits: DEFAULT_LIMITS,
      });
      const r = await sim.run({ source: "module t; endmodule\n", root: "t", cpuSeconds: null }, signal());
      await sim.close();
      expect(r.kind === "infra" && [r.code, r.retryable]).toEqual(["killed", true]);
    } finally {
      rmSync(dir, { recursive: true });
    }
  });

  it("is retried, and a later success is a score", async () => {
    const real = makeSpawnSimulator({
      tools: tools(),
      scratchDir: mkdtempSync(join(tmpdir(), "flaky-")),
      limits: DEFAULT_LIMITS,
    });
    let calls = 0;
    const flaky: Simulator = {
      run: async (job: SimJob, s): Promise<SimResult> =>
        ++calls % 2 === 1
          ? { kind: "infra", code: "EAGAIN", retryable: true, log: "try again" }
          : real.run(job, s),
      close: () => real.close(),
    };
    const b = bench({ simulator: flaky, retries: 4 });
    expect((await b.scored(p, good)).outcome).toBe("pass");
    expect(calls).toBeGreaterThan(3);
  });

  it("is not cached", async () => {
    const real = makeSpawnSimulator({
      tools: tools(),
      scratchDir: mkdtempSync(join(tmpdir(), "heals-")),
      limits: DEFAULT_LIMITS,
    });
    let broken = true;
    const heals: Simulator = {
      run: async (job, s): Promise<SimResult> =>
        broken ? { kind: "infra", code: "ENOSPC", retryable: true, log: "disk full" } : real.run(job, s),
      close: () => real.close(),
    };
    const b = bench({ simulator: heals, retries: 0 });
    const first = await b.score(p, good);
    expect(first.kind === "infra" && first.code).toBe("ENOSPC");
    broken = false;
    expect((await b.scored(p, good)).outcome).toBe("pass");
  });
});

describe("cache on disk", () => {
  it("serves another rewarder, and a damaged file is made again", async () => {
    const a = bench();
    const shared = join(a.dir, "shared");
    mkdirSync(shared);
    const first = bench({ cacheDir: shared });
    await first.rewarder.prepare([p], () => {}, signal());
    const files = (readdirSync(shared, { recursive: true }) as string[]).filter((f) => f.endsWith(".json"));
    expect(files.length).toBe(1);
    const path = join(shared, files[0]!);
    const stored = readFileSync(path, "utf8");
    // Without tools a second rewarder can still tell goldens apart: all it needs is in the file.
    const second = bench({
      cacheDir: shared,
      tools: { ...tools(), yosys: { path: "/nonexistent", version: "0" } },
    });
    expect((await second.rewarder.prepare([p], () => {}, signal())).size).toBe(0);
    writeFileSync(path, stored.slice(0, stored.length / 2));
    const third = bench({ cacheDir: shared });
    expect((await third.scored(p, good)).outcome).toBe("pass");
    expect(readFileSync(path, "utf8")).toBe(stored);
  });
});

it("works through the iverilog driver where ivl cannot be called directly", async () => {
  const b = bench({ tools: { ...tools(), ivlBase: null } });
  expect((await b.scored(p, good)).outcome).toBe("pass");
  expect((await b.scored(p, good.replace("&", "|"))).outcome).toBe("mismatch");
  const bad = await b.scored(p, "module top_module(input a, b, output y);\nassign y = a +;\nendmodule");
  expect([bad.outcome, bad.log.split("\n")[0]]).toEqual(["compile", "line 2: syntax error"]);
});

it("says what to type when Icarus Verilog is missing", () => {
  const thrown = (() => {
    try {
      locateTools("/nonexistent");
    } catch (e) {
      return e;
    }
  })();
  expect(thrown).toBeInstanceOf(TrainError);
  expect(thrown).toMatchObject({
    code: "tool",
    message: "the reward needs Icarus Verilog (iverilog and vvp), but iverilog is not on the PATH",
    hint: "install it with one of: sudo apt-get install -y iverilog yosys | sudo dnf install -y iverilog yosys | brew install icarus-verilog yosys | conda install -c conda-forge iverilog yosys",
  });
  expect(installHint(["bwrap"])).not.toContain("brew");
});

it("finds the tools of this machine", () => {
  const t = tools();
  expect(t.iverilog.version).toMatch(/^\d+\.\d+/);
  expect(t.ivlBase === null || existsSync(join(t.ivlBase, "ivl"))).toBe(true);
});
