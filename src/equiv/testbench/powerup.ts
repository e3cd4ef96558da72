/**
 * Gives every register of a design a chosen power-up value, by `initial` blocks added to its text. A golden whose
 * output depends on the power-up value leaves that output open, even where simulation shows a defined level (an `if`
 * on X takes its else branch); a candidate that shows X only because of X-pessimism proves itself by agreeing from
 * every power-up value.
 */

import { type Admitted, withSuffix } from "../../verilog/gate.js";
import { isKeyword } from "../../verilog/keywords.js";
import type { Token } from "../../verilog/lexer.js";
import { closing } from "../../verilog/preprocess.js";
import { statementEnd } from "../../verilog/statements.js";
import type { Names } from "./testbench.js";

export type PowerUp = "zeros" | "ones" | "mixed";

export const POWER_UPS: readonly PowerUp[] = ["zeros", "ones", "mixed"];
/** The order in which a candidate that shows X is tried: it decides nothing but the time. */
export const TRIED_IN_TURN: readonly PowerUp[] = ["ones", "zeros", "mixed"];

/** The design, then copies of it that wake up otherwise, as modules that can stand side by side. */
export function awakeVariants(
  admitted: Admitted,
  top: string,
  names: Pick<Names, "scope" | "suffix">,
): { readonly module: string; readonly text: string }[] {
  const base = { module: `${top}${names.suffix}`, text: withSuffix(admitted, names.suffix) };
  const others = POWER_UPS.map((how, k) => {
    const awake = withPowerUp(admitted, how, `${names.scope}${k}`);
    const suffix = `${names.suffix}${k}`;
    return awake === null ? null : { module: `${top}${suffix}`, text: withSuffix(awake, suffix) };
  });
  return [base, ...others.filter((v) => v !== null)];
}

interface StateVariable {
  readonly name: string;
  /** Text of the unpacked range's bounds, for memories of one dimension. */
  readonly bounds: readonly [string, string] | null;
}

/** Tokens with the blocks added, or null when the design has no register to set. */
export function withPowerUp(admitted: Admitted, how: PowerUp, nonce: string): Admitted | null {
  const out: Token[] = [];
  let added = false;
  let from = 0;
  for (let i = 0; i < admitted.tokens.length; i++) {
    if (admitted.tokens[i]!.text !== "endmodule") continue;
    let start = i;
    while (start > from && admitted.tokens[start]!.text !== "module") start--;
    const vars = stateVariables(admitted.tokens.slice(start, i));
    for (let k = from; k < i; k++) out.push(admitted.tokens[k]!);
    vars.forEach((v, k) => {
      added = true;
      out.push(word(block(v, how, `${nonce}_${k}`)));
    });
    from = i;
  }
  for (let k = from; k < admitted.tokens.length; k++) out.push(admitted.tokens[k]!);
  return added ? { ...admitted, tokens: out } : null;
}

/**
 * What a candidate that shows X may be instead: itself with power-up values, then the same with its processes on
 * everything (`always @*`) run once at the start. They otherwise sleep until something they read changes, and show X
 * where registers have their values from the beginning. None where there is nothing to set and nothing to run.
 */
export function awakenings(admitted: Admitted, how: PowerUp, nonce: string): readonly Admitted[] {
  const running = runAtStart(admitted);
  const set = withPowerUp(admitted, how, nonce);
  return [set, running === null ? null : (withPowerUp(running, how, nonce) ?? running)].filter(
    (a) => a !== null,
  );
}

/** `always @*` as `always_comb`; null without one. */
function runAtStart(admitted: Admitted): Admitted | null {
  const out: Token[] = [];
  const { tokens } = admitted;
  for (let i = 0; i < tokens.length; i++) {
    const head = tokens
      .slice(i, i + 5)
      .map((t) => t.text)
      .join("");
    const everything = /^always@(?:\*(?!\))|\(\*\))/.exec(head);
    if (tokens[i]!.text !== "always" || everything === null) {
      out.push(tokens[i]!);
      continue;
    }
    out.push({ ...tokens[i]!, text: "always_comb" });
    for (let left = everything[0].length - "always".length; left > 0; ) left -= tokens[++i]!.text.length;
  }
  return out.length === tokens.length ? null : { ...admitted, tokens: out };
}

const word = (text: string): Token => ({ kind: "op", text: ` ${text} `, breaks: 0, space: true, line: 0 });

