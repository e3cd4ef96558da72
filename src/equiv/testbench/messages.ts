/** What people read: the tools' messages without our secret names, with the candidate's own line numbers. */

import type { Names } from "./testbench.js";

const MAX_LINES = 12;

/** The testbench is line 1 of the compiled text, so the candidate's line n is line n + 1 there. */
export function cleanLog(log: string, names: Names): string {
  const lines = log
    .replaceAll(names.suffix, "")
    .split("\n")
    .map((l) =>
      l.replace(/^(?:-|design\.v|<stdin>):(\d+): ?/, (_, n: string) =>
        Number(n) > 1 ? `line ${Number(n) - 1}: ` : "",
      ),
    )
    .filter((l) => l.trim() !== "")
    .map((l) => l.replaceAll(names.scope, ""));
  const more = lines.length - MAX_LINES;
  return lines.slice(0, MAX_LINES).join("\n") + (more > 0 ? `\n… ${more} more lines` : "");
}
