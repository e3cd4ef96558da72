/**
 * One long-lived process that takes a job per line and answers with a line: `c CODE` when the compilation failed,
 * `r CODE` after the simulation. It leads a process group of its own, which is killed as a whole.
 */

import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Socket } from "node:net";
import type { Readable, Writable } from "node:stream";
import { messageOf } from "../core/errors.js";
import type { Ending } from "./statuses.js";

export type Answer =
  | ({ readonly kind: "answer" } & Ending)
  | { readonly kind: "overstayed" }
  | { readonly kind: "died"; readonly code: string; readonly log: string };

export interface Worker {
  readonly pid: number | undefined;
  /** One call at a time. */
  ask(line: string, wallMs: number, signal: AbortSignal): Promise<Answer>;
  alive(): boolean;
  kill(): void;
  /** Resolves when the process has ended (or never was). */
  readonly ended: Promise<void>;
}

export function startWorker(command: readonly string[], cwd: string): Worker {
  const child = spawn(command[0]!, command.slice(1), {
    cwd,
    env: { PATH: "/usr/bin:/bin", LC_ALL: "C", TMPDIR: cwd },
    stdio: ["pipe", "pipe", "ignore"],
    detached: true,
  }) as ChildProcessByStdio<Writable, Readable, null>;
  let listener: ((a: Answer) => void) | null = null;
  let dead: Answer | null = null;
  let text = "";
  let markEnded: () => void;
  const ended = new Promise<void>((resolve) => {
    markEnded = resolve;
  });
  const tell = (a: Answer): void => {
    const to = listener;
    listener = null;
    to?.(a);
  };
  const die = (code: string, log: string): void => {
    dead ??= { kind: "died", code, log };
    markEnded();
    tell(dead);
  };
  child.stdout.setEncoding("latin1");
  child.stdout.on("data", (chunk: string) => {
    text += chunk;
    const end = text.indexOf("\n");
    if (end < 0) return;
    const line = text.slice(0, end);
    text = text.slice(end + 1);
    const parts = /^([cr]) (\d+)$/.exec(line);
    if (parts === null) {
      kill();
      die("protocol", `a simulation worker answered ${JSON.stringify(line.slice(0, 80))}`);
    } else {
      tell({ kind: "answer", stage: parts[1] === "c" ? "compile" : "run", code: Number(parts[2]) });
    }
  });
  // A write to a worker that has ended is reported by its exit; the pipe's own complaint adds nothing.
  child.stdin.on("error", () => {});
  child.once("error", (fault: NodeJS.ErrnoException) => die(fault.code ?? "spawn", messageOf(fault)));
  child.once("exit", (code, name) => die("killed", `a simulation worker ended (${name ?? `code ${code}`})`));
  child.unref();
  // An idle worker must not keep the program from ending.
  const hold = (on: boolean): void => {
    for (const pipe of [child.stdin, child.stdout] as unknown as Socket[]) on ? pipe.ref() : pipe.unref();
  };
  hold(false);

  const kill = (): void => {
    if (child.pid === undefined) return;
    // Whoever waits for `ended` is owed the event.
    if (dead === null) child.ref();
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

  return { pid: child.pid, ask, alive: () => dead === null, kill, ended };
}
