/**
 * The fallback where Yosys cannot read a golden: ports from the module's header (ANSI or not), widths from constant
 * expressions over parameters, clocks and resets from sensitivity lists and names.
 */

import {
  activeLevelByName,
  type ClockPort,
  type InterfaceResult,
  looksLikeClock,
  looksLikeReset,
  type Port,
  type ResetPort,
} from "./interface.js";
import type { Token } from "./lexer.js";
import { moduleBody, readPorts, unsetParameter } from "./ports.js";

export function readHeader(tokens: readonly Token[], top: string): InterfaceResult {
  const body = moduleBody(tokens, top);
  if (body === null) return { ok: false, reason: `module ${top} is not defined` };
  const unset = unsetParameter(body);
  if (unset !== null) return { ok: false, reason: unset };
  const ports = readPorts(body);
  const inputs: Port[] = [];
  const outputs: Port[] = [];
  for (const [name, p] of ports) {
    const fault =
      p.odd ??
      (p.direction === "inout"
        ? "is inout"
        : p.width === null
          ? "has a width that is not a constant this reader knows"
          : null);
    if (fault !== null) return { ok: false, reason: `line ${p.line}: port ${name} ${fault}` };
    (p.direction === "input" ? inputs : outputs).push({ name, width: p.width! });
  }
  const edges = new Map<string, Set<string>>();
  let stateful = body.some((t) => t.text === "always_ff" || t.text === "always_latch");
  for (let i = 0; i < body.length; i++) {
    const t = body[i]!.text;
    if (t !== "posedge" && t !== "negedge") continue;
    stateful = true;
    const name = body[i + 1]!.text;
    edges.set(name, (edges.get(name) ?? new Set()).add(t));
  }
  const oneBit = inputs.filter((p) => p.width === 1).map((p) => p.name);
  const edged = oneBit.filter((n) => edges.has(n));
  const isReset = (n: string): boolean => looksLikeReset(n) && !looksLikeClock(n);
  let clockNames = edged.filter((n) => !isReset(n));
  if (clockNames.length > 1 && clockNames.some(looksLikeClock))
    clockNames = clockNames.filter(looksLikeClock);
  const clocks: ClockPort[] = clockNames.map((name) => {
    const e = edges.get(name)!;
    return { name, edge: e.size > 1 ? "both" : e.has("posedge") ? "pos" : "neg" };
  });
  const resets: ResetPort[] = oneBit
    .filter((n) => stateful && !clockNames.includes(n) && (isReset(n) || edges.has(n)))
    .map((name) =>
      edges.has(name)
        ? { name, active: edges.get(name)!.has("posedge") ? 1 : 0, style: "async" }
        : { name, active: activeLevelByName(name), style: "sync" },
    );
  return {
    ok: true,
    iface: {
      inputs,
      outputs,
      clocks,
      resets,
      enables: oneBit.filter((n) => /(?:^|_)(?:en|ena|enable|ce|we|valid)(?:_|$)/i.test(n)),
      registers: [],
      stateBits: 0,
      memoryWords: 0,
      stateful,
      derivedClock: false,
      source: "header",
    },
  };
}
