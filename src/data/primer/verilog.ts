/**
 * The house style of the built-in problems' code: plain Verilog-2001, no indentation, no spaces around operators,
 * unsized decimal constants (32 bits wide, so a sum beside one never loses its carry), one idiom for each construct.
 */

/** `[7:0] ` for a vector, nothing for a single bit. */
export const range = (width: number): string => (width === 1 ? "" : `[${width - 1}:0] `);

/** An input of the header; `width` in bits. */
export const input = (name: string, width = 1): string => `input ${range(width)}${name}`;

/** A signed input of the header. */
export const inputSigned = (name: string, width: number): string => `input signed ${range(width)}${name}`;

/** An output that assignments drive. */
export const output = (name: string, width = 1): string => `output ${range(width)}${name}`;

/** An output that an always block drives. */
export const outputReg = (name: string, width = 1): string => `output reg ${range(width)}${name}`;

/** The first line of every design. */
export const header = (ports: readonly string[]): string => `module top_module(${ports.join(",")});`;

/** Port names of a naming choice such as `a.b.y`. */
export const names = (io: string): readonly [string, string, string, string, string, string] =>
  io.split(".") as unknown as readonly [string, string, string, string, string, string];

/** Name of output, and of one or two data inputs: the pools most families share. */
export const IO1 = ["a.y", "d.z", "x.out", "in.y"] as const;
export const IO2 = ["a.b.y", "m.n.z", "x.w.out"] as const;

export const RESETS = ["sync_high", "sync_low", "async_high", "async_low"] as const;
export type ResetStyle = (typeof RESETS)[number];

/** The decisions about a reset; a part of the plan of every clocked family that has one. */
export interface Reset {
  readonly rst: string;
  readonly sync: boolean;
  readonly low: boolean;
}

/** The reset of a style: name, kind and level. */
export function resetOf(style: ResetStyle): Reset {
  const low = style.endsWith("low");
  return { rst: low ? "rst_n" : "rst", sync: style.startsWith("sync"), low };
}

const kindOf = (r: Reset): string => (r.sync ? "sync" : "async");

/** `async active-low reset rst_n to 0`, in three wordings. */
export const resetSay = (r: Reset, value: number): readonly [string, string, string] => [
  `${kindOf(r)} ${r.low ? "active-low " : ""}reset ${r.rst} to ${value}`,
  `reset to ${value} by ${kindOf(r)} active-${r.low ? "low" : "high"} ${r.rst}`,
  `${r.rst} ${r.low ? "low" : "high"} resets it to ${value}, ${kindOf(r)}`,
];

/** `async rst_n low`. */
export const resetThink = (r: Reset): string => `${kindOf(r)} ${r.rst} ${r.low ? "low" : "high"}`;

/** The condition under which the reset acts. */
export const resetIf = (r: Reset): string => (r.low ? `!${r.rst}` : r.rst);

/** One clocked block with its reset; statements end with a semicolon. */
export function clocked(r: Reset, onReset: string, otherwise: string): string {
  const asynchronous = r.sync ? "" : ` or ${r.low ? "negedge" : "posedge"} ${r.rst}`;
  return `always @(posedge clk${asynchronous})\nif(${resetIf(r)})${onReset}\nelse ${otherwise}`;
}
