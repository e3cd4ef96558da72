/**
 * Port facts of a golden as CodeV-R1's rule-based check wants them (arXiv 2505.24183, "structure analysis"): clocks and
 * resets from the flip-flop cells of a flattened netlist. Written from the description; what it leaves open is marked
 * "assumed".
 */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { limited } from "./limited.js";

export interface CodevPorts {
  /** Without clocks and resets. */
  readonly data: readonly { readonly name: string; readonly width: number }[];
  readonly outputs: readonly { readonly name: string; readonly width: number }[];
  readonly clock: { readonly name: string; readonly rising: boolean } | null;
  /** One entry per (port, level, kind) that some flip-flop uses; a port can have several. */
  readonly resets: readonly CodevReset[];
}

export interface CodevReset {
  readonly name: string;
  readonly active: 0 | 1;
  readonly sync: boolean;
}

export type CodevPortsResult =
  | { readonly ok: true; readonly ports: CodevPorts }
  | { readonly ok: false; readonly reason: string };

/** What the netlist says, before the published check's own limits. */
export interface PortFacts {
  readonly inputs: readonly { readonly name: string; readonly width: number }[];
  readonly outputs: readonly { readonly name: string; readonly width: number }[];
  readonly clocks: readonly { readonly name: string; readonly rising: boolean }[];
  readonly resets: readonly CodevReset[];
}

export type PortFactsResult =
  | { readonly ok: true; readonly facts: PortFacts }
  | { readonly ok: false; readonly reason: string };

/**
 * How Yosys reads the golden. `published` is the description's command: plain Verilog, so a golden written in
 * SystemVerilog cannot be used at all. `lenient` reads SystemVerilog and `always_comb`, which favours the baseline.
 */
export type Reading = "published" | "lenient";

/** Flip-flop cells by the pin that resets them. */
const SYNC = new Set(["$sdff", "$sdffe", "$sdffce"]);
const ASYNC = new Set(["$adff", "$adffe", "$adlatch"]);
const SET_CLEAR = new Set(["$dffsr", "$dffsre", "$dlatchsr", "$sr"]);

interface Cell {
  readonly type: string;
  readonly parameters: Readonly<Record<string, number | string>>;
  readonly connections: Readonly<Record<string, readonly (number | string)[]>>;
}
interface Netlist {
  readonly ports: Readonly<
    Record<string, { readonly direction: string; readonly bits: readonly (number | string)[] }>
  >;
  readonly cells: Readonly<Record<string, Cell>>;
}

export async function codevPorts(
  golden: string,
  top: string,
  yosys: string,
  reading: Reading,
): Promise<CodevPortsResult> {
  const read = await portFacts(golden, top, yosys, reading);
  return read.ok ? usable(read.facts) : read;
}

/** Port facts of one design by one run of Yosys. */
export async function portFacts(
  golden: string,
  top: string,
  yosys: string,
  reading: Reading,
): Promise<PortFactsResult> {
  const dir = mkdtempSync(join(tmpdir(), "codev-ports-"));
  try {
    const source = join(dir, "golden.v");
    const text = reading === "lenient" ? golden.replace(/\balways_comb\b/g, "always @*") : golden;
    writeFileSync(source, text);
    const read = `read_verilog ${reading === "lenient" ? "-sv " : ""}${source}`;
    const json = join(dir, "golden.json");
    const script = `${read}; prep -top ${top} -flatten; opt_dff -nodffe; json -compat-int -o ${json}`;
    // Described: 60 s, and any text on the error stream is a failure; warnings go to the output and do not count.
    const ran = await limited([yosys, "-p", script], { dir, wallMs: 60_000, sandbox: null });
    if (ran.status !== 0 || (reading === "published" && ran.stderr.trim() !== "")) {
      return { ok: false, reason: (ran.stderr || ran.stdout).trim().split("\n").at(-1) ?? "" };
    }
    const design = JSON.parse(readFileSync(json, "utf8")) as { modules: Record<string, Netlist> };
    return { ok: true, facts: factsOf(design.modules[top]!) };
  } catch (fault) {
    return { ok: false, reason: (fault as Error).message };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function factsOf(netlist: Netlist): PortFacts {
  const inputOf = new Map<number | string, string>();
  const inputs: { name: string; width: number }[] = [];
  const outputs: { name: string; width: number }[] = [];
  for (const [name, port] of Object.entries(netlist.ports)) {
    if (port.direction === "input") {
      inputs.push({ name, width: port.bits.length });
      if (port.bits.length === 1) inputOf.set(port.bits[0]!, name);
    } else if (port.direction === "output") outputs.push({ name, width: port.bits.length });
  }
  const clocks = new Map<string, { name: string; rising: boolean }>();
  const resets = new Map<string, CodevReset>();
  const reset = (cell: Cell, pin: string, sync: boolean): void => {
    const name = inputOf.get(cell.connections[pin]?.[0] ?? "");
    if (name === undefined) return;
    const active = Number(cell.parameters[`${pin}_POLARITY`] ?? 1) === 0 ? 0 : 1;
    resets.set(`${name}/${active}/${sync}`, { name, active, sync });
  };
  for (const cell of Object.values(netlist.cells)) {
    // Only a clock that is a port itself counts: a gated or inverted one records nothing, nor does a memory's.
    const clock = inputOf.get(cell.connections.CLK?.[0] ?? "");
    if (clock !== undefined) {
      const rising = Number(cell.parameters.CLK_POLARITY ?? 1) === 1;
      clocks.set(`${clock}/${rising}`, { name: clock, rising });
    }
    if (SYNC.has(cell.type)) reset(cell, "SRST", true);
    else if (ASYNC.has(cell.type)) reset(cell, "ARST", false);
    else if (SET_CLEAR.has(cell.type)) reset(cell, "SET" in cell.connections ? "SET" : "CLR", false);
  }
  return { inputs, outputs, clocks: [...clocks.values()], resets: [...resets.values()] };
}

function usable({ inputs, outputs, clocks, resets }: PortFacts): CodevPortsResult {
  if (clocks.length > 1) {
    const all = clocks.map((c) => `${c.name} ${c.rising ? "rising" : "falling"}`).join(", ");
    return { ok: false, reason: `more than one clock or both edges of one: ${all}` };
  }
  const clock = clocks[0] ?? null;
  const special = new Set(resets.map((r) => r.name));
  if (clock !== null) special.add(clock.name);
  return {
    ok: true,
    ports: {
      data: inputs.filter((p) => !special.has(p.name)),
      outputs,
      clock,
      // A clock that is used as a reset as well is a clock (assumed).
      resets: resets.filter((r) => r.name !== clock?.name),
    },
  };
}
