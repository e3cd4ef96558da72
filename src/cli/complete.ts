/** Words that a shell's Tab key can fill in: commands, options, stages, configs and dotted keys. */

import { shippedConfigs } from "../config/files.js";
import type { Parts, Shell } from "./shell.js";
import { CONFIG_VERBS, NAMES } from "./usage.js";

/** What the script below asks us with; the words typed so far follow, the unfinished one last. */
export const COMPLETE = "--complete-words";

/** For bash, and for zsh after bashcompinit. `complete` looks at the last part of a path, so scripts/train is covered. */
export const completionScript = (program: string): string => `# bash: source <(${program} completion)
# zsh:  autoload -U bashcompinit && bashcompinit && source <(${program} completion)
_veriloop_train() {
  COMPREPLY=($("\${COMP_WORDS[0]}" ${COMPLETE} "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
  case "\${COMPREPLY[0]-}" in *=) type compopt >/dev/null 2>&1 && compopt -o nospace ;; esac
}
complete -o default -F _veriloop_train train
`;

/** Files are the shell's to complete: it does so where we offer nothing. */
const DESIGN = ["--golden", "--top", "--seed", "--vectors", "--json"];
const DESIGN_OPTIONS: Readonly<Record<string, readonly string[]>> = {
  verify: [...DESIGN, "--candidate", "--completion", "--formal", "--seconds", "--vcd"],
  testbench: [...DESIGN, "--out", "--mutants"],
};

/** The words that could stand where the last of `typed` stands. */
export async function completeWord(shell: Shell, parts: Parts, typed: readonly string[]): Promise<string[]> {
  const current = typed.at(-1) ?? "";
  const before = typed.at(-2);
  const fits = (words: readonly string[]): string[] => words.filter((w) => w.startsWith(current));
  if (before === "--stage") return fits(Object.keys(parts.stages));
  if (before === "--config") return fits(shippedConfigs(shell.root));
  if (before === "config" && typed.length === 2) return fits(CONFIG_VERBS);
  const design = DESIGN_OPTIONS[typed[0] ?? ""];
  if (design !== undefined && typed.length > 1) return current.startsWith("-") ? fits(design) : [];
  if (current.startsWith("-")) {
    return fits([
      ...["--stage", "--config", "--name", "--resume", "--dry-run", "--json", "--quiet"],
      ...["--rollouts-only", "--train-only"],
    ]);
  }
  const at = typed.indexOf("--stage");
  if (at < 0) return typed.length <= 1 ? fits(NAMES) : [];
  const schema = (await parts.schemas())[typed[at + 1] ?? ""];
  if (schema === undefined) return [];
  const { keysOf } = await import("../config/keys.js");
  const keys = keysOf(schema).filter((k) => !k.section);
  return fits(keys.map((k) => `${k.key}=`));
}
