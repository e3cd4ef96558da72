/** Designs with the right ports and nothing in them: what a judge must not take for an answer. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readInterfaces } from "../src/equiv/golden/netlists.js";
import type { Tools } from "../src/sim/tools.js";
import type { Port } from "../src/verilog/interface.js";
import type { Design } from "./corpus.js";

export type Impostor = "empty" | "zeros" | "ones";
export const IMPOSTORS: readonly Impostor[] = ["empty", "zeros", "ones"];

/** Modules called `design.top` whose outputs are undriven, all 0, all 1; null where Yosys cannot read the golden. */
export async function impostors(
  design: Design,
  tools: Tools,
  signal: AbortSignal,
): Promise<Record<Impostor, string> | null> {
  const scratchDir = mkdtempSync(join(tmpdir(), "impostors-"));
  try {
    const job = { source: design.golden, top: design.top };
    const [read] = await readInterfaces([job], { yosys: tools.yosys?.path ?? null, scratchDir }, signal);
    if (!read?.ok) return null;
    const { inputs, outputs, clocks, resets } = read.iface;
    const others = [...clocks, ...resets].filter((p) => !inputs.some((i) => i.name === p.name));
    const all: readonly Port[] = [...inputs, ...others.map((p) => ({ name: p.name, width: 1 }))];
    return made(design.top, all, outputs);
  } finally {
    rmSync(scratchDir, { recursive: true, force: true });
  }
}

function made(top: string, inputs: readonly Port[], outputs: readonly Port[]): Record<Impostor, string> {
  const range = (width: number): string => (width === 1 ? "" : `[${width - 1}:0] `);
  const ports = [
    ...inputs.map((p) => `input ${range(p.width)}${p.name}`),
    ...outputs.map((p) => `output ${range(p.width)}${p.name}`),
  ].join(", ");
  const drive = (bit: string): string =>
    outputs.map((p) => `assign ${p.name} = {${p.width}{1'b${bit}}};`).join(" ");
  const module = (body: string): string => `module ${top}(${ports});\n${body}\nendmodule\n`;
  return { empty: module(""), zeros: module(drive("0")), ones: module(drive("1")) };
}
