/** Which names are made from which without a clock in between. */

import type { Token } from "../../verilog/lexer.js";
import type { Outline, Scope, Span } from "../../verilog/outline.js";

/** Names that a name is made from without a clock in between, by scope. */
export type Wiring = ReadonlyMap<Scope, ReadonlyMap<string, ReadonlySet<string>>>;

export function wiring(tokens: readonly Token[], outline: Outline): Wiring {
  const out = new Map<Scope, Map<string, Set<string>>>();
  for (const a of outline.assignments) {
    if (a.clocked) continue;
    const ids = (s: Span): string[] =>
      tokens.slice(s[0], s[1]).flatMap((t) => (t.kind === "id" && a.scope.nets.has(t.text) ? [t.text] : []));
    const scope = out.get(a.scope) ?? new Map<string, Set<string>>();
    out.set(a.scope, scope);
    for (const name of ids(a.lhs)) {
      const from = scope.get(name) ?? new Set();
      for (const read of [...ids(a.rhs), ...a.under.flatMap(ids)]) from.add(read);
      scope.set(name, from);
    }
  }
  return out;
}

export function dependsOn(wires: Wiring, scope: Scope, name: string, targets: ReadonlySet<string>): boolean {
  const seen = new Set<string>();
  const stack = [name];
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    if (targets.has(at)) return true;
    if (seen.has(at)) continue;
    seen.add(at);
    stack.push(...(wires.get(scope)?.get(at) ?? []));
  }
  return false;
}