function block(v: StateVariable, how: PowerUp, id: string): string {
  const fill = (target: string): string =>
    how === "zeros" ? `${target}=0;` : how === "ones" ? `${target}=~0;` : `${target}={64{$random}};`;
  if (v.bounds === null) return `initial ${fill(v.name)}`;
  const [a, b] = v.bounds;
  const i = `i${id}`;
  const from = `((${a})<(${b})?(${a}):(${b}))`;
  const to = `((${a})<(${b})?(${b}):(${a}))`;
  return `integer ${i};initial for(${i}=${from};${i}<=${to};${i}=${i}+1) ${fill(`${v.name}[${i}]`)}`;
}

/** Variables assigned in clocked processes, and those assigned `<=`, unless the text gives them a value itself. */
export function stateVariables(module: readonly Token[]): StateVariable[] {
  const assigned = new Set<string>();
  const initialised = new Set<string>();
  const bounds = new Map<string, readonly [string, string] | null>();
  const many = new Set<string>();
  for (let i = 1; i < module.length; i++) {
    const t = module[i]!;
    const p = module[i - 1]!;
    if (t.text === "initial") {
      for (const name of written(module, i + 1, statementEnd(module, i + 1))) initialised.add(name);
    } else if (/^always(_ff|_latch)?$/.test(t.text)) {
      const end = statementEnd(module, i + 1);
      const head = module.slice(i, Math.min(end, i + 40));
      if (t.text !== "always" || head.some((x) => x.text === "posedge" || x.text === "negedge")) {
        for (const name of written(module, i + 1, end)) assigned.add(name);
      } else {
        for (const name of written(module, i + 1, end, "<=")) assigned.add(name);
        // Latches: plain level-sensitive processes may hold as well, but so may wires in disguise; leave them.
      }
    } else if (t.text === "[" && p.kind === "id" && !isKeyword(p.text) && declares(module, i - 1)) {
      const close = closing(module, i);
      const inner = module.slice(i + 1, close);
      const colon = inner.findIndex((x) => x.text === ":");
      if (module[close + 1]?.text === "[") many.add(p.text);
      const text = (from: number, to: number): string =>
        inner
          .slice(from, to)
          .map((x) => x.text)
          .join(" ");
      bounds.set(
        p.text,
        colon < 0 ? ["0", `${text(0, inner.length)}-1`] : [text(0, colon), text(colon + 1, inner.length)],
      );
    } else if (t.text === "=" && p.kind === "id" && declares(module, i - 1)) initialised.add(p.text);
  }
  const out: StateVariable[] = [];
  for (const name of assigned) {
    if (!initialised.has(name) && !many.has(name)) out.push({ name, bounds: bounds.get(name) ?? null });
  }
  return out;
}

/** Is the name at `at` being declared (a type or a range before it, possibly other names of the same list)? */
function declares(module: readonly Token[], at: number): boolean {
  for (let i = at - 1; i >= 0; i--) {
    const x = module[i]!;
    if (/^(reg|logic|bit|integer|int|byte)$/.test(x.text)) return true;
    if (x.text === ";" || x.text === "(" || x.text === "begin" || x.text === ")" || x.text === "end")
      return false;
    if (x.kind === "id" && (x.text === "assign" || x.text === "else")) return false;
  }
  return false;
}

/** Names on the left of assignments between two indices. */
function written(module: readonly Token[], from: number, to: number, only?: "<="): Set<string> {
  const names = new Set<string>();
  for (let i = from; i < to; i++) {
    const t = module[i]!;
    if (t.kind !== "id" || isKeyword(t.text)) continue;
    const p = module[i - 1]!.text;
    const concat = p === "{" || p === ",";
    if (
      !(
        p === ";" ||
        p === "begin" ||
        p === ")" ||
        p === "else" ||
        p === ":" ||
        p === "end" ||
        p === "do" ||
        p === "initial" ||
        concat
      )
    ) {
      continue;
    }
    let k = i + 1;
    while (module[k]?.text === "[") k = closing(module, k) + 1;
    if (concat) {
      // {carry, sum} <= …: walk to the closing brace.
      while (k < to && (module[k]!.text === "," || module[k]!.kind === "id" || module[k]!.text === "[")) {
        k = module[k]!.text === "[" ? closing(module, k) + 1 : k + 1;
      }
      if (module[k]?.text !== "}") continue;
      k++;
    }
    const op = module[k]?.text;
    if (
      op === "<=" ||
      (only === undefined && (op === "=" || op === "++" || op === "--" || op === "+=" || op === "-="))
    ) {
      names.add(t.text);
    }
  }
  return names;
}
