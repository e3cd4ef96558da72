/**
 * A child process of Node that talks by messages. The rewarder has one because starting a program copies the page tables
 * of the process that starts it: 2 ms from a small process, 0.1 s from one that holds a model of some gigabytes,
 * and simulators and provers are started all the time.
 */

import { fork } from "node:child_process";
import { createRequire } from "node:module";
import type { Socket } from "node:net";
import { fileURLToPath, pathToFileURL } from "node:url";

export interface Child {
  readonly pid: number | undefined;
  /** Messages of one turn of the event loop travel together, as an array. */
  send(message: unknown): void;
  onMessage(listener: (message: unknown) => void): void;
  /** Called once, with what is known of why. */
  onEnd(listener: (how: string) => void): void;
  /** Whether this child keeps the program running. */
  hold(on: boolean): void;
  kill(): Promise<void>;
}

/** Last bytes of its stderr that are searched for the reason of a child's end. */
const TAIL = 4096;

/** @param entry URL of the module that the child runs; a `.ts` one needs tsx, which a child does not inherit */
export function startChild(entry: URL): Child {
  const loader = entry.pathname.endsWith(".ts")
    ? ["--import", pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href]
    : [];
  const child = fork(fileURLToPath(entry), {
    execArgv: loader,
    serialization: "advanced",
    stdio: ["ignore", "inherit", "pipe", "ipc"],
  });
  let said = "";
  let fault: string | null = null;
  child.stderr?.on("data", (chunk: Buffer) => {
    process.stderr.write(chunk);
    said = (said + chunk.toString()).slice(-TAIL);
  });
  const ended = new Promise<string>((resolve) => {
    child.on("error", (error) => {
      fault = error.message;
      if (child.pid === undefined) resolve(fault);
    });
    // `close` comes after the last of its stderr.
    child.once("close", (code, signal) => resolve(fault ?? reasonIn(said) ?? signal ?? `exit code ${code}`));
  });
  let outbox: unknown[] = [];
  const flush = (): void => {
    const messages = outbox;
    outbox = [];
    // When the child has ended, `onEnd` reports it.
    if (child.connected) child.send(messages, () => {});
  };
  const hold = (on: boolean): void => {
    for (const part of [child, child.channel, child.stderr as Socket | null])
      if (on) part?.ref();
      else part?.unref();
  };
  return {
    pid: child.pid,
    send: (message) => {
      if (outbox.push(message) === 1) setImmediate(flush);
    },
    onMessage: (listener) => void child.on("message", listener),
    onEnd: (listener) => void ended.then(listener),
    hold,
    kill: async () => {
      hold(true); // so that the program stays alive until the child has ended
      child.kill("SIGKILL");
      await ended;
    },
  };
}

const reasonIn = (stderr: string): string | undefined =>
  stderr.match(/^(?:\w*Error: |FATAL ERROR: ).*/m)?.[0];
