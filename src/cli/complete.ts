/** Words that a shell's Tab key can fill in: commands, stages, configs and dotted keys. */

import { shippedConfigs } from "../config/files.js";
import type { Parts, Shell } from "./shell.js";
import { COMMANDS, CONFIG_VERBS } from "./usage.js";

export async function completeWord(shell: Shell, parts: Parts, current: string): Promise<string[]> {
  // yargs calls us as `train --get-yargs-completions train word word current`.
  const typed = shell.words.slice(shell.words.indexOf("--get-yargs-completions") + 2);
  const before = typed.at(-2);
  const fits = (words: readonly string[]): string[] => words.filter((w) => w.startsWith(current));
  if (before === "--stage") return fits(Object.keys(parts.stages));
  if (before === "--config") return fits(shippedConfigs(shell.root));
  if (before === "config" && typed.length === 2) return fits(CONFIG_VERBS);
  if (current.startsWith("-"))
    return fits(["--stage", "--config", "--name", "--resume", "--dry-run", "--json", "--quiet"]);
  const stage = typed[typed.indexOf("--stage") + 1];
  if (typed.includes("--stage") && stage !== undefined) {
    const schema = (await parts.schemas())[stage];
    if (schema === undefined) return [];
    const { keysOf } = await import("../config/keys.js");
    return fits(
      keysOf(schema)
        .filter((k) => !k.section)
        .map((k) => `${k.key}=`),
    );
  }
  return typed.length <= 1 ? fits(COMMANDS) : [];
}
