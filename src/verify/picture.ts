/**
 * The last cycles before a difference as a table that reads like a waveform: a row per signal, a column per moment, as
 * many columns as fit.
 */

import type { Moment } from "../equiv/moments.js";
import { type DesignInterface, labelOf } from "../verilog/interface.js";
import { shortOf } from "./values.js";

const CYCLES = 8;
const MAX_INPUTS = 16;
const MAX_OUTPUTS = 10;

export interface Picture {
  readonly lines: readonly string[];
  /** Index of the line that holds what the candidate did wrong. */
  readonly wrongLine: number;
  /** The moments that fitted. */
  readonly columns: readonly Moment[];
}

/**
 * Of the moments up to the difference those worth a column: after active edges, inputs that no edge follows before
 * they change again (an asynchronous reset, a gated clock), and the difference itself. Without a clock: every one.
 */
export function worthShowing(
  moments: readonly Moment[],
  upTo: number,
  iface: Pick<DesignInterface, "clocks">,
): Moment[] {
  const active = (m: Moment): boolean =>
    iface.clocks.some(
      (c) => (c.edge !== "neg" && m.rose.includes(c.name)) || (c.edge !== "pos" && m.fell.includes(c.name)),
    );
  const past = moments.filter((m) => m.index <= upTo);
  const shown = past.filter((m, k) => {
    if (m.index === upTo || iface.clocks.length === 0 || active(m)) return true;
    if (m.rose.length > 0 || m.fell.length > 0) return false;
    for (const later of past.slice(k + 1, k + 9)) {
      if (active(later)) return false;
      if (later.changed.length > 0) return true;
    }
    return true;
  });
  return shown.slice(-CYCLES);
}

export function pictureOf(
  moments: readonly Moment[],
  iface: Pick<DesignInterface, "inputs" | "outputs" | "clocks">,
  columns: number,
): Picture {
  const last = moments.at(-1)!;
  const several = iface.clocks.length > 1;
  const rows: { label: string; cells: readonly string[]; wrong: boolean }[] = [];
  const row = (label: string, cells: readonly string[], wrong = false): void => {
    rows.push({ label, cells, wrong });
  };
  if (iface.clocks.length === 0)
    row(
      "vector",
      moments.map((m) => String(m.index + 1)),
    );
  else if (!several)
    row(
      "cycle",
      moments.map((m) => String(m.cycles[0])),
    );
  else
    for (const [k, c] of iface.clocks.entries())
      row(
        `cycle of ${c.name}`,
        moments.map((m) => String(m.cycles[k])),
      );
  const inputs = iface.inputs.slice(0, MAX_INPUTS);
  for (const p of inputs)
    row(
      labelOf(p.name, p.width),
      moments.map((m) => shortOf(m.inputs[p.name]!)),
    );
  const hiddenInputs = iface.inputs.length - inputs.length;
  if (hiddenInputs > 0) row(`… ${hiddenInputs} more inputs`, []);
  const first = last.wrong[0];
  const outputs = [
    ...iface.outputs.filter((o) => last.wrong.includes(o.name)),
    ...iface.outputs.filter((o) => !last.wrong.includes(o.name)),
  ].slice(0, MAX_OUTPUTS);
  for (const o of outputs) {
    const label = labelOf(o.name, o.width);
    const expected = moments.map((m) => shortOf(m.compared ? m.expected[o.name]! : m.got[o.name]!));
    const got = moments.map((m) => shortOf(m.got[o.name]!));
    if (!last.wrong.includes(o.name)) row(label, expected);
    else {
      row(
        `${label} expected`,
        moments.map((m) => shortOf(m.expected[o.name]!)),
      );
      row(`${label} got`, got, o.name === first);
    }
  }
  const hiddenOutputs = iface.outputs.length - outputs.length;
  if (hiddenOutputs > 0) row(`… ${hiddenOutputs} more outputs`, []);

  const labelWidth = Math.min(
    Math.max(...rows.map((r) => r.label.length)),
    Math.max(12, Math.floor(columns / 3)),
  );
  const widths = moments.map((_, k) => Math.max(...rows.map((r) => r.cells[k]?.length ?? 0)));
  let from = moments.length;
  let left = columns - labelWidth;
  while (from > 0 && left >= widths[from - 1]! + 1) {
    from--;
    left -= widths[from]! + 1;
  }
  // Values wider than the page: the differing moment alone, its middle cut out.
  const whole = from < moments.length;
  if (!whole) from = moments.length - 1;
  const room = columns - labelWidth - 1;
  const cell = (text: string, width: number): string =>
    whole ? text.padStart(width + 1) : ` ${cut(text, room)}`;
  const lines = rows.map(
    (r) =>
      cut(r.label, labelWidth).padEnd(labelWidth) +
      r.cells
        .slice(from)
        .map((c, k) => cell(c, widths[from + k]!))
        .join(""),
  );
  return { lines, wrongLine: rows.findIndex((r) => r.wrong), columns: moments.slice(from) };
}

const cut = (text: string, room: number): string => {
  if (text.length <= room) return text;
  const head = Math.ceil((room - 1) / 2);
  return `${text.slice(0, head)}…${text.slice(text.length - (room - 1 - head))}`;
};
