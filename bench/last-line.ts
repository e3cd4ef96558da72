/** Runs another bench as a process of its own and reads its result. */

import { spawn } from "node:child_process";
import { join } from "node:path";

export const ROOT = join(import.meta.dirname, "..");

/**
 * The last line of a bench, which is one JSON object. `script` is a path from the repository's root; the bench's
 * progress is not shown.
 *
 * @throws when it fails or its last line is not JSON
 */
export function lastLine(script: string, args: readonly string[]): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ["--import", "tsx", script, ...args], {
      cwd: ROOT,
      stdio: ["ignore", "pipe", "ignore"],
    });
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
    child.once("error", reject);
    child.once("close", (status) => {
      const line = text.trimEnd().split("\n").at(-1) ?? "";
      try {
        if (status !== 0) throw new Error(`exit status ${status}`);
        resolve(JSON.parse(line) as Record<string, unknown>);
      } catch (fault) {
        reject(new Error(`${script}: ${(fault as Error).message}; its last line: ${line.slice(0, 200)}`));
      }
    });
  });
}
