/**
 * A second opinion that shares nothing with the reward: golden and candidate side by side under a long random walk made
 * inside the simulation. Segments of 1 to 1,024 cycles; in each one every input has a way of its own (uniform,
 * held, biased, one bit flipped, counting, corners, constants of the golden, near to another input); inputs change one at
 * a time, in either clock phase; resets come with and without an edge. Bits that the golden leaves X or Z are not compared.
 */

import type { PortFacts } from "../rival/ports.js";

export interface OpinionPlan {
  readonly facts: PortFacts;
  /** Values an input may be compared with. */
  readonly constants: readonly { readonly value: bigint; readonly width: number | null }[];
  /** Clock cycles (input changes, without a clock). */
  readonly cycles: number;
  readonly seed: number;
}

const CLOCK_NAME = /cl(?:oc)?k/i;
const RESET_NAME = /rst|reset|clr|clear/i;

/** Roles of the one-bit inputs: by netlist, else by name (a memory's clock is on no flip-flop). */
export function roles(facts: PortFacts) {
  const clocks = new Set(facts.clocks.map((c) => c.name));
  const resets = new Map<string, 0 | 1>(facts.resets.map((r) => [r.name, r.active]));
  for (const { name, width } of facts.inputs) {
    if (width !== 1) continue;
    if (!resets.has(name) && CLOCK_NAME.test(name)) clocks.add(name);
    else if (!clocks.has(name) && !resets.has(name) && RESET_NAME.test(name))
      resets.set(name, /n$|_n|_b$|^n/i.test(name) && !/^(in|en)$/i.test(name) ? 0 : 1);
  }
  for (const name of clocks) resets.delete(name);
  return { clocks: [...clocks], resets: [...resets] };
}

