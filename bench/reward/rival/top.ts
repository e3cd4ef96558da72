/** The regular expressions by which the published check finds a design's top module and renames its modules. */

const literal = (text: string): string => text.replace(/[$]/g, "\\$&");

/**
 * Root of the instance graph: the module whose set of descendants is "largest". Sets are compared by inclusion, as
 * Python's `max` does, so of two modules neither of which contains the other's set the first one stays: an unused
 * helper that is listed first is taken for the top. Assumed: a module is not its own descendant.
 */
export function codevTop(source: string): string | null {
  const names = [...source.matchAll(/\bmodule\s+([A-Za-z_]\w*)/g)].map((m) => m[1]!);
  const bodies = new Map(
    [...source.matchAll(/\bmodule\s+([A-Za-z_]\w*)([\s\S]*?)\bendmodule\b/g)].map((m) => [m[1]!, m[2]!]),
  );
  const children = (name: string): string[] =>
    names.filter((other) =>
      new RegExp(`\\b${literal(other)}\\s+(?:#\\s*\\([\\s\\S]*?\\)\\s*)?[A-Za-z_]\\w*\\s*\\(`).test(
        bodies.get(name) ?? "",
      ),
    );
  const below = (name: string): Set<string> => {
    const found = new Set<string>();
    const todo = children(name);
    for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
      if (found.has(next)) continue;
      found.add(next);
      todo.push(...children(next));
    }
    return found;
  };
  let best: { name: string; set: Set<string> } | null = null;
  for (const name of names) {
    const set = below(name);
    if (best === null || (set.size > best.set.size && [...best.set].every((x) => set.has(x))))
      best = { name, set };
  }
  return best?.name ?? null;
}

/** Every module's name with a suffix wherever the word occurs, in strings and macros too. */
export function codevRename(source: string, suffix: string): string {
  const names = new Set([...source.matchAll(/\bmodule\s+([A-Za-z_]\w*)/g)].map((m) => m[1]!));
  let text = source;
  for (const name of names) text = text.replace(new RegExp(`\\b${literal(name)}\\b`, "g"), name + suffix);
  return text;
}
