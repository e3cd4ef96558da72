/** What a testbench plays, in parts a reader can follow: power-up, stretches that begin with a reset, long runs. */

import { scriptOf } from "./explain.js";
import type { Prepared } from "./golden/prepared.js";
import type { Run } from "./stimulus/stimulus.js";
import type { TbPart, TbPlan, TbStep } from "./testbench/portable-bench.js";

/** Steps of one part at most. */
const PART_STEPS = 160;
/** A long run is compared in this many stretches, so that a difference is found to an eighth of it. */
const STRETCHES = 8;

export function tbPlanOf(p: Prepared): TbPlan {
  const script = scriptOf(p);
  const quiet = 1n << BigInt(p.stimulus.bits);
  const words = p.steps === "" ? [] : p.steps.split("\n");
  const steps = words.map((w, i): TbStep => {
    const word = BigInt(`0x${w}`);
    return {
      row: script.steps[i]!,
      compared: i >= p.stimulus.start && (word & quiet) === 0n,
      open: script.open(i),
    };
  });
  return {
    top: p.top,
    iface: p.iface,
    fields: p.stimulus.fields,
    bits: p.stimulus.bits,
    exhaustive: p.stimulus.exhaustive,
    parts: partsOf(p, steps),
    runs: script.runs.map((run, k) => ({
      title: runTitle(p, run, k),
      row: run.value,
      vary: run.vary,
      open: script.open(p.stimulus.numSteps + k),
      stretches: stretchesOf(run.cycles),
    })),
  };
}

function partsOf(p: Prepared, steps: readonly TbStep[]): TbPart[] {
  const resets = p.iface.resets.map((r) => ({
    name: r.name,
    style: r.style,
    at: BigInt(p.stimulus.fields.find((f) => f.name === r.name)!.offset),
    active: BigInt(r.active),
  }));
  const active = (row: bigint): string[] =>
    resets.filter((r) => r.style !== "soft" && ((row >> r.at) & 1n) === r.active).map((r) => r.name);
  const parts: TbPart[] = [];
  let from = 0;
  let title =
    p.stimulus.start > 0 ? "power-up: the reset is applied, nothing is compared" : "from power-up on";
  const close = (to: number, next: string): void => {
    if (to > from) parts.push({ title, steps: steps.slice(from, to) });
    from = to;
    title = next;
  };
  for (let i = 1; i < steps.length; i++) {
    const fresh = active(steps[i]!.row).filter((name) => !active(steps[i - 1]!.row).includes(name));
    if (i === p.stimulus.start) close(i, "out of reset");
    else if (i > p.stimulus.start && fresh.length > 0 && i - from >= 24)
      close(i, `reset ${fresh.join(", ")} asserted`);
    else if (i - from >= PART_STEPS) close(i, "further stimuli");
  }
  close(steps.length, "");
  return parts;
}

function runTitle(p: Prepared, run: Run, k: number): string {
  const values = p.stimulus.fields
    .filter((f) => f.width === 1 && !p.iface.clocks.some((c) => c.name === f.name))
    .map((f) => `${f.name}=${(run.value >> BigInt(f.offset)) & 1n}`);
  const held = values.length === 0 ? "" : `, ${values.slice(0, 8).join(" ")} held`;
  return `long run ${k + 1}: ${run.cycles} cycles${held}${run.vary ? ", data pseudo-random" : ""}`;
}

function stretchesOf(cycles: number): number[] {
  if (cycles < 8 * STRETCHES) return [cycles];
  const each = Math.ceil(cycles / STRETCHES);
  const out: number[] = [];
  for (let left = cycles; left > 0; left -= each) out.push(Math.min(each, left));
  return out;
}
