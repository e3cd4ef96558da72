/** Value change dump (IEEE 1364-2005, clause 18) of the moments around a difference, for GTKWave and its like. */

import type { Moment } from "../equiv/moments.js";
import type { Port } from "../verilog/interface.js";

export interface Dump {
  readonly top: string;
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  readonly moments: readonly Moment[];
  /** Lines for the `$comment` section. */
  readonly comment: readonly string[];
}

/** Nanoseconds between two moments. */
export const MOMENT_NS = 100;

interface Signal {
  readonly id: string;
  readonly width: number;
  readonly valueAt: (m: Moment) => string;
}

/** Text of the file: scopes `inputs`, `golden`, `candidate` and `check` below the design's name. */
export function vcdText(d: Dump): string {
  const signals: Signal[] = [];
  const lines = [
    "$version veriloop $end",
    `$comment ${d.comment.join("; ").replaceAll("$", "")} $end`,
    "$timescale 1ns $end",
    `$scope module ${d.top} $end`,
  ];
  const declare = (name: string, width: number, kind: string, valueAt: Signal["valueAt"]): void => {
    const id = idOf(signals.length);
    signals.push({ id, width, valueAt });
    lines.push(
      `$var ${kind} ${width} ${id} ${name}${width === 1 || kind === "integer" ? "" : ` [${width - 1}:0]`} $end`,
    );
  };
  const scope = (name: string, body: () => void): void => {
    lines.push(`$scope module ${name} $end`);
    body();
    lines.push("$upscope $end");
  };
  scope("inputs", () => {
    for (const p of d.inputs) declare(p.name, p.width, "wire", (m) => m.inputs[p.name]!);
  });
  // What the golden leaves open is shown as unknown.
  scope("golden", () => {
    for (const p of d.outputs)
      declare(p.name, p.width, "wire", (m) => m.expected[p.name]!.replaceAll("-", "x"));
  });
  scope("candidate", () => {
    for (const p of d.outputs) declare(p.name, p.width, "wire", (m) => m.got[p.name]!);
  });
  scope("check", () => {
    declare("compared", 1, "wire", (m) => (m.compared ? "1" : "0"));
    declare("mismatch", 1, "wire", (m) => (m.wrong.length > 0 ? "1" : "0"));
    declare("cycle", 32, "integer", (m) => (m.cycles[0] ?? m.index + 1).toString(2));
  });
  lines.push("$upscope $end", "$enddefinitions $end");
  const last = new Map<string, string>();
  d.moments.forEach((m, k) => {
    lines.push(`#${(m.index + 1) * MOMENT_NS}`);
    if (k === 0) lines.push("$dumpvars");
    for (const s of signals) {
      const value = s.valueAt(m);
      if (last.get(s.id) === value) continue;
      last.set(s.id, value);
      lines.push(s.width === 1 ? `${value}${s.id}` : `b${value.replace(/^0+(?=[01])/, "")} ${s.id}`);
    }
    if (k === 0) lines.push("$end");
  });
  const end = d.moments.at(-1);
  if (end !== undefined) lines.push(`#${(end.index + 2) * MOMENT_NS}`);
  return `${lines.join("\n")}\n`;
}

/** Identifier codes: printable characters from ! to ~. */
function idOf(n: number): string {
  let id = "";
  for (let v = n; ; v = Math.floor(v / 94) - 1) {
    id = String.fromCharCode(33 + (v % 94)) + id;
    if (v < 94) return id;
  }
}
