/** Fork servers: the same results as plain spawning, one candidate apart from the next, and nothing left behind. */

import { spawn, spawnSync } from "node:child_process";
import { chmodSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { TrainError } from "../../src/core/errors.js";
import { buildLibrary, forkedEngine, makeForkedSimulator } from "../../src/sim/forked.js";
import { openSandbox } from "../../src/sim/sandbox.js";
import { DEFAULT_LIMITS, type SimResult } from "../../src/sim/simulator.js";
import { type EngineChoice, openSimulator } from "../../src/sim/simulators.js";
import { children, signal, tools } from "../reward/harness.js";
import { until } from "../until.js";
import { compiler, fakeIvl, forkLibrary, initial, lives, openBench, untilTestEnds } from "./native.js";

const { bench, folder, opened } = untilTestEnds();
const boxed = openSandbox({ tools: tools(), mode: "auto", readOnly: [], scratchDir: folder() }).wrap !== null;
const sandboxes = boxed ? (["off", "required"] as const) : (["off"] as const);
const ENDLESS = initial("forever i = i + 1;");
const PATIENT = 30_000;

/** What a result says, without how long it took. */
const said = (r: SimResult): object => (r.kind === "ran" ? { ...r, ms: 0 } : r);

const CORPUS = [
  initial("$display(\"%0d %b %h %m\", 6 * 7, 4'b1x0z, 16'hbeef);"),
  initial('for (i = 0; i < 2000; i = i + 1) begin #1; $display("%0d %0t", i * i, $time); end $finish(0);'),
  initial('$write("%0d %f %0d", $clog2(1000), $ln(2.0), $countones(12));'),
  initial('$display("before"); $stop;'),
  initial("$fatal(1);"),
  initial('$error("e"); $warning("w"); $info("i");'),
  initial('$display("%0d %0d", $random, $urandom);'),
  initial('$finish; $display("after");'),
  initial('f = $fopen("/nonexistent/x", "r"); $write("%0d", f);'),
  initial("$nosuch(1);"),
  initial('$readmemh("/nonexistent/words", i);'),
  "module t; endmodule\n",
  "module t; missing m(); endmodule\n",
  'module t; wire [3:0] a = 5; wire b = a[9]; initial #1 $write("%b", b); endmodule\n',
  "module t;\nreg a\nendmodule\n",
  "module other; endmodule\n",
  "",
  "\u0000\u0001module t; endmodule\n",
  'module t; initial $write("caf\u00e9 \u4e16"); endmodule\n',
  "`define X 1\nmodule t; initial $write(`X); endmodule\n",
  "module t; t again(); endmodule\n",
  'module t; real r; initial begin r = 1.0 / 3; $write("%f %g", r, r ** 0.5); end endmodule\n',
  'module t; reg clk = 0; reg [31:0] q = 1; always #5 clk = ~clk; always @(posedge clk) q <= {q[30:0], q[31] ^ q[21]}; initial #9000 begin $write("%h", q); $finish; end endmodule\n',
  `module t; ${Array.from({ length: 300 }, (_, k) => `wire [7:0] w${k} = ${k};`).join(" ")} initial #1 $write("%0d", w299); endmodule\n`,
  initial('$write("%s", "x"); $fflush; $fwrite(32\'h8000_0002, "to stderr");'),
];

describe.skipIf(compiler === null).each(sandboxes)("fork servers (sandbox %s)", (sandbox) => {
  it("give what plain spawning gives, log for log", async () => {
    const plain = bench({ engine: "spawn", sandbox });
    const forked = bench({ engine: "forked", sandbox });
    for (const source of CORPUS) {
      const [a, b] = await Promise.all([plain.run(source), forked.run(source)]);
      expect(said(b), source).toEqual(said(a));
    }
  });

  it(
    "are infra when one is killed in the middle of a job, and the next job has another",
    async () => {
      for (const victim of ["ivl", "vvp"]) {
        const b = bench({ engine: "forked", sandbox });
        const before = new Set(children().map((c) => c.pid));
        const job = b.run(ENDLESS, 5);
        // The two servers and the job, which is a vvp as well and younger than its server.
        const mine = () => children().filter((c) => !before.has(c.pid));
        const vvps = () => mine().filter((c) => c.name === "vvp");
        await until("the server and its job", vvps, (seen) => seen.length === 2);
        process.kill(mine().find((c) => c.name === victim)!.pid, "SIGKILL");
        expect(await job).toMatchObject({ kind: "infra", code: "killed", retryable: true });
        expect(await b.run(initial('$write("on");'))).toMatchObject({ kind: "ran", output: "on" });
        await until("the server alone", vvps, (seen) => seen.length === 1);
      }
    },
    PATIENT,
  );

  it(
    "are infra when the job itself is killed from outside, and live on",
    async () => {
      const b = bench({ engine: "forked", sandbox });
      await b.run(initial(""));
      const servers = new Set(children().map((c) => c.pid));
      const job = b.run(ENDLESS, 5);
      const fresh = () => children().filter((c) => !servers.has(c.pid) && c.name === "vvp");
      await until("the job", fresh, (seen) => seen.length === 1);
      process.kill(fresh()[0]!.pid, "SIGKILL");
      expect(await job).toMatchObject({ kind: "infra", code: "killed" });
      expect(await b.run(initial('$write("on");'))).toMatchObject({ kind: "ran" });
      expect(children().every((c) => servers.has(c.pid))).toBe(true);
    },
    PATIENT,
  );

  it(
    "keep files, descriptors and processes constant over hundreds of jobs",
    async () => {
      const b = bench({ engine: "forked", sandbox });
      const source = initial('for (i = 0; i < 50; i = i + 1) #1 $display("%0d", i);');
      const batch = async (n: number): Promise<void> => {
        await Promise.all(
          [0, 1].map(async () => {
            for (let k = 0; k < n / 2; k++)
              expect((await b.run(k % 5 === 0 ? "module t" : source)).kind).not.toBe("infra");
          }),
        );
      };
      const count = () => ({
        processes: children()
          .map((c) => c.pid)
          .sort(),
        descriptors: readdirSync("/proc/self/fd").length,
        theirs: children().map((c) => readdirSync(`/proc/${c.pid}/fd`).length),
        files: readdirSync(join(b.dir, "scratch"), { recursive: true }).length,
      });
      await batch(20);
      const before = count();
      await batch(300);
      expect(count()).toEqual(before);
    },
    PATIENT,
  );

  it(
    "end with the host, even when it is killed",
    async () => {
      const dir = folder();
      const host = join(dir, "host.mts");
      const at = (name: string): string =>
        JSON.stringify(fileURLToPath(new URL(`../../src/${name}`, import.meta.url)));
      writeFileSync(
        host,
        `import { openSimulator } from ${at("sim/simulators.ts")};
       import { locateTools } from ${at("sim/tools.ts")};
       const o = openSimulator({ tools: locateTools(process.env.PATH), scratchDir: ${JSON.stringify(join(dir, "s"))}, engine: "forked", sandbox: "${sandbox}" });
       void o.simulator.run({ source: ${JSON.stringify(ENDLESS)}, root: "t", cpuSeconds: 5 }, new AbortController().signal);`,
      );
      const cwd = fileURLToPath(new URL("../..", import.meta.url));
      const child = spawn(process.execPath, ["--import", "tsx", host], { cwd, stdio: "ignore" });
      const below = () =>
        children().filter((c) => c.name === "ivl" || c.name === "vvp" || c.name === "bwrap");
      await until("a server and a job", below, (seen) => seen.filter((c) => c.name === "vvp").length >= 2);
      const pids = below().map((c) => c.pid);
      child.kill("SIGKILL");
      await until(
        "their end",
        () => pids.filter(lives),
        (seen) => seen.length === 0,
      );
    },
    PATIENT,
  );
});

describe.skipIf(compiler === null)("a fork server", () => {
  it("leaves no process, no file and no open descriptor when it is closed in the middle of a job", async () => {
    const b = openBench({ engine: "forked" });
    const before = readdirSync("/proc/self/fd").length;
    const running = b.run(ENDLESS, 5);
    await until("a job", children, (seen) => seen.some((c) => c.name === "vvp"));
    await b.simulator.close();
    expect(await running).toMatchObject({ kind: "infra", code: "closed", retryable: false });
    const simulators = () => children().filter((c) => c.name === "vvp" || c.name === "ivl");
    await until("the end of all simulators", simulators, (seen) => seen.length === 0);
    expect(readdirSync(join(b.dir, "scratch")).filter((n) => /^w\d/.test(n))).toEqual([]);
    const descriptors = () => readdirSync("/proc/self/fd").length;
    await until(`at most ${before} descriptors`, descriptors, (seen) => seen <= before);
    expect(await b.run(ENDLESS)).toMatchObject({ kind: "infra", code: "closed" });
    await b.done();
  });

  it("stops a job at once when its signal aborts", async () => {
    const b = bench({ engine: "forked" });
    const abort = new AbortController();
    const job = b.simulator.run({ source: ENDLESS, root: "t", cpuSeconds: 5 }, abort.signal);
    await until("a job", children, (seen) => seen.some((c) => c.name === "vvp"));
    abort.abort(new Error("enough"));
    await expect(job).rejects.toThrow("enough");
    expect(await b.run(initial(""))).toMatchObject({ kind: "ran" });
  });

  it("starts every job from the same image: addresses and open files tell nothing of the job before", async () => {
    const dir = folder();
    // Stands for ivl: prints where its heap ends, what it inherits, and whether a mark of the job before is there.
    const base = fakeIvl(
      dir,
      'static char mark[8] = "clean"; printf("%p %s", sbrk(0), mark); for (int fd = 3; fd < 64; fd++) if (fcntl(fd, F_GETFD) != -1) printf(" %d", fd); printf(" %d %s", getenv("FORK_LOG") != 0, getenv("LD_PRELOAD")); strcpy(mark, "dirty"); malloc(1 << 20); return 9;',
    );
    writeFileSync(join(base, "vvp.conf"), "");
    const sim = makeForkedSimulator({
      tools: { ...tools(), ivlBase: base },
      scratchDir: join(dir, "s"),
      limits: DEFAULT_LIMITS,
      library: forkLibrary(),
      filter: true,
    });
    opened.push(() => sim.close());
    const seen = new Set<string>();
    for (let k = 0; k < 5; k++) {
      const r = await sim.run({ source: "x".repeat(k), root: "t", cpuSeconds: 1 }, signal());
      seen.add(r.kind === "compile" ? r.log : r.kind);
    }
    expect(seen.size).toBe(1);
    expect([...seen][0]).toMatch(/^0x[0-9a-f]+ clean 0 \(null\)$/);
  });

  it("gives a garbled job line no job", () => {
    const dir = folder();
    mkdirSync(join(dir, "out"));
    const { command } = forkedEngine(tools(), DEFAULT_LIMITS, forkLibrary(), true);
    for (const input of ["x\n", "-1\n", "\n", "9".repeat(500), "1"]) {
      const ran = spawnSync(command[0]!, command.slice(1), {
        cwd: join(dir, "out"),
        input,
        encoding: "utf8",
        timeout: 5000,
      });
      expect([ran.stdout, ran.signal]).toEqual(["", null]);
    }
  });
});

describe("where fork servers cannot be had", () => {
  const open = (engine: EngineChoice, searchPath: string, more: object = {}) => {
    const dir = folder();
    const o = openSimulator({
      tools: tools(),
      scratchDir: join(dir, "s"),
      sandbox: "off",
      engine,
      searchPath,
      ...more,
    });
    opened.push(() => o.simulator.close());
    return o;
  };

  it("spawns plainly and says why", async () => {
    const o = open("auto", "/nonexistent");
    expect([o.engine, o.why]).toEqual(["spawn", "there is no C compiler (cc)"]);
    const job = { source: initial('$write("on");'), root: "t", cpuSeconds: 1 };
    expect(await o.simulator.run(job, signal())).toMatchObject({ kind: "ran", output: "on" });
    expect(open("auto", process.env.PATH ?? "", { tools: { ...tools(), ivlBase: null } }).why).toMatch(
      /driver/,
    );
    expect(open("spawn", "").why).toBe("plain spawning was asked for");
  });

  it("refuses to start when they were asked for by name", () => {
    expect(() => open("forked", "/nonexistent")).toThrow(TrainError);
    expect(() => open("forked", "/nonexistent")).toThrow(
      /pre-forked simulator cannot be used: there is no C compiler/,
    );
  });

  it.skipIf(compiler === null)("notices a compiler that fails and a library that does something else", () => {
    const dir = folder();
    writeFileSync(join(dir, "cc"), "#!/bin/sh\necho 'no space' >&2\nexit 1\n", { mode: 0o755 });
    expect(open("auto", dir).why).toBe(`${join(dir, "cc")} does not compile forkserver.c: no space`);
    // An empty library: ivl starts, reads the job line as Verilog and ends.
    const empty = join(dir, "empty");
    mkdirSync(empty);
    writeFileSync(
      join(empty, "cc"),
      `#!/bin/sh\nwhile [ "$1" != -o ]; do shift; done\necho | ${compiler} -shared -x c -o "$2" -\n`,
      {
        mode: 0o755,
      },
    );
    expect(open("auto", empty).why).toMatch(
      /^fork servers do not work with this ivl and vvp: canary 1 answered/,
    );
  });

  it.skipIf(compiler === null)("builds once, and again when another could have written the file", () => {
    const dir = mkdtempSync(join(folder(), "cache-"));
    const first = buildLibrary(dir, process.env.PATH ?? "");
    if (!first.ok) throw new Error(first.why);
    expect(readdirSync(dir)).toEqual([first.library.slice(dir.length + 1)]);
    expect(buildLibrary(dir, "/nonexistent")).toEqual(first);
    chmodSync(first.library, 0o777);
    expect(buildLibrary(dir, "/nonexistent").ok).toBe(false);
    expect(buildLibrary(dir, process.env.PATH ?? "")).toEqual(first);
    expect(lstatSync(first.library).mode & 0o022).toBe(0);
  });
});
