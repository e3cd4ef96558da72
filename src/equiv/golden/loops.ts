/** Where a netlist's logic feeds back into itself, so that a golden that never settles is refused with the place. */

import type { YosysCell } from "../../sim/yosys.js";

/** Source line of a cell on a loop of cells that hold no state (cell by cell, not bit by bit), or null. */
export function loopLine(cells: readonly YosysCell[], isState: (type: string) => boolean): number | null {
  const logic = cells.filter((c) => !isState(c.type));
  const driver = new Map<number | string, number>();
  const isOutput = (c: YosysCell, pin: string): boolean => c.port_directions?.[pin] === "output";
  logic.forEach((c, k) => {
    for (const [pin, bits] of Object.entries(c.connections)) {
      if (isOutput(c, pin)) for (const b of bits) driver.set(b, k);
    }
  });
  const sources = logic.map((c) => {
    const from = new Set<number>();
    for (const [pin, bits] of Object.entries(c.connections)) {
      if (isOutput(c, pin)) continue;
      for (const b of bits) {
        const d = typeof b === "number" ? driver.get(b) : undefined;
        if (d !== undefined) from.add(d);
      }
    }
    return [...from];
  });
  /** 0 = not seen, 1 = on the path, 2 = done. */
  const state = new Uint8Array(logic.length);
  for (let root = 0; root < logic.length; root++) {
    if (state[root] !== 0) continue;
    const path: { cell: number; next: number }[] = [{ cell: root, next: 0 }];
    state[root] = 1;
    while (path.length > 0) {
      const at = path.at(-1)!;
      const to = sources[at.cell]![at.next++];
      if (to === undefined) {
        state[at.cell] = 2;
        path.pop();
      } else if (state[to] === 1) {
        const on = path.slice(path.findIndex((p) => p.cell === to)).map((p) => lineOf(logic[p.cell]!));
        return on.find((l) => l !== null) ?? null;
      } else if (state[to] === 0) {
        state[to] = 1;
        path.push({ cell: to, next: 0 });
      }
    }
  }
  return null;
}

function lineOf(c: YosysCell): number | null {
  const src = /:(\d+)\./.exec(String(c.attributes?.src ?? ""));
  return src === null ? null : Number(src[1]);
}
