/**
 * How the hard families speak: a signal carries its meaning, a problem is a title, signals and rules in three layouts,
 * and a trace is a list of steps that starts by restating the interface.
 */

import { type Circuit, circuit, type Draft } from "./family.js";
import { input, inputSigned, output, outputReg, type Reset } from "./verilog.js";

/** A port and what it means, for the port table. */
export interface Signal {
  /** As it stands in the header. */
  readonly decl: string;
  readonly name: string;
  readonly width: number;
  readonly way: "in" | "out";
  readonly says: string;
}

const signal = (decl: string, name: string, width: number, says: string): Signal => ({
  decl,
  name,
  width,
  way: decl.startsWith("input") ? "in" : "out",
  says,
});

export const CLK = signal(input("clk"), "clk", 1, "clock, rising edge");

/** An input and its meaning. */
export const inp = (name: string, width: number, says: string): Signal =>
  signal(input(name, width), name, width, says);

/** A signed input and its meaning. */
export const inpSigned = (name: string, width: number, says: string): Signal =>
  signal(inputSigned(name, width), name, width, says);

/** An output that assignments drive, and its meaning. */
export const out = (name: string, width: number, says: string): Signal =>
  signal(output(name, width), name, width, says);

/** An output that an always block drives, and its meaning. */
export const outReg = (name: string, width: number, says: string): Signal =>
  signal(outputReg(name, width), name, width, says);

/** The reset as an input that says its kind. */
export const rstOf = (r: Reset): Signal =>
  inp(r.rst, 1, `reset, ${r.sync ? "synchronous" : "asynchronous"}, active ${r.low ? "low" : "high"}`);

/** One text for all layouts, or one for each. */
export type Wording = string | readonly [string, string, string];

const wording = (text: Wording, layout: number): string =>
  typeof text === "string" ? text : text[layout % text.length]!;

/** `din[7:0]`. */
const named = (s: Signal): string => (s.width === 1 ? s.name : `${s.name}[${s.width - 1}:0]`);

/** A sentence begins with a capital letter, unless it begins with a port's name. */
const upper = (text: string, signals: readonly Signal[]): string =>
  signals.some((s) => s.name === /^\w+/.exec(text)?.[0])
    ? text
    : text.charAt(0).toUpperCase() + text.slice(1);

function layouts(
  title: readonly [string, string, string],
  signals: readonly Signal[],
  rules: readonly Wording[],
): string[] {
  const rule = (layout: number) => rules.map((r) => upper(wording(r, layout), signals));
  return [
    [
      `${title[0]}.`,
      "Ports:",
      ...signals.map((s) => `- ${named(s)}: ${s.says}`),
      "Behaviour:",
      ...rule(0).map((r) => `- ${r}.`),
    ].join("\n"),
    [
      `${title[1]}. ${rule(1).join(". ")}.`,
      `Signals: ${signals.map((s) => `${named(s)} (${s.says})`).join("; ")}.`,
    ].join("\n"),
    [
      `${title[2]}.`,
      "| port | way | bits | meaning |",
      ...signals.map((s) => `| ${s.name} | ${s.way} | ${s.width} | ${s.says} |`),
      ...rule(2).map((r, i) => `${i + 1}. ${r}.`),
    ].join("\n"),
  ];
}

export interface TaskSpec<D extends object> {
  readonly signals: readonly Signal[];
  readonly title: readonly [string, string, string];
  /** Sentences without a full stop. */
  readonly rules: readonly Wording[];
  readonly plan: D;
  /** Steps of the trace after the interface, and the lines of the body. */
  readonly write: (plan: D) => { readonly steps: readonly string[]; readonly code: readonly string[] };
  readonly slips: readonly (readonly [name: string, weight: number, change: NoInfer<Partial<D>>])[];
}

/** A circuit of the hard level. */
export function task<D extends object>(spec: TaskSpec<D>): Circuit {
  const { signals } = spec;
  const list = (way: "in" | "out") =>
    signals
      .filter((s) => s.way === way)
      .map(named)
      .join(", ");
  return circuit<D>({
    ports: signals.map((s) => s.decl),
    say: layouts(spec.title, signals, spec.rules),
    plan: spec.plan,
    slips: spec.slips,
    write: (plan): Draft => {
      const { steps, code } = spec.write(plan);
      return {
        think: [`Inputs ${list("in")}; outputs ${list("out")}.`, ...steps].join("\n"),
        code: code.join("\n"),
      };
    },
  });
}

/** The rule about the reset; `effect` is what it does, `clears the count`. */
export const resetRule = (r: Reset, effect: string): Wording => {
  const kind = r.sync ? "synchronous" : "asynchronous";
  const level = r.low ? "low" : "high";
  return [
    `${kind} reset: ${r.rst} ${level} ${effect}`,
    `${r.rst} is an ${level === "low" ? "active-low" : "active-high"} ${kind} reset and ${effect}`,
    `the ${kind} ${r.rst}, active ${level}, ${effect}`,
  ];
};

/** The step of a trace that decides how the reset is written. */
export const resetStep = (r: Reset): string =>
  r.sync
    ? `Reset: ${r.rst} is synchronous, only posedge clk in the list, test ${r.low ? `!${r.rst}` : r.rst}.`
    : `Reset: ${r.rst} is asynchronous, posedge clk or ${r.low ? "negedge" : "posedge"} ${r.rst}, test ${r.low ? `!${r.rst}` : r.rst}.`;

/** Bits that hold every value from 0 to `largest`. */
export const bitsFor = (largest: number): number => Math.max(1, Math.ceil(Math.log2(largest + 1)));

/** A constant in binary, `4'b0011`. */
export const binary = (value: number, width: number): string =>
  `${width}'b${value.toString(2).padStart(width, "0")}`;

/** `begin`, the statements, `end`. */
export const block = (...lines: readonly string[]): string => ["begin", ...lines, "end"].join("\n");
