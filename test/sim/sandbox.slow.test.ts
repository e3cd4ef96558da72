/** Each layer between a candidate and the machine, alone, with the lexical gate bypassed. */

import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { TrainError } from "../../src/core/errors.js";
import { forkedEngine } from "../../src/sim/forked.js";
import { makeJobDir } from "../../src/sim/jobdir.js";
import { openSandbox, SANDBOX_LEVEL, type Wrap } from "../../src/sim/sandbox.js";
import { DEFAULT_LIMITS } from "../../src/sim/simulator.js";
import { openSimulator } from "../../src/sim/simulators.js";
import type { Tools } from "../../src/sim/tools.js";
import { children, tools } from "../reward/harness.js";
import { until } from "../until.js";
import { compiler, fakeIvl, forkLibrary, initial, untilTestEnds } from "./native.js";

const { bench, folder, opened } = untilTestEnds();

const probe = folder();
const sandbox = openSandbox({ tools: tools(), mode: "auto", readOnly: [], scratchDir: probe });
const wrap = sandbox.wrap as Wrap;
const engines = compiler === null ? (["spawn"] as const) : (["spawn", "forked"] as const);
const PATIENT = 30_000;

describe.skipIf(sandbox.wrap === null)("bubblewrap alone", () => {
  const inside = (script: string, run: readonly string[] = []) => {
    const dir = folder();
    chmodSync(dir, 0o777);
    const command = [...run, ...wrap(["/bin/sh", "-c", script], dir)];
    const ran = spawnSync(command[0]!, command.slice(1), {
      cwd: dir,
      encoding: "utf8",
      env: { SECRET: "host" },
      timeout: 10_000,
    });
    return { dir, out: ran.stdout.trim(), code: ran.status };
  };

  it("shows programs and one directory, nothing else of the host", () => {
    const { out } = inside(
      "for d in /*; do echo $d; done; ls /dev; ls /etc /home /proc /root /var 2>/dev/null",
    );
    const shown = new Set(out.split("\n"));
    for (const known of ["/bin", "/lib", "/lib64", "/sbin", "/lib32", "/libx32"]) shown.delete(known);
    expect([...shown].filter((d) => !probe.startsWith(`${d}/`)).sort()).toEqual(["/dev", "/usr", "null"]);
  });

  it("has nothing to write in but that directory", () => {
    const places = "/ /usr /usr/lib /dev /tmp /var/tmp /dev/shm ..";
    const { out, dir } = inside(
      `for d in ${places}; do echo x 2>/dev/null >$d/mark && echo wrote $d; done; echo x >mark`,
    );
    expect(out).toBe("");
    expect(readdirSync(dir)).toEqual(["mark"]);
  });

  it("has no network, no host process, no environment and no rights", () => {
    expect(inside("echo $SECRET$HOME; env | sort | cut -d= -f1 | tr '\\n' ' '").out.trim()).toMatch(
      /^LC_ALL (?:OLDPWD )?PATH PWD (?:SHLVL )?TMPDIR(?: _)?$/,
    );
    expect(
      inside(`kill -0 ${process.pid} 2>/dev/null && echo sees the host; kill -0 1 && echo own`).out,
    ).toBe("own");
    expect(
      inside("mount -t tmpfs none . 2>/dev/null && echo mounted; chroot / true 2>/dev/null && echo chroot")
        .out,
    ).toBe("");
    const python = "import socket; s=socket.socket(); s.settimeout(1); s.connect(('1.1.1.1', 53))";
    if (existsSync("/usr/bin/python3"))
      expect(inside(`python3 -c "${python}" 2>&1 | tail -1`).out).toMatch(/unreachable/);
  });

  it.skipIf(process.getuid?.() !== 0 || spawnSync("setpriv", ["--version"]).status !== 0)(
    "works for a user without rights",
    () => {
      const user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs"];
      expect(inside("echo x >mark && echo wrote", user)).toMatchObject({ out: "wrote", code: 0 });
    },
  );

  for (const engine of engines) {
    it(`keeps ${engine === "spawn" ? "plain" : "pre-forked"} simulations from the host's files`, async () => {
      const b = bench({ engine, sandbox: "required" });
      writeFileSync(join(b.dir, "secret"), "secret");
      writeFileSync(join(b.dir, "shared", "words"), "2a\n");
      const open = (path: string, mode: string): string =>
        `f = $fopen("${path}", "${mode}"); $display("%b", f != 0);`;
      const r = await b.run(
        `module t; integer f; reg [7:0] m [0:0]; initial begin ${open("/etc/passwd", "r")}${open(join(b.dir, "secret"), "r")}${open(join(b.dir, "stolen"), "w")}${open("/proc/self/environ", "r")}${open(join(b.dir, "shared", "stolen"), "w")}$readmemh("${join(b.dir, "shared", "words")}", m); $display("%h", m[0]); end endmodule\n`,
      );
      expect(r).toMatchObject({ kind: "ran", output: "0\n0\n0\n0\n0\n2a\n" });
      expect(readdirSync(b.dir).sort()).toEqual(["scratch", "secret", "shared"]);
      expect(readdirSync(join(b.dir, "shared"))).toEqual(["words"]);
    });
  }
});

