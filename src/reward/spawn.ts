/**
 * Processes for the reward. Node pays milliseconds for a spawn when it holds a model in memory (fork copies its page
 * tables), so a few small shells stay alive and do the spawning: each reads one job per line, sets the limits, runs
 * the compiler and then the simulator as fresh processes, and answers with one line. A shell leads its own process
 * group, has an empty environment and a scratch directory of its own; the group is killed as a whole when a job
 * overstays, and another shell takes its place. `wrap` is where a sandbox goes around a shell.
 */

import { type ChildProcessByStdio, spawn } from "node:child_process";
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { messageOf } from "../core/errors.js";
import type { Limits, SimJob, SimResult, Simulator } from "./simulator.js";
import { ivlConfig, type Tools } from "./tools.js";

/** Soft CPU limits send SIGXCPU, so a limit is told from a kill that came from outside (SIGKILL). */
const SIGTERM = 128 + 15;
const SIGXCPU = 128 + 24;
const SIGXFSZ = 128 + 25;
const SIGKILL = 128 + 9;

const MATH =
  /\$(?:clog2|ln|log10|exp|sqrt|pow|floor|ceil|abs|min|max|countones|onehot0?|isunknown|urandom|cast|typename)\b/;
const FILES = new Set(["design.v", "ivl.conf", "design.vvp", "compile.log", "run.log"]);

export interface SpawnDeps {
  readonly tools: Tools;
  readonly scratchDir: string;
  readonly limits: Limits;
  /** Puts a sandbox around a worker's command line. */
  readonly wrap?: (command: readonly string[], dir: string) => readonly string[];
}

/** Answers `c CODE` when compiling failed, `r CODE` after the simulation. Its children do not see its input. */
function workerScript(tools: Tools, limits: Limits): string {
  const compile =
    tools.ivlBase === null
      ? `${quote(tools.iverilog.path)} -g2012 -s "$root" -o design.vvp design.v </dev/null`
      : `${quote(join(tools.ivlBase, "ivl"))} -Civl.conf ${quote(`-C${join(tools.ivlBase, "vvp.conf")}`)} -- - <design.v`;
  return [
    "ulimit -c 0",
    `ulimit -v ${Math.floor(limits.memoryBytes / 1024)} 2>/dev/null`,
    `ulimit -f ${Math.ceil(limits.fileBytes / 512)}`,
    "while read -r cpu root; do",
    `( ulimit -S -t ${limits.compileCpuSeconds}; exec ${compile} >compile.log 2>&1 ); r=$?`,
    'if [ $r -ne 0 ]; then echo "c $r"; continue; fi',
    `( ulimit -S -t $cpu; exec ${quote(tools.vvp.path)} -n design.vvp </dev/null >run.log 2>&1 ); echo "r $?"`,
    "done",
  ].join("\n");
}

const quote = (text: string): string => `'${text.replace(/'/g, "'\\''")}'`;

type Answer =
  | { readonly kind: "answer"; readonly stage: "compile" | "run"; readonly code: number }
  | { readonly kind: "overstayed" }
  | { readonly kind: "died"; readonly code: string; readonly log: string };

interface Worker {
  readonly dir: string;
  /** Resolves once per call; one call at a time. */
  ask(line: string, wallMs: number, signal: AbortSignal): Promise<Answer>;
  alive(): boolean;
  kill(): void;
}

function startWorker(dir: string, command: readonly string[]): Worker {
  const child = spawn(command[0]!, command.slice(1), {
    cwd: dir,
    env: { PATH: "/usr/bin:/bin", LC_ALL: "C", TMPDIR: dir },
    stdio: ["pipe", "pipe", "ignore"],
    detached: true,
  }) as ChildProcessByStdio<Writable, Readable, null>;
  let listener: ((a: Answer) => void) | null = null;
  let dead: Answer | null = null;
  let text = "";
  const tell = (a: Answer): void => {
    const to = listener;
    listener = null;
    to?.(a);
  };
  const die = (code: string, log: string): void => {
    dead ??= { kind: "died", code, log };
    tell(dead);
  };
  child.stdout.setEncoding("latin1");
  child.stdout.on("data", (chunk: string) => {
    text += chunk;
    const end = text.indexOf("\n");
    if (end < 0) return;
    const line = text.slice(0, end);
    text = text.slice(end + 1);
    tell({ kind: "answer", stage: line.startsWith("c") ? "compile" : "run", code: Number(line.slice(2)) });
  });
  // A write to a worker that has ended is reported by its exit; the pipe's own complaint adds nothing.
  child.stdin.on("error", () => {});
  child.once("error", (fault: NodeJS.ErrnoException) => die(fault.code ?? "spawn", messageOf(fault)));
  child.once("exit", (code, name) => die("killed", `a simulation worker ended (${name ?? code})`));
  child.unref();
  // An idle worker must not keep the program from ending.
  const hold = (on: boolean): void => {
    for (const pipe of [child.stdin, child.stdout] as unknown as Socket[]) on ? pipe.ref() : pipe.unref();
  };
  hold(false);
  const kill = (): void => {
    if (child.pid === undefined) return;
    try {
      process.kill(-child.pid, "SIGKILL");
    } catch {
      // ESRCH: the group has ended, which is what was wanted
    }
  };
  const ask: Worker["ask"] = (line, wallMs, signal) =>
    new Promise((resolve) => {
      if (dead !== null) {
        resolve(dead);
        return;
      }
      const overstay = (): void => {
        kill();
        tell({ kind: "overstayed" });
      };
      const timer = setTimeout(overstay, wallMs);
      signal.addEventListener("abort", overstay, { once: true });
      listener = (a) => {
        clearTimeout(timer);
        signal.removeEventListener("abort", overstay);
        hold(false);
        resolve(a);
      };
      hold(true);
      child.stdin.write(line);
    });
  return { dir, ask, alive: () => dead === null, kill };
}

