/**
 * Plain process spawning: one shell per verdict sets the limits, compiles and turns into the simulator, so that Node
 * pays for one spawn. The child leads a process group of its own, gets an empty environment and a private scratch
 * directory, and its group is killed as a whole. Nothing is piped: sources and outputs are files on scratch (tmpfs).
 */

import { type ChildProcess, spawn } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { messageOf } from "../core/errors.js";
import type { Limits, SimJob, SimResult, Simulator } from "./simulator.js";
import { ivlConfig, type Tools } from "./tools.js";

/** Soft CPU limits send SIGXCPU, so a limit is told from a kill that came from outside (SIGKILL). */
const SIGXCPU = 128 + 24;
const SIGXFSZ = 128 + 25;
const SIGKILL = 128 + 9;
const COMPILE_FAILED = 99;

const MATH = /\$(?:clog2|ln|log10|exp|sqrt|pow|floor|ceil|abs|min|max|countones|onehot0?|isunknown)\b/;

export interface SpawnDeps {
  readonly tools: Tools;
  readonly scratchDir: string;
  readonly limits: Limits;
}

/** Shell text; $1 memory KiB, $2 file blocks, $3 compile seconds, $4 run seconds. */
function script(tools: Tools): string {
  const compile =
    tools.ivlBase === null
      ? `${quote(tools.iverilog.path)} -g2012 -s "$5" -o design.vvp design.v`
      : `${quote(join(tools.ivlBase, "ivl"))} -Civl.conf ${quote(`-C${join(tools.ivlBase, "vvp.conf")}`)} -- - <design.v`;
  return (
    `ulimit -c 0; ulimit -v $1 2>/dev/null; ulimit -f $2; ulimit -S -t $3; ` +
    `${compile} >compile.log 2>&1; r=$?; [ $r -eq 0 ] || { echo $r >compile.rc; exit ${COMPILE_FAILED}; }; ` +
    `ulimit -S -t $4; exec ${quote(tools.vvp.path)} -n design.vvp >run.log 2>&1`
  );
}

const quote = (text: string): string => `'${text.replace(/'/g, "'\\''")}'`;

