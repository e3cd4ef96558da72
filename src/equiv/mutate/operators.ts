/**
 * The faults a design is given, one at a time: those of mutation testing of hardware (stuck values, operators,
 * constants, dropped statements, …) and those that only deep stimuli find (bounds off by one, memories and counters
 * one bit too small, swapped case arms, reset values).
 */

import { looksLikeClock, looksLikeReset } from "../../verilog/interface.js";
import type { Token } from "../../verilog/lexer.js";
import type { Assignment, Outline, Path, Span } from "../../verilog/outline.js";
import { expressionSites } from "./expressions.js";
import { type Edit, OPERATORS, type Operator, type Site } from "./fault.js";
import { flipped, plus } from "./literals.js";
import { wiring } from "./wiring.js";

const GATES: Readonly<Record<string, string>> = {
  and: "or",
  or: "and",
  nand: "nor",
  nor: "nand",
  xor: "xnor",
  xnor: "xor",
  not: "buf",
  buf: "not",
};
export function sitesOf(tokens: readonly Token[], outline: Outline): Map<Operator, Site[]> {
  const sites = new Map<Operator, Site[]>(OPERATORS.map((o) => [o, []]));
  const add = (operator: Operator, site: Site): void => {
    sites.get(operator)!.push(site);
  };
  const text = (i: number): string => tokens[i]?.text ?? "";
  const one = (at: number, to: string | null): readonly Edit[] | null =>
    to === null ? null : [{ span: [at, at + 1], text: to }];
  const around = (span: Span, before: string, after: string): readonly Edit[] => [
    { span: [span[0], span[0]], text: before },
    { span: [span[1], span[1]], text: after },
  ];
  const exchange = (a: Span, b: Span): readonly Edit[] => [
    { span: a, text: tokens.slice(b[0], b[1]) },
    { span: b, text: tokens.slice(a[0], a[1]) },
  ];
  const inResets = (under: readonly Span[]): boolean =>
    under.some((s) => tokens.slice(s[0], s[1]).some((t) => t.kind === "id" && looksLikeReset(t.text)));

  for (const a of outline.assignments) {
    const alone = a.rhs[1] === a.rhs[0] + 1 && tokens[a.rhs[0]]!.kind === "num";
    const zero = alone && /^(?:.*'.)?[bodhBODH]?0+$/.test(text(a.rhs[0]).replace(/^'0$/, "0"));
    add("stuck", (rng) => [{ span: a.rhs, text: zero ? "~0" : alone || rng.int(2) === 0 ? "0" : "~0" }]);
    if (a.kind !== "wire") add("drop", () => [{ span: a.whole, text: ";" }]);
    if (a.kind === "nonblocking" && a.clocked && seenByOthers(tokens, outline, a)) {
      add("blocking", () => one(a.op, "="));
    }
    if (a.clocked && inResets(a.under) && a.rhs[1] === a.rhs[0] + 1) {
      const at = a.rhs[0];
      const others = [...a.scope.constants.keys()].filter((n) => n !== text(at));
      add("reset-value", (rng) => {
        if (tokens[at]!.kind === "num") return one(at, flipped(text(at), rng));
        return a.scope.constants.has(text(at)) && others.length > 0 ? one(at, rng.pick(others)) : null;
      });
    }
  }
  for (const b of outline.branches) {
    add("stuck", (rng) => [{ span: b.cond, text: rng.int(2) === 0 ? "0" : "1" }]);
    const { otherwise } = b;
    if (otherwise === null) add("negate", () => around(b.cond, "!(", ")"));
    else {
      add("branches", () => around(b.cond, "!(", ")"));
      add("else", () => [{ span: [otherwise.at, otherwise.body[1]], text: "" }]);
    }
  }
  for (const arms of outline.choices) {
    if (arms.length < 2) continue;
    arms.forEach((arm, k) => {
      add("arms", (rng) => {
        const other = arms[(k + 1 + rng.int(arms.length - 1)) % arms.length]!;
        return arm.body[0] < other.body[0] ? exchange(arm.body, other.body) : exchange(other.body, arm.body);
      });
      add("drop", () => [{ span: [arm.label[0], arm.body[1]], text: "" }]);
    });
  }
  for (const s of outline.sensitivities) {
    const events: Span[] = [];
    let from = s[0];
    for (let i = s[0]; i <= s[1]; i++) {
      if (/^(pos|neg)edge$/.test(text(i)) && i < s[1]) {
        add("edge", () => one(i, text(i) === "posedge" ? "negedge" : "posedge"));
      }
      if (i === s[1] || text(i) === "or" || text(i) === ",") {
        events.push([from, i]);
        from = i + 1;
      }
    }
    const edged = events.every((e) => /^(pos|neg)edge$/.test(text(e[0])));
    if (!edged || events.length < 2) continue;
    const named = events.filter((e) => !looksLikeClock(text(e[1] - 1)));
    for (const e of named.length > 0 && named.length < events.length ? named : events.slice(1)) {
      // With the separator before it, or after it for the first.
      add("reset-style", () => [{ span: e[0] > s[0] ? [e[0] - 1, e[1]] : [e[0], e[1] + 1], text: "" }]);
    }
  }
  for (const r of outline.ranges) {
    const colon = tokens.findIndex((t, i) => i >= r[0] && i < r[1] && t.text === ":");
    if (colon < 0) continue;
    const ends = [r[0], colon + 1].filter(
      (i, k) => tokens[i]!.kind === "num" && (k === 0 ? colon === r[0] + 1 : r[1] === colon + 2),
    );
    const high = ends.find((i) => text(i) !== "0");
    if (high !== undefined) add("width", () => one(high, plus(text(high), -1n)));
  }
  for (const g of outline.gates) add("operator", () => one(g, GATES[text(g)] ?? null));
  const wires = wiring(tokens, outline);
  for (const e of outline.expressions) expressionSites(tokens, e, wires, add);
  return sites;
}

/** Does a clocked process read what is assigned here later in the same tick? Otherwise `=` does what `<=` does. */
function seenByOthers(tokens: readonly Token[], outline: Outline, a: Assignment): boolean {
  const names = new Set(
    tokens
      .slice(a.lhs[0], a.lhs[1])
      .filter((t) => t.kind === "id" && a.scope.nets.has(t.text))
      .map((t) => t.text),
  );
  return outline.expressions.some(
    (e) =>
      e.scope === a.scope &&
      e.process !== 0 &&
      (e.process !== a.process || e.span[0] > a.rhs[1]) &&
      tokens.slice(e.span[0], e.span[1]).some((t) => names.has(t.text)) &&
      e.role !== "target" &&
      !(e.process === a.process && apart(e.path, a.path)),
  );
}

/** Do two places stand in different arms of one branch, so that only one of them is reached? */
const apart = (a: Path, b: Path): boolean =>
  a.some(([branch, arm]) => b.some((other) => other[0] === branch && other[1] !== arm));
