/** Runs the command line in a process of its own, as users do. */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll } from "vitest";

export const root = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");
const tsx = new URL("../../node_modules/tsx/dist/loader.mjs", import.meta.url).href;
/** The real stages; and stages that load no engine. */
export const REAL = join(root, "src/cli/main.ts");
export const FAKE = join(root, "test/cli/fixtures/fake-cli.ts");

export const command = (main: string, words: readonly string[]): string[] => [
  process.execPath,
  "--import",
  tsx,
  main,
  ...words,
];

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  /** Resolves when stderr has matched. */
  said(pattern: RegExp): Promise<RegExpExecArray>;
  readonly ended: Promise<Ended>;
}

const places: string[] = [];
// Not when a test ends: tests that run side by side do not know which of them is asking.
afterAll(() => {
  for (const path of places) rmSync(path, { recursive: true, force: true });
});

/** A folder of its own with one config, fk.yaml. */
export function workplace(): string {
  const path = mkdtempSync(join(tmpdir(), "cli-"));
  places.push(path);
  writeFileSync(join(path, "fk.yaml"), "rl: {steps: 3}\n");
  return path;
}

export function start(
  main: string,
  words: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Running {
  const [program = "", ...args] = command(main, words);
  const child = spawn(program, args, {
    cwd: options.cwd ?? root,
    env: { ...process.env, NO_COLOR: "1", COLUMNS: undefined, VERILOOP_PROGRAM: undefined, ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  const waiting = new Set<() => void>();
  child.stdout.on("data", (data) => (stdout += data));
  child.stderr.on("data", (data) => {
    stderr += data;
    for (const look of waiting) look();
  });
  const ended = new Promise<Ended>((done) => child.on("close", (code) => done({ code, stdout, stderr })));
  return {
    child,
    ended,
    said: (pattern) =>
      new Promise((done, fail) => {
        const look = (): void => {
          const match = pattern.exec(stderr);
          if (match) {
            waiting.delete(look);
            done(match);
          }
        };
        waiting.add(look);
        look();
        void ended.then(({ code }) =>
          fail(new Error(`ended with ${code} before saying ${pattern}: ${stderr}`)),
        );
      }),
  };
}

export const train = (
  words: readonly string[],
  options: { cwd?: string; main?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<Ended> => start(options.main ?? FAKE, words, options).ended;
