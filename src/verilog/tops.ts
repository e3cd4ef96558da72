/** Modules that no other module of the text instantiates. */

import type { Admitted } from "./gate.js";
import { isKeyword } from "./gate.js";

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
