/**
 * Refuses settings that nothing reads under the choices of a config. A setting that a base config made before the choice
 * is only inherited, so it is left alone: `dapo.yaml` extends a config of another strategy and need not undo its settings.
 * A file that sets every key with a rule, like `config.resolved.yaml`, is the record of a whole config: it is left alone too.
 */

import type { KnobRule } from "../core/knobs.js";
import type { Mistake } from "./origin.js";
import { describe } from "./parse.js";
import { find, type MapTree, plain, type Tree } from "./tree.js";

/**
 * @param config the validated config
 * @param files as messages show them, those extended first
 * @returns a mistake for each setting that is set beside or after its choice and that nothing reads
 */
export function unreadKnobs(
  config: unknown,
  rules: readonly KnobRule<never>[],
  tree: MapTree,
  files: readonly string[],
): Mistake[] {
  const found: Mistake[] = [];
  const named = new Set<string>();
  const rankOf = (key: string): number => rank(find(tree, key.split(".")), files);
  const lowest = Math.min(...rules.map((r) => rankOf(r.key)));
  for (const { key, choosers, read, message } of rules) {
    const set = find(tree, key.split("."));
    if (set === undefined || named.has(key) || read(config as never)) continue;
    const own = rank(set, files);
    const recorded = lowest >= 0 && own === lowest && set.origin.kind === "file";
    if (recorded || own < Math.max(...choosers.map(rankOf))) continue;
    named.add(key);
    found.push({
      origin: set.origin,
      key,
      message: `${message(config as never)} (got ${describe(plain(set))})`,
    });
  }
  return found;
}

/** Defaults, then files in the order in which they are read, then overrides. */
function rank(tree: Tree | undefined, files: readonly string[]): number {
  if (tree === undefined || tree.origin.kind === "default") return -1;
  return tree.origin.kind === "override" ? files.length : files.indexOf(tree.origin.file);
}
