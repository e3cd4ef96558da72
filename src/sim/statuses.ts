/**
 * What an exit code means, the same for every engine: the candidate's doing (loops, crashes, floods), or the
 * machine's (a full disk, a program that is not there, a kill from outside), which is never a score.
 */

import { statfsSync } from "node:fs";
import type { Limits, SimResult } from "./simulator.js";

/** Codes as a shell gives them: 128 + signal. */
const SIGKILL = 128 + 9;
const SIGALRM = 128 + 14;
const SIGTERM = 128 + 15;
/** The soft CPU limit sends SIGXCPU, so that a limit is told from a kill that came from outside. */
const SIGXCPU = 128 + 24;
const SIGXFSZ = 128 + 25;

export interface Ending {
  readonly stage: "compile" | "run";
  readonly code: number;
}

/** `readLog(limit)`: at most `limit` bytes of what the program of this stage printed. */
export function interpret(
  ending: Ending,
  dir: string,
  limits: Limits,
  ms: number,
  readLog: (limit: number) => string,
): SimResult {
  const { stage, code } = ending;
  if (code === 0 && stage === "run") return { kind: "ran", output: readLog(limits.fileBytes), ms };
  const tool = stage === "compile" ? "compiler" : "simulation";
  const disk = statfsSync(dir);
  const free = disk.bavail * disk.bsize;
  if (free < 2 * limits.fileBytes) {
    return infra("ENOSPC", `scratch directory ${dir} is full: ${free} bytes are left`, true);
  }
  const log = readLog(16_384);
  if (/No space left on device/.test(log)) return infra("ENOSPC", log.trim(), true);
  // The compiler's exit code counts its errors, so any number may come, those of signals included.
  if (stage === "compile" && /(?:syntax error|: error: |\d error\(s\))/.test(log))
    return { kind: "compile", log };
  if (code === SIGXCPU) return { kind: "timeout", stage, log: `the ${tool} used up its CPU limit` };
  if (code === SIGALRM) return overstayed(limits, stage);
  if (code === SIGXFSZ)
    return { kind: "crash", stage, log: `the ${tool} wrote more than ${limits.fileBytes} bytes` };
  if (code === 126 || code === 127) return infra("ENOENT", `the ${tool} did not start: ${log.trim()}`, true);
  if (code === SIGKILL || code === SIGTERM)
    return infra("killed", `the ${tool} was killed from outside`, true);
  if (code > 128) return { kind: "crash", stage, log: `the ${tool} ended on signal ${code - 128}. ${log}` };
  if (stage === "compile") return { kind: "compile", log };
  return { kind: "crash", stage, log: `the simulation ended with code ${code}. ${log.slice(0, 2000)}` };
}

export const overstayed = (limits: Limits, stage: "compile" | "run"): SimResult => ({
  kind: "timeout",
  stage,
  log: `the check took more than ${limits.wallMs} ms`,
});

export const infra = (
  code: string,
  log: string,
  retryable: boolean,
): Extract<SimResult, { kind: "infra" }> => ({
  kind: "infra",
  code,
  retryable,
  log,
});

const LASTING = new Set(["EACCES", "EPERM", "EROFS", "ENOTDIR", "ENAMETOOLONG"]);

/** A file-system fault as a result; anything else is a bug and is thrown on. */
export function fileFault(thrown: unknown): SimResult {
  const code = (thrown as NodeJS.ErrnoException)?.code;
  if (typeof code !== "string") throw thrown;
  return infra(code, (thrown as Error).message, !LASTING.has(code));
}