describe.each(engines)("limits alone (%s)", (engine) => {
  const plain = { engine, sandbox: "off" } as const;

  it(
    "end loops in the compiler and in the simulation, and know which it was",
    async () => {
      const b = bench({ ...plain, limits: { compileCpuSeconds: 1 } });
      const results = await Promise.all([
        b.run(initial("forever i = i + 1;")),
        b.run(
          "module t; genvar g; generate for (g = 0; g < 100000000; g = g + 1) begin : x wire w; end endgenerate endmodule\n",
        ),
      ]);
      expect(results.map((r) => r.kind === "timeout" && r.stage)).toEqual(["run", "compile"]);
      // The worker lives on.
      expect(await b.run(initial('$write("on");'))).toMatchObject({ kind: "ran", output: "on" });
    },
    PATIENT,
  );

  it(
    "end floods of output and of memory",
    async () => {
      const b = bench({ ...plain, limits: { memoryBytes: 256 * 1024 ** 2, fileBytes: 1024 ** 2 } });
      const flood = await b.run(initial('while (1) $display("%0d %0d", i, i);'));
      expect(flood).toMatchObject({
        kind: "crash",
        stage: "run",
        log: "the simulation wrote more than 1048576 bytes",
      });
      const bombs = [
        "module t; int q[$]; initial while (1) q.push_back(1); endmodule\n",
        "module t; int d[]; initial begin d = new[900000000]; $write(d.size()); end endmodule\n",
        "module t; reg [63:0] m [0:99999999]; integer i; initial for (i = 0; i < 99999999; i = i + 1) m[i] = i; endmodule\n",
      ];
      for (const bomb of bombs) expect((await b.run(bomb, 5)).kind).toBe("crash");
      const late = await b.run(initial(""));
      expect(late.kind).toBe("ran");
    },
    PATIENT,
  );

  it("leave few files to open", async () => {
    const b = bench(plain);
    const r = await b.run(
      'module t; integer f, n, k; initial begin n = 0; for (k = 0; k < 100; k = k + 1) begin f = $fopen("/dev/null", "r"); if (f != 0) n = n + 1; end $write("%0d", n); end endmodule\n',
    );
    expect(r.kind).toBe("ran");
    if (r.kind === "ran") expect(Number(r.output)).toBeLessThan(32);
  });

  it("know no $system and no $fork", async () => {
    const b = bench(plain);
    for (const call of ["$system", "$exec", "$shell"]) {
      const mark = join(b.dir, "mark");
      expect((await b.run(initial(`${call}("touch ${mark}");`))).kind).not.toBe("ran");
      expect(existsSync(mark)).toBe(false);
    }
  });

  it("leave nothing of one candidate to the next", async () => {
    const b = bench(plain);
    const write = initial(
      'f = $fopen("left.txt", "w"); $fdisplay(f, "mark"); $fclose(f); f = $fopen("design.vvp", "w");',
    );
    expect((await b.run(write)).kind).toBe("ran");
    const look = initial('f = $fopen("left.txt", "r"); $write("%b", f != 0);');
    expect(await b.run(look)).toMatchObject({ kind: "ran", output: "0" });
    const names = readdirSync(join(b.dir, "scratch", "w0", "out")).sort();
    expect(names).toEqual(["compile.log", "run.log"]);
  });
});

