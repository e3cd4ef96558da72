/** Designs with the right ports and nothing in them: what a judge must not take for an answer. */

import { codevInterface } from "../bench/reward/rival/codev.js";
import type { Tools } from "../src/sim/tools.js";
import type { Design } from "./corpus.js";

export type Impostor = "empty" | "zeros" | "ones";
export const IMPOSTORS: readonly Impostor[] = ["empty", "zeros", "ones"];

/** Modules called `design.top` whose outputs are undriven, all 0, all 1; null where Yosys cannot read the golden. */
export async function impostors(design: Design, tools: Tools): Promise<Record<Impostor, string> | null> {
  const read = await codevInterface(design.golden, design.top, tools);
  if (!read.ok) return null;
  const { data, clock, resets, outputs } = read.ports;
  const one = [...new Set([...(clock === null ? [] : [clock.name]), ...resets.map((r) => r.name)])];
  const range = (width: number): string => (width === 1 ? "" : `[${width - 1}:0] `);
  const ports = [
    ...one.map((name) => `input ${name}`),
    ...data.map((p) => `input ${range(p.width)}${p.name}`),
    ...outputs.map((p) => `output ${range(p.width)}${p.name}`),
  ].join(", ");
  const drive = (bit: string): string =>
    outputs.map((p) => `assign ${p.name} = {${p.width}{1'b${bit}}};`).join(" ");
  const made = (body: string): string => `module ${design.top}(${ports});\n${body}\nendmodule\n`;
  return { empty: made(""), zeros: made(drive("0")), ones: made(drive("1")) };
}