/** Prints one line: `SAME checks` or `DIFF checks output golden candidate`. */
export function opinionBench(plan: OpinionPlan, goldTop: string, gateTop: string): string {
  const { facts } = plan;
  const { clocks, resets } = roles(facts);
  const special = new Set([...clocks, ...resets.map(([name]) => name)]);
  const data = facts.inputs.filter((p) => !special.has(p.name));
  const range = (width: number): string => (width === 1 ? "" : `[${width - 1}:0] `);
  const r = "$urandom(seed)";
  const wide = (width: number): string =>
    width <= 32 ? r : `{${Array.from({ length: Math.ceil(width / 32) }, () => r).join(", ")}}`;
  const instance = (top: string, kind: string): string =>
    `  ${top} ${kind} (${[
      ...facts.inputs.map((p) => `.${p.name}(${p.name}_in)`),
      ...facts.outputs.map((p) => `.${p.name}(${p.name}_${kind})`),
    ].join(", ")});`;
  const settle = "#1;";
  /** A new value for one input by the way chosen for this segment. */
  const update = (p: { name: string; width: number }, k: number): string[] => {
    const name = `${p.name}_in`;
    const peers = data.filter((o) => o.name !== p.name && o.width === p.width && p.width > 1);
    const fits = plan.constants.filter((c) => c.value < 1n << BigInt(p.width));
    const exact = fits.filter((c) => c.width === p.width);
    const values = [...new Set((exact.length > 0 ? exact : fits).map((c) => c.value))].slice(0, 24);
    const top = `{${p.width}{1'b1}}`;
    const ways = [
      `${name} = ${wide(p.width)};`,
      `if (${r} % 16 == 0) ${name} = ${wide(p.width)};`,
      p.width === 1 ? `${name} = ${r} % 16 != 0;` : `${name} = ${name} ^ (1 << (${r} % ${p.width}));`,
      p.width === 1 ? `${name} = ${r} % 16 == 0;` : `${name} = ${name} + 1;`,
      p.width === 1
        ? `if (${r} % 32 == 0) ${name} = ~${name};`
        : `case (${r} % 6) 0: ${name} = 0; 1: ${name} = ${top}; 2: ${name} = 1; 3: ${name} = ${top} >> 1; 4: ${name} = ~(${top} >> 1); default: ${name} = ${top} - 1; endcase`,
      ...(p.width === 1 ? [`${name} = 1;`, `${name} = 0;`] : [";"]),
      ...(values.length > 0 && p.width > 1
        ? [
            `case (${r} % ${values.length}) ${values.map((v, i) => `${i}: ${name} = ${p.width}'h${v.toString(16)};`).join(" ")} endcase`,
            // In their order, as an unlock sequence wants them.
            `begin case (turn_${p.name}) ${values.map((v, i) => `${i}: ${name} = ${p.width}'h${v.toString(16)};`).join(" ")} endcase turn_${p.name} = ${r} % 32 == 0 ? 0 : (turn_${p.name} + 1) % ${values.length}; end`,
          ]
        : []),
      ...peers
        .slice(0, 3)
        .flatMap((o) => [
          `${name} = ${o.name}_in;`,
          `${name} = ${o.name}_in ^ ({${p.width}{1'b0}} | (${p.width}'d1 << (${r} % ${p.width})));`,
          `${name} = ${o.name}_in + ${r} % 3 - 1;`,
        ]),
    ];
    return [
      `        case (way[${k}] % ${ways.length}) ${ways.map((w, i) => `${i}: ${w}`).join(" ")} endcase`,
      `        ${settle}`,
    ];
  };
  const tick = clocks.flatMap((name) =>
    clocks.length === 1
      ? [`        ${name}_in = ~${name}_in; ${settle}`]
      : [`        if (${r} % 4 >= rate) begin ${name}_in = ~${name}_in; ${settle} end`],
  );
  const setAll = (active: boolean): string =>
    resets.map(([name, level]) => `${name}_in = ${active ? level : 1 - level};`).join(" ");
  return `${[
    "`timescale 1ns/1ps",
    "module opinion;",
    "  integer seed, checks, cycle, left, chance, rate, quiet;",
    `  integer way [0:${Math.max(1, data.length)}];`,
    ...data.map((p) => `  integer turn_${p.name};`),
    ...facts.inputs.map((p) => `  reg ${range(p.width)}${p.name}_in;`),
    ...facts.outputs.flatMap((p) => [
      `  wire ${range(p.width)}${p.name}_gold;`,
      `  wire ${range(p.width)}${p.name}_gate;`,
    ]),
    instance(`${goldTop}_gold`, "gold"),
    instance(`${gateTop}_gate`, "gate"),
    "  task check; begin checks = checks + 1;",
    ...facts.outputs.map(
      ({ name: o }) =>
        `    if ((${o}_gold ^ (${o}_gold ^ ${o}_gold)) !== (${o}_gate ^ (${o}_gold ^ ${o}_gold))) begin $display("DIFF %0d ${o} %b %b", checks, ${o}_gold, ${o}_gate); $finish; end`,
    ),
    "  end endtask",
    "  initial begin",
    `    seed = ${plan.seed}; checks = 0; rate = 0; quiet = 0;`,
    ...data.map((p) => `    ${p.name}_in = ${wide(p.width)}; turn_${p.name} = 0;`),
    ...clocks.map((name) => `    ${name}_in = 0;`),
    `    ${setAll(false)} ${settle}`,
    `    ${setAll(true)} ${settle}`,
    ...(resets.length > 0 && clocks.length > 0
      ? [`    repeat (4) begin ${clocks.map((c) => `${c}_in = ~${c}_in; #1;`).join(" ")} end`]
      : []),
    `    ${setAll(false)} ${settle}`,
    `    cycle = 0;`,
    `    while (cycle < ${plan.cycles}) begin`,
    `      left = 1 << (${r} % 11); chance = ${r} % 4; rate = ${r} % 3; quiet = ${r} % 4;`,
    ...data.map((_, k) => `      way[${k}] = ${r} % 1024;`),
    // Half of the segments open with a reset, some without an edge.
    ...(resets.length > 0
      ? [
          `      if (${r} % 2 == 0) begin ${setAll(true)} ${settle} check; if (${r} % 2 == 0) begin`,
          ...tick.flatMap((t) => [t, t]),
          `      end ${setAll(false)} ${settle} check; end`,
        ]
      : []),
    // And some with the clock in its other phase.
    ...(clocks.length === 1
      ? [`      if (${r} % 4 == 0) begin ${clocks[0]}_in = ~${clocks[0]}_in; ${settle} check; end`]
      : []),
    "      while (left > 0) begin left = left - 1; cycle = cycle + 1;",
    ...data.flatMap(update),
    "        check;",
    ...resets.map(
      ([name, level]) =>
        `        if (chance == 0 && ${r} % 24 == 0) begin ${name}_in = ${level}; ${settle} check; end else if (chance != 1 || ${r} % 2 == 0) begin ${name}_in = ${1 - level}; ${settle} check; end`,
    ),
    ...tick,
    "        check;",
    ...tick,
    "        if (quiet != 0) check;",
    "      end",
    "    end",
    '    $display("SAME %0d", checks); $finish;',
    "  end",
    "endmodule",
  ].join("\n")}\n`;
}