describe.skipIf(compiler === null)("the system call filter alone", () => {
  /** What a job that runs our C code as `ivl` prints. */
  const job = (body: string, filter: boolean, as: "ivl" | "vvp" = "ivl"): string => {
    const dir = folder();
    const base = fakeIvl(dir, body);
    const files = makeJobDir(join(dir, "job"), null);
    opened.push(files.close);
    const engine = forkedEngine(
      { ...tools(), ivlBase: base },
      { ...DEFAULT_LIMITS, wallMs: 1000 },
      forkLibrary(),
      filter,
    );
    // Without FORK_NEXT the server is a simulator's: its jobs may not open files to write.
    const command = engine.command.filter((w) => as === "ivl" || !w.startsWith("FORK_NEXT="));
    const ran = spawnSync(command[0]!, command.slice(1), { cwd: files.out, input: "2\n", encoding: "utf8" });
    return `${ran.stdout.trim()}: ${files.log("compile", 4096)}`.trim();
  };
  const tries = [
    ["socket", "socket(AF_INET, SOCK_STREAM, 0)"],
    ["fork", "fork()"],
    ["clone3", "syscall(SYS_clone3, 0, 0)"],
    ["execve", 'execl("/bin/true", "true", (char *)0)'],
    ["ptrace", "ptrace(PTRACE_TRACEME, 0, 0, 0)"],
    ["mount", 'mount("none", ".", "tmpfs", 0, 0)'],
    ["kill", "kill(getppid(), 0)"],
    ["unlink", 'unlink("compile.log")'],
    ["symlink", 'symlink("/etc/passwd", "run.log")'],
    ["mkdir", 'mkdir("d", 0700)'],
    ["unshare", "syscall(SYS_unshare, 0x10000000)"],
  ] as const;
  const script = (names: (name: string) => boolean): string =>
    `${tries
      .filter(([name]) => names(name))
      .map(([name, call]) => `errno = 0; if ((long)(${call}) != -1) { puts("${name}"); fflush(stdout); }`)
      .join(" ")} return 3;`;

  it("refuses sockets, programs, processes, mounts, tracing, signals and changes of files", () => {
    expect(
      job(
        script(() => true),
        true,
      ),
    ).toBe("c 3:");
  });

  it("lets a compilation write its result and a simulation read only", () => {
    const write =
      'FILE *f = fopen("design.vvp", "w"); FILE *r = fopen("../design.v", "r"); printf("%d%d", f != 0, r != 0); return 3;';
    expect(job(write, true)).toBe("c 3: 11");
    expect(job(write, true, "vvp")).toBe("r 3: 01");
  });

  it("is what refuses: without it the same calls work", () => {
    const harmless = ["socket", "kill", "mkdir"];
    expect(
      job(
        script((name) => harmless.includes(name)),
        false,
      ),
    ).toBe("c 3: socket\nkill\nmkdir");
  });

  it("keeps the wall limit even where a job uses no CPU", () => {
    expect(job("signal(SIGALRM, SIG_IGN); raise(SIGSTOP); return 0;", true)).toBe("c 142:");
  });
});

