/** Which modules a text defines, and which of them no other one instantiates. */

import type { Admitted } from "./gate.js";
import { isKeyword } from "./keywords.js";
import type { Token } from "./lexer.js";

/** Names of the modules that a text defines, in its order; conditional compilation is not looked at. */
export function modulesIn(tokens: readonly Token[]): string[] {
  const names: string[] = [];
  tokens.forEach((t, i) => {
    if (t.kind !== "id" || t.text !== "module") return;
    const after = tokens[i + 1]?.text;
    const name = after === "automatic" || after === "static" ? tokens[i + 2] : tokens[i + 1];
    if (name?.kind === "id") names.push(name.text);
  });
  return names;
}

/** Modules that no other module of the text instantiates. */
export function topsOf(admitted: Admitted): string[] {
  const used = new Set<string>();
  const names = new Set(admitted.modules);
  const { tokens } = admitted;
  for (let i = 1; i < tokens.length; i++) {
    const t = tokens[i]!;
    if (t.kind !== "id" || !names.has(t.text)) continue;
    const before = tokens[i - 1]!.text;
    if (before === "module" || before === "automatic" || before === "static" || before === ".") continue;
    const next = tokens[i + 1];
    if (next?.text === "#" || (next?.kind === "id" && !isKeyword(next.text))) used.add(t.text);
  }
  return admitted.modules.filter((m) => !used.has(m));
}