export function makeSpawnSimulator(deps: SpawnDeps): Simulator {
  const { tools, scratchDir, limits } = deps;
  const text = script(tools);
  const live = new Set<ChildProcess>();
  let serial = 0;
  let closed = false;

  const run = async (job: SimJob, signal: AbortSignal): Promise<SimResult> => {
    signal.throwIfAborted();
    if (closed) return infra("closed", "the simulator is closed", false);
    const dir = join(scratchDir, `v${process.pid}-${serial++}`);
    try {
      mkdirSync(dir, { recursive: true });
      writeFileSync(join(dir, "design.v"), job.source);
      if (tools.ivlBase !== null) {
        writeFileSync(
          join(dir, "ivl.conf"),
          ivlConfig(tools.ivlBase, job.root, "design.vvp", MATH.test(job.source)),
        );
      }
    } catch (thrown) {
      rmSync(dir, { recursive: true, force: true });
      return fileFault(thrown);
    }
    try {
      const cpu = Math.min(job.cpuSeconds ?? limits.runCpuSeconds, limits.runCpuSeconds);
      const began = performance.now();
      const end = await execute(dir, job.root, cpu, signal);
      if (end.kind !== "exit") return end;
      return interpret(dir, end.code, scratchDir, performance.now() - began);
    } catch (thrown) {
      if (signal.aborted) throw signal.reason;
      return fileFault(thrown);
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  };

  const execute = (
    dir: string,
    root: string,
    cpuSeconds: number,
    signal: AbortSignal,
  ): Promise<SimResult | { kind: "exit"; code: number }> =>
    new Promise((resolve, reject) => {
      const args = [
        "-c",
        text,
        "sh",
        String(Math.floor(limits.memoryBytes / 1024)),
        String(Math.ceil(limits.fileBytes / 512)),
        String(limits.compileCpuSeconds),
        String(Math.max(1, Math.ceil(cpuSeconds))),
        root,
      ];
      let child: ChildProcess;
      try {
        child = spawn("/bin/sh", args, {
          cwd: dir,
          env: { PATH: "/usr/bin:/bin", LC_ALL: "C", TMPDIR: dir },
          stdio: "ignore",
          detached: true,
        });
      } catch (thrown) {
        resolve(fileFault(thrown));
        return;
      }
      live.add(child);
      let timedOut = false;
      const timer = setTimeout(() => {
        timedOut = true;
        killGroup(child);
      }, limits.wallMs);
      const abort = (): void => killGroup(child);
      signal.addEventListener("abort", abort, { once: true });
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", abort);
        live.delete(child);
      };
      child.once("error", (fault) => {
        done();
        resolve(fileFault(fault));
      });
      child.once("exit", (code, name) => {
        done();
        // The leader is gone; whatever it may have left goes too.
        killGroup(child);
        if (signal.aborted) reject(signal.reason);
        else if (timedOut) {
          const stage = existsSync(join(dir, "run.log")) ? "run" : "compile";
          resolve({
            kind: "timeout",
            stage,
            log: `${stage} took more than ${limits.wallMs} ms of wall time`,
          });
        } else
          resolve({
            kind: "exit",
            code:
              code ??
              128 +
                (name === "SIGKILL"
                  ? 9
                  : name === "SIGXCPU"
                    ? 24
                    : name === "SIGXFSZ"
                      ? 25
                      : name === "SIGTERM"
                        ? 15
                        : name === "SIGABRT"
                          ? 6
                          : name === "SIGSEGV"
                            ? 11
                            : 1),
          });
      });
    });

  const interpret = (dir: string, code: number, scratch: string, ms: number): SimResult => {
    if (code !== 0) {
      const free = statfsSync(scratch);
      if (free.bavail * free.bsize < 4 * limits.fileBytes) {
        return infra(
          "ENOSPC",
          `scratch directory ${scratch} is full (${free.bavail * free.bsize} bytes left)`,
          true,
        );
      }
    }
    if (code === COMPILE_FAILED && existsSync(join(dir, "compile.rc"))) {
      const rc = Number(readFileSync(join(dir, "compile.rc"), "utf8"));
      const log = head(join(dir, "compile.log"), 16_384);
      if (rc === SIGXCPU)
        return { kind: "timeout", stage: "compile", log: "the compiler used up its CPU limit" };
      if (rc === 126 || rc === 127) return infra("ENOENT", `the compiler did not start: ${log.trim()}`, true);
      if (rc === SIGKILL || rc === 128 + 15)
        return infra("killed", "the compiler was killed from outside", true);
      if (rc > 128)
        return { kind: "crash", stage: "compile", log: `the compiler ended on signal ${rc - 128}. ${log}` };
      if (/No space left on device/.test(log)) return infra("ENOSPC", log.trim(), true);
      return { kind: "compile", log };
    }
    if (code === SIGXCPU)
      return { kind: "timeout", stage: "run", log: "the simulation used up its CPU limit" };
    if (code === 126 || code === 127) return infra("ENOENT", "the simulator did not start", true);
    if (code === SIGKILL || code === 128 + 15)
      return infra("killed", "the simulation was killed from outside", true);
    if (code === SIGXFSZ)
      return { kind: "crash", stage: "run", log: `the simulation wrote more than ${limits.fileBytes} bytes` };
    if (!existsSync(join(dir, "run.log")))
      return infra("ENOENT", `the shell ended with ${code} before the simulation`, true);
    const output = head(join(dir, "run.log"), limits.fileBytes);
    if (code !== 0) {
      return {
        kind: "crash",
        stage: "run",
        log: `the simulation ended with ${code > 128 ? `signal ${code - 128}` : `code ${code}`}. ${output.slice(0, 2000)}`,
      };
    }
    return { kind: "ran", output, ms };
  };

  const close = async (): Promise<void> => {
    closed = true;
    for (const child of live) killGroup(child);
  };
  return { run, close };
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // ESRCH: the group has ended, which is what was wanted
  }
}

const infra = (code: string, log: string, retryable: boolean): SimResult => ({
  kind: "infra",
  code,
  retryable,
  log,
});

const RETRYABLE = new Set([
  "EAGAIN",
  "ENOMEM",
  "EMFILE",
  "ENFILE",
  "ENOSPC",
  "EIO",
  "EBUSY",
  "ENOENT",
  "EDQUOT",
  "ETXTBSY",
]);

function fileFault(thrown: unknown): SimResult {
  const code = (thrown as NodeJS.ErrnoException).code ?? "unknown";
  return infra(code, messageOf(thrown), RETRYABLE.has(code));
}

/** At most `limit` bytes of a file's beginning; "" when it does not exist. */
function head(path: string, limit: number): string {
  if (!existsSync(path)) return "";
  const size = Math.min(statSync(path).size, limit);
  if (size === 0) return "";
  const fd = openSync(path, "r");
  try {
    const buffer = Buffer.alloc(size);
    const n = readSync(fd, buffer, 0, size, 0);
    return buffer.toString("latin1", 0, n);
  } finally {
    closeSync(fd);
  }
}
