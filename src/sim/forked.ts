/**
 * Pre-forked simulators: per worker one `ivl` and one `vvp` that have started already and fork a child per job
 * (native/forkserver.c). A child starts from an image in which nothing of a candidate ever was, so the isolation is
 * that of a fresh process. The shared object is made with the machine's C compiler on first use, and serves only
 * after it has given the answers that plain spawning gives.
 */

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { makeJobDir } from "./jobdir.js";
import type { Limits, SimJob, Simulator } from "./simulator.js";
import { spawnEngine } from "./spawn.js";
import { type Tools, which } from "./tools.js";
import { type Engine, makeWorkersSimulator, type WorkersDeps } from "./workers.js";

/** The same place from `src/reward` and from `dist/reward`. */
const NATIVE = fileURLToPath(new URL("../../src/sim/native/", import.meta.url));
const SOURCES = ["forkserver.c", "filter.h"];
const MODULES = ["vvp.tgt", "system.vpi", "v2005_math.vpi", "v2009.vpi"];

export interface ForkedDeps extends WorkersDeps {
  /** The shared object. */
  readonly library: string;
  /** Children run behind the system call filter. */
  readonly filter: boolean;
}

export const makeForkedSimulator = (deps: ForkedDeps): Simulator =>
  makeWorkersSimulator(deps, forkedEngine(deps.tools, deps.limits, deps.library, deps.filter));

export function forkedEngine(tools: Tools, limits: Limits, library: string, filter: boolean): Engine {
  const base = tools.ivlBase!;
  const settings = {
    LC_ALL: "C",
    LD_PRELOAD: library,
    LD_BIND_NOW: "1",
    FORK_NEXT: tools.vvp.path,
    FORK_STDIN: "../design.v",
    FORK_LOG: "compile.log",
    FORK_OPEN: MODULES.map((m) => join(base, m)).join(":"),
    FORK_MEMORY: String(limits.memoryBytes),
    FORK_FILE: String(limits.fileBytes),
    FORK_CPU: String(limits.compileCpuSeconds),
    FORK_WALL: String(Math.ceil(limits.wallMs / 1000)),
    FORK_FILTER: filter ? "1" : "0",
  };
  return {
    command: [
      "/usr/bin/env",
      "-i",
      ...Object.entries(settings).map(([k, v]) => `${k}=${v}`),
      join(base, "ivl"),
      "-C../ivl.conf",
      `-C${join(base, "vvp.conf")}`,
      "--",
      "-",
    ],
    readOnly: [library],
    line: (_, cpuSeconds) => `${cpuSeconds}\n`,
  };
}

export type Built =
  | { readonly ok: true; readonly library: string }
  | { readonly ok: false; readonly why: string };

/** Compiles the shared object, or finds it in `cacheDir`; two processes at once both end up with a whole file. */
export function buildLibrary(cacheDir: string, searchPath: string): Built {
  const hash = createHash("sha256").update(process.arch);
  for (const name of SOURCES) hash.update(readFileSync(join(NATIVE, name)));
  const library = join(cacheDir, `forkserver-${hash.digest("hex").slice(0, 16)}.so`);
  if (trusted(library)) return { ok: true, library };
  const compiler = ["cc", "gcc", "clang"].map((c) => which(c, searchPath)).find((c) => c !== null);
  if (compiler === undefined) return { ok: false, why: "there is no C compiler (cc)" };
  mkdirSync(cacheDir, { recursive: true, mode: 0o700 });
  const work = mkdtempSync(join(cacheDir, "build-"));
  try {
    const made = join(work, "forkserver.so");
    const args = ["-O2", "-shared", "-fPIC", "-o", made, join(NATIVE, SOURCES[0]!), "-ldl"];
    const ran = spawnSync(compiler, args, { encoding: "utf8", timeout: 60_000 });
    if (ran.status !== 0) {
      const said = (ran.error?.message ?? ran.stderr).trim().split("\n")[0];
      return { ok: false, why: `${compiler} does not compile forkserver.c: ${said}` };
    }
    chmodSync(made, 0o700);
    renameSync(made, library);
    return { ok: true, library };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** A file that only this user can have written. */
function trusted(path: string): boolean {
  if (!existsSync(path)) return false;
  const about = lstatSync(path);
  return about.isFile() && about.uid === process.getuid?.() && (about.mode & 0o022) === 0;
}

const CANARIES: readonly SimJob[] = [
  'module t; reg [7:0] a; initial begin for (a = 0; a < 9; a = a + 1) #1 $display("%0d %m %b", $clog2(a), a); $finish(0); end endmodule\n',
  "module t;\nassign a = ;\nendmodule\n",
  'module t; integer f; initial begin f = $fopen("/nonexistent/x", "r"); $write("%0d", f); $stop; end endmodule\n',
].map((source) => ({ source, root: "t", cpuSeconds: 2 }));

/**
 * Null when the engine answers as plain spawning does, byte for byte, twice over in one server; else what differs.
 * With a sandbox both run inside it.
 */
export function difference(deps: WorkersDeps, engine: Engine): string | null {
  const plain = spawnEngine(deps.tools, deps.limits);
  for (const [k, job] of CANARIES.entries()) {
    const expected = transcript(deps, plain, job);
    const got = transcript(deps, engine, job);
    if (got !== expected)
      return `canary ${k + 1} answered ${JSON.stringify(got.slice(0, 200))}, plain spawning ${JSON.stringify(expected.slice(0, 200))}`;
  }
  return null;
}

/** What a worker says to one job given twice, and what its programs printed the second time. */
function transcript(deps: WorkersDeps, engine: Engine, job: SimJob): string {
  mkdirSync(deps.scratchDir, { recursive: true });
  const files = makeJobDir(mkdtempSync(join(deps.scratchDir, "canary-")), deps.tools.ivlBase);
  try {
    files.place(job);
    const command = deps.wrap?.(engine.command, files.out, [files.dir, ...engine.readOnly]) ?? engine.command;
    const ran = spawnSync(command[0]!, command.slice(1), {
      cwd: files.out,
      env: { PATH: "/usr/bin:/bin", LC_ALL: "C", TMPDIR: files.out },
      input: engine.line(job, 2).repeat(2),
      encoding: "latin1",
      timeout: 20_000,
      killSignal: "SIGKILL",
    });
    if (ran.error !== undefined) return ran.error.message;
    return `${ran.stdout}${ran.stderr}${files.log("compile", 65_536)}${files.log("run", 65_536)}`;
  } finally {
    files.remove();
  }
}