it("ends a job's whole process group when it overstays", async () => {
  const dir = folder();
  const vvp = join(dir, "vvp");
  writeFileSync(vvp, "#!/bin/sh\nsleep 77 & sleep 77\n");
  chmodSync(vvp, 0o755);
  const b = bench({
    tools: { ...tools(), vvp: { path: vvp, version: "0" } },
    engine: "spawn",
    sandbox: "off",
    limits: { wallMs: 400 },
  });
  const before = new Set(children().map((c) => c.pid));
  const running = b.run("module t; endmodule\n");
  const sleepers = () => children().filter((c) => c.name === "sleep");
  await until("two sleepers", sleepers, (seen) => seen.length === 2);
  expect(await running).toMatchObject({ kind: "timeout" });
  // The children of the shell are orphans now: only their ids tell.
  const later = () => children().filter((c) => !before.has(c.pid));
  await until("the end of what was started", later, (seen) => seen.length === 0);
  expect(spawnSync("ps", ["-eo", "args"], { encoding: "utf8" }).stdout).not.toContain("sleep 77");
});

describe("without bubblewrap", () => {
  const withBwrap = (bwrap: Tools["bwrap"]): Tools => ({ ...tools(), bwrap });
  const broken = (message: string): Tools => {
    const dir = folder();
    const path = join(dir, "bwrap");
    writeFileSync(path, `#!/bin/sh\necho '${message}' >&2\nexit 1\n`);
    chmodSync(path, 0o755);
    return withBwrap({ path, version: "0.8.0" });
  };

  it("goes on with what is left, and says so", async () => {
    const b = bench({ tools: withBwrap(null), engine: "spawn" });
    expect(b.sandbox).toMatchObject({
      isolated: false,
      level: `${SANDBOX_LEVEL}, no bubblewrap (it is not installed)`,
      wrap: null,
    });
    expect(b.sandbox.missing?.hint).toContain("apt-get install -y bubblewrap");
    expect((await b.run(initial('$write("on");'))).kind).toBe("ran");
  });

  it("names what a container without user namespaces says, and what to type", () => {
    const b = bench({ tools: broken("bwrap: setting up uid map: Permission denied"), engine: "spawn" });
    expect(b.sandbox.level).toBe(
      `${SANDBOX_LEVEL}, no bubblewrap (bubblewrap 0.8.0 cannot start: bwrap: setting up uid map: Permission denied)`,
    );
    expect(b.sandbox.missing?.hint).toContain("apparmor_restrict_unprivileged_userns");
  });

  it.each([["missing", null] as const, ["broken", "No permissions to create new namespace"] as const])(
    "refuses to start when it is required and %s",
    (_, message) => {
      const t = message === null ? withBwrap(null) : broken(message);
      const dir = folder();
      const thrown = (() => {
        try {
          openSimulator({ tools: t, scratchDir: join(dir, "s"), sandbox: "required" });
        } catch (e) {
          return e;
        }
      })();
      expect(thrown).toBeInstanceOf(TrainError);
      expect(thrown).toMatchObject({ code: "tool" });
      expect((thrown as TrainError).message).toMatch(
        /^the sandbox is required, but bubblewrap cannot be used: /,
      );
      expect((thrown as TrainError).hint).toContain("reward.sandbox=auto");
    },
  );

  it("says when it was switched off", () => {
    expect(bench({ sandbox: "off", engine: "spawn" }).sandbox.level).toBe(
      `${SANDBOX_LEVEL}, no bubblewrap (switched off)`,
    );
  });
});

it.skipIf(sandbox.wrap === null)("names every layer when all are there", () => {
  const b = bench({ sandbox: "required" });
  const filter = b.engine === "forked" ? "system call filter, " : "";
  expect(b.sandbox.level).toMatch(/^bubblewrap \S+ \(own users, processes, network and files\), /);
  expect(b.sandbox.level).toContain(`${filter}${SANDBOX_LEVEL}`);
  expect(b.sandbox.missing).toBe(null);
  mkdirSync(join(b.dir, "d"));
  expect(readFileSync("/proc/self/mounts", "utf8")).not.toContain(b.dir);
});
