/**
 * The published scheme's testbench: golden and candidate side by side, uniform random inputs, a comparison with `===`
 * after every half cycle. Phase R (resets at one random level for a whole sequence), then phase D (the same once more
 * for every combination of resets, asserted and released first).
 */

import type { CodevPorts, CodevReset } from "./ports.js";

export interface CodevSize {
  /** M: sequences per phase. */
  readonly sequences: number;
  /** N: half cycles per sequence. */
  readonly steps: number;
  /** Start of `$random`. */
  readonly seed: number;
}

export const CODEV_SIZE: CodevSize = { sequences: 100, steps: 1000, seed: 0 };
export const PASS_LINE = "All tests passed.";

export function codevTestbench(
  ports: CodevPorts,
  goldTop: string,
  gateTop: string,
  size: CodevSize = CODEV_SIZE,
): string {
  const resetNames = [...new Set(ports.resets.map((r) => r.name))];
  const range = (width: number): string => (width === 1 ? "" : `[${width - 1}:0] `);
  const inputs = [
    ...ports.data,
    ...resetNames.map((name) => ({ name, width: 1 })),
    ...(ports.clock === null ? [] : [{ name: ports.clock.name, width: 1 }]),
  ];
  const instance = (top: string, kind: "gold" | "gate"): string =>
    `  ${top} ${kind} (${[
      ...inputs.map((p) => `.${p.name}(${p.name}_in)`),
      ...ports.outputs.map((p) => `.${p.name}(${p.name}_${kind})`),
    ].join(", ")});`;
  const random = ports.data.map(({ name, width }) => {
    const chunks = Array.from({ length: Math.ceil(width / 32) }, () => "$random(seed)");
    return `    ${name}_in = ${chunks.length === 1 ? chunks[0] : `{${chunks.join(", ")}}`};`;
  });
  // Assumed: the clock starts low, and settled data is what an edge sees (10 time units between them). In zero time
  // golden and candidate would race and equal designs would be told apart.
  const toggle = ports.clock === null ? [] : [`    ${ports.clock.name}_in = ~${ports.clock.name}_in;`];
  // Each sequence of either phase: one check before any data is driven, which the first time sees X on every input.
  const sequence = (open: readonly string[]): string[] => [
    `    repeat (${size.sequences}) begin`,
    ...open.map((line) => `      ${line}`),
    "      check;",
    `      repeat (${size.steps}) begin randomize_data; ${ports.clock === null ? "" : "#10 toggle_clock; "}check; end`,
    "    end",
  ];
  return `${[
    "`timescale 1ns/1ps",
    "module testbench;",
    "  integer seed, checks, errors;",
    ...inputs.map((p) => `  reg ${range(p.width)}${p.name}_in;`),
    ...ports.outputs.flatMap((p) => [
      `  wire ${range(p.width)}${p.name}_gold;`,
      `  wire ${range(p.width)}${p.name}_gate;`,
    ]),
    `  wire #5 trigger = ~(${ports.outputs.map((p) => `(${p.name}_gold === ${p.name}_gate)`).join(" & ")});`,
    instance(`${goldTop}_gold`, "gold"),
    instance(`${gateTop}_gate`, "gate"),
    "  task randomize_data; begin",
    ...random,
    "  end endtask",
    "  task toggle_clock; begin",
    ...toggle,
    "  end endtask",
    "  task check; begin #10 checks = checks + 1; if (trigger !== 1'b0) errors = errors + 1; end endtask",
    "  initial begin",
    `    seed = ${size.seed}; checks = 0; errors = 0;`,
    ...(ports.clock === null ? [] : [`    ${ports.clock.name}_in = 0;`]),
    ...sequence(resetNames.map((name) => `${name}_in = $random(seed);`)),
    ...combinations(ports.resets).flatMap((combination) =>
      sequence(pulse(combination, ports.clock !== null)),
    ),
    '    $display("Error rate: %0f", errors * 1.0 / checks);',
    `    if (errors == 0) $display("${PASS_LINE}");`,
    "    $finish;",
    "  end",
    "endmodule",
  ].join("\n")}\n`;
}

/**
 * Assert and release. Synchronous resets hold through one full clock cycle (assumed); asynchronous ones are set and
 * cleared in zero time, so no pulse of any length reaches the designs; where both kinds are in one combination the
 * asynchronous ones are left out, as described. Resets outside the combination keep their level (assumed).
 */
function pulse(combination: readonly CodevReset[], clocked: boolean): string[] {
  const sync = combination.filter((r) => r.sync);
  const driven = sync.length > 0 ? sync : combination;
  return [
    ...driven.map((r) => `${r.name}_in = ${r.active};`),
    ...(sync.length > 0 && clocked ? ["#10 toggle_clock; #10 toggle_clock; #10;"] : []),
    ...driven.map((r) => `${r.name}_in = ${1 - r.active};`),
  ];
}

/** Every non-empty set of reset ports, with every recorded (level, kind) of each. */
function combinations(resets: readonly CodevReset[]): CodevReset[][] {
  const byName = new Map<string, CodevReset[]>();
  for (const r of resets) byName.set(r.name, [...(byName.get(r.name) ?? []), r]);
  let all: CodevReset[][] = [[]];
  for (const kinds of byName.values()) {
    all = all.flatMap((chosen) => [chosen, ...kinds.map((kind) => [...chosen, kind])]);
  }
  return all.filter((chosen) => chosen.length > 0);
}
