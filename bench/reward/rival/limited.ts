/**
 * Runs one command on hostile text: in a process group of its own that is killed whole, under resource limits, with an
 * output cap, and inside bubblewrap where that works. The baseline needs none of this to be faithful; the machine does.
 */

import { spawn, spawnSync } from "node:child_process";
import { dirname } from "node:path";

export interface LimitedOptions {
  /** The only directory the command may write. */
  readonly dir: string;
  readonly wallMs: number;
  /** Path of `bwrap`, or null to run without. */
  readonly sandbox: string | null;
}

export interface LimitedResult {
  /** Exit status; null when it was killed. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
}

/** Address space 4 GB, 90 s of CPU, 64 MB files, no core file. */
const LIMITS = 'ulimit -c 0 -v 4194304 -t 90 -f 131072; exec "$@"';
const MAX_OUTPUT = 8 * 1024 ** 2;

export function limited(command: readonly string[], options: LimitedOptions): Promise<LimitedResult> {
  const inside =
    options.sandbox === null ? [...command] : [...walls(options.sandbox, options.dir), ...command];
  return new Promise((resolve, reject) => {
    const child = spawn("/bin/bash", ["-c", LIMITS, "limited", ...inside], {
      cwd: options.dir,
      env: { PATH: `${dirname(command[0]!)}:/usr/local/bin:/usr/bin:/bin`, TMPDIR: options.dir },
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let timedOut = false;
    const kill = (): void => {
      try {
        process.kill(-child.pid!, "SIGKILL");
      } catch {
        // it has ended
      }
    };
    const timer = setTimeout(() => {
      timedOut = true;
      kill();
    }, options.wallMs);
    const texts = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const) {
      child[name].setEncoding("utf8").on("data", (chunk: string) => {
        texts[name] += chunk;
        if (texts[name].length > MAX_OUTPUT) kill();
      });
    }
    child.once("error", reject);
    child.once("close", (status) => {
      clearTimeout(timer);
      kill();
      resolve({ status, ...texts, timedOut });
    });
  });
}

/** No network, nothing writable but `dir`. */
const walls = (bwrap: string, dir: string): string[] =>
  [bwrap, "--unshare-all", "--die-with-parent", "--ro-bind", "/", "/", "--dev", "/dev"].concat([
    ...["--tmpfs", "/root", "--bind", dir, dir, "--chdir", dir, "--"],
  ]);

/** bubblewrap's path if it can start here, else null. */
export function workingSandbox(bwrap: string | null, dir: string): string | null {
  if (bwrap === null) return null;
  const [program, ...args] = walls(bwrap, dir);
  return spawnSync(program!, [...args, "/bin/true"], { timeout: 10_000 }).status === 0 ? bwrap : null;
}
