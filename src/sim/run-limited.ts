/**
 * One program, run to its end under limits: wall time by killing its process group, CPU, address space and file size
 * by rlimits, an empty environment, optionally in a sandbox. What the program did and what the machine did differ.
 */

import { spawn } from "node:child_process";
import { messageOf } from "../core/errors.js";
import type { Wrap } from "./sandbox.js";
import type { SimResult } from "./simulator.js";

export type Ran =
  /** `output`: stdout and stderr, the last 64 KB. */
  | { readonly kind: "done"; readonly code: number; readonly output: string }
  | { readonly kind: "timeout" }
  | Extract<SimResult, { kind: "infra" }>;

export interface RunLimits {
  readonly wallMs: number;
  readonly memoryBytes: number;
  readonly fileBytes: number;
}

const KEPT = 65_536;
const SIGKILL = 9;
const SIGTERM = 15;
const SIGXCPU = 24;

export function runLimited(
  command: readonly string[],
  dir: string,
  limits: RunLimits,
  wrap: Wrap | undefined,
  signal: AbortSignal,
): Promise<Ran> {
  signal.throwIfAborted();
  if (limits.wallMs <= 0) return Promise.resolve({ kind: "timeout" });
  const script =
    `ulimit -c 0; ulimit -v ${Math.floor(limits.memoryBytes / 1024)} 2>/dev/null; ` +
    `ulimit -f ${Math.ceil(limits.fileBytes / 512)}; ulimit -S -t ${Math.ceil(limits.wallMs / 1000) + 1}; ` +
    `exec "$@" 2>&1`;
  const full = ["/bin/sh", "-c", script, "sh", ...command];
  const wrapped = wrap?.(full, dir) ?? full;
  return new Promise((resolve, reject) => {
    const child = spawn(wrapped[0]!, wrapped.slice(1), {
      cwd: dir,
      env: { PATH: "/usr/bin:/bin", LC_ALL: "C", TMPDIR: dir, HOME: dir },
      stdio: ["ignore", "pipe", "ignore"],
      detached: true,
    });
    let output = "";
    let late = false;
    const kill = (): void => {
      late = true;
      try {
        if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
      } catch {
        // it has ended
      }
    };
    const timer = setTimeout(kill, limits.wallMs);
    signal.addEventListener("abort", kill, { once: true });
    const settle = (result: Ran): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", kill);
      if (signal.aborted) reject(signal.reason);
      else resolve(result);
    };
    child.stdout.setEncoding("latin1");
    child.stdout.on("data", (chunk: string) => {
      output = (output + chunk).slice(-KEPT);
    });
    child.once("error", (fault: NodeJS.ErrnoException) =>
      settle(infra(fault.code ?? "spawn", messageOf(fault), fault.code !== "ENOENT")),
    );
    child.once("close", (code, name) => {
      if (late) return settle({ kind: "timeout" });
      const number = code ?? 128 + (SIGNALS[name ?? ""] ?? 0);
      settle(judge(number, output, command[0]!));
    });
  });
}

const SIGNALS: Readonly<Record<string, number>> = {
  SIGKILL,
  SIGTERM,
  SIGXCPU,
  SIGABRT: 6,
  SIGSEGV: 11,
  SIGBUS: 7,
  SIGXFSZ: 25,
};

function judge(code: number, output: string, program: string): Ran {
  if (code === 126 || code === 127) {
    return infra("ENOENT", `${program} did not start: ${output.trim().slice(-300)}`, false);
  }
  if (/No space left on device/.test(output)) return infra("ENOSPC", output.trim().slice(-300), true);
  if (code === 128 + SIGXCPU) return { kind: "timeout" };
  if (code === 128 + SIGKILL || code === 128 + SIGTERM) {
    return infra("killed", `${program} was killed from outside`, true);
  }
  return { kind: "done", code, output };
}

const infra = (code: string, log: string, retryable: boolean): Extract<Ran, { kind: "infra" }> => ({
  kind: "infra",
  code,
  retryable,
  log,
});
