/** Runs a tool for its words only: no input, a few seconds, a little output. */

import { execFile } from "node:child_process";

export type Ran =
  | { readonly kind: "ran"; readonly code: number; readonly output: string }
  | { readonly kind: "absent"; readonly output: string };

const SECONDS = 10;

export function run(command: string, words: readonly string[]): Promise<Ran> {
  return new Promise((done) => {
    const options = { timeout: SECONDS * 1000, killSignal: "SIGKILL" as const, maxBuffer: 1 << 20 };
    const child = execFile(command, words, options, (error, stdout, stderr) => {
      const output = stdout + stderr;
      if (error === null) done({ kind: "ran", code: 0, output });
      else if (error.code === "ENOENT" || error.code === "EACCES") done({ kind: "absent", output });
      else {
        const late = error.killed ? `no answer within ${SECONDS} s` : output || error.message;
        done({ kind: "ran", code: typeof error.code === "number" ? error.code : 1, output: late });
      }
    });
    child.stdin?.end();
  });
}

export const firstLine = (text: string): string => text.trim().split("\n", 1)[0] ?? "";
