import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

/** A process that runs test/run/<script>; its lines can be waited for. */
export function startChild(script: string, args: readonly string[]) {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const child = spawn(process.execPath, ["--import", "tsx", path, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const lines: string[] = [];
  let wake = () => {};
  let errors = "";
  let tail = "";
  child.stdout.on("data", (data) => {
    const parts = (tail + data).split("\n");
    tail = parts.pop()!;
    lines.push(...parts);
    wake();
  });
  child.stderr.on("data", (data) => {
    errors += data;
  });
  const closed = new Promise<void>((resolve) => child.on("close", () => resolve()));
  let ended = false;
  closed.then(() => {
    ended = true;
    wake();
  });
  return {
    pid: child.pid!,
    /** Lines so far. */
    lines,
    /** The first line like `wanted`, now or later. */
    async line(wanted: string | RegExp): Promise<string> {
      for (;;) {
        const found = lines.find((l) => (typeof wanted === "string" ? l === wanted : wanted.test(l)));
        if (found !== undefined) return found;
        if (ended) throw new Error(`the child ended without ${wanted}: ${errors}`);
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    kill: () => child.kill("SIGKILL"),
    closed,
  };
}