export function makeSpawnSimulator(deps: SpawnDeps): Simulator {
  const { tools, scratchDir, limits } = deps;
  const script = workerScript(tools, limits);
  const idle: Worker[] = [];
  const all = new Set<Worker>();
  let serial = 0;
  let closed = false;

  const worker = (): Worker => {
    for (let w = idle.pop(); w !== undefined; w = idle.pop()) {
      if (w.alive()) return w;
      retire(w);
    }
    const dir = join(scratchDir, `w${serial++}`);
    mkdirSync(dir, { recursive: true });
    const command = ["/bin/sh", "-c", script];
    const made = startWorker(dir, deps.wrap?.(command, dir) ?? command);
    all.add(made);
    return made;
  };

  const retire = (w: Worker): void => {
    w.kill();
    all.delete(w);
    rmSync(w.dir, { recursive: true, force: true });
  };

  const run = async (job: SimJob, signal: AbortSignal): Promise<SimResult> => {
    signal.throwIfAborted();
    if (closed) return infra("closed", "the simulator is closed", false);
    const began = performance.now();
    let w: Worker | null = null;
    try {
      w = worker();
      writeFileSync(join(w.dir, "design.v"), job.source);
      if (tools.ivlBase !== null) {
        const conf = ivlConfig(tools.ivlBase, job.root, "design.vvp", MATH.test(job.source));
        writeFileSync(join(w.dir, "ivl.conf"), conf);
      }
      const cpu = Math.max(
        1,
        Math.ceil(Math.min(job.cpuSeconds ?? limits.runCpuSeconds, limits.runCpuSeconds)),
      );
      const answer = await w.ask(`${cpu} ${job.root}\n`, limits.wallMs, signal);
      if (answer.kind === "answer") {
        const result = interpret(w.dir, answer, performance.now() - began);
        for (const name of readdirSync(w.dir))
          if (!FILES.has(name)) rmSync(join(w.dir, name), { recursive: true });
        idle.push(w);
        return result;
      }
      retire(w);
      if (signal.aborted) throw signal.reason;
      if (answer.kind === "died") return infra(answer.code, answer.log, answer.code !== "closed");
      return { kind: "timeout", stage: "run", log: `the check took more than ${limits.wallMs} ms` };
    } catch (thrown) {
      if (w !== null) retire(w);
      if (signal.aborted) throw signal.reason;
      return fileFault(thrown);
    }
  };

  const interpret = (dir: string, answer: Extract<Answer, { kind: "answer" }>, ms: number): SimResult => {
    const { stage, code } = answer;
    const tool = stage === "compile" ? "compiler" : "simulation";
    if (code === 0) return { kind: "ran", output: head(join(dir, "run.log"), limits.fileBytes), ms };
    const free = statfsSync(dir);
    if (free.bavail * free.bsize < 2 * limits.fileBytes) {
      return infra(
        "ENOSPC",
        `scratch directory ${dir} is full: ${free.bavail * free.bsize} bytes are left`,
        true,
      );
    }
    const log = head(join(dir, stage === "compile" ? "compile.log" : "run.log"), 16_384);
    if (/No space left on device/.test(log)) return infra("ENOSPC", log.trim(), true);
    if (code === SIGXCPU) return { kind: "timeout", stage, log: `the ${tool} used up its CPU limit` };
    if (code === SIGXFSZ) {
      return { kind: "crash", stage, log: `the ${tool} wrote more than ${limits.fileBytes} bytes` };
    }
    if (code === 126 || code === 127)
      return infra("ENOENT", `the ${tool} did not start: ${log.trim()}`, true);
    if (code === SIGKILL || code === SIGTERM)
      return infra("killed", `the ${tool} was killed from outside`, true);
    if (code > 128) return { kind: "crash", stage, log: `the ${tool} ended on signal ${code - 128}. ${log}` };
    if (stage === "compile") return { kind: "compile", log };
    return { kind: "crash", stage, log: `the simulation ended with code ${code}. ${log.slice(0, 2000)}` };
  };

  const close = async (): Promise<void> => {
    closed = true;
    for (const w of [...all]) retire(w);
    idle.length = 0;
  };
  return { run, close };
}

const infra = (code: string, log: string, retryable: boolean): SimResult => ({
  kind: "infra",
  code,
  retryable,
  log,
});

const LASTING = new Set(["EACCES", "EPERM", "EROFS", "ENOTDIR", "ENAMETOOLONG"]);

function fileFault(thrown: unknown): SimResult {
  const code = (thrown as NodeJS.ErrnoException).code;
  if (code === undefined) throw thrown;
  return infra(code, messageOf(thrown), !LASTING.has(code));
}

/** At most `limit` bytes of a file's beginning; "" when it does not exist. */
function head(path: string, limit: number): string {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch {
    return "";
  }
  try {
    const size = Math.min(statSync(path).size, limit);
    const buffer = Buffer.allocUnsafe(size);
    return buffer.toString("latin1", 0, readSync(fd, buffer, 0, size, 0));
  } finally {
    closeSync(fd);
  }
}
