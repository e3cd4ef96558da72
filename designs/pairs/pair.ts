/** A golden with candidates whose equality is argued by hand: the judge is judged by these. */

export interface Variant {
  readonly equal: boolean;
  /** The argument, in a line. */
  readonly why: string;
  readonly code: string;
}

export interface Case {
  readonly name: string;
  readonly golden: string;
  readonly variants: readonly Variant[];
}

/** A module called `top_module`. */
export const top = (ports: string, body: string): string =>
  `module top_module(${ports});\n${body}\nendmodule\n`;

export const same = (why: string, code: string): Variant => ({ equal: true, why, code });
export const other = (why: string, code: string): Variant => ({ equal: false, why, code });
