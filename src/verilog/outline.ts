/**
 * What a design's text consists of, as far as changing one thing at a time needs it: assignments, branches, case arms,
 * sensitivity lists, expressions, declared names.
 */

/** Half-open range of token indices. */
export type Span = readonly [from: number, to: number];

/** Branches on the way to a place: number of the `if` or `case`, and which of its arms. */
export type Path = readonly (readonly [branch: number, arm: number])[];

export interface Assignment {
  readonly lhs: Span;
  readonly op: number;
  readonly rhs: Span;
  /** With its semicolon. */
  readonly whole: Span;
  readonly kind: "wire" | "blocking" | "nonblocking";
  readonly clocked: boolean;
  /** Number of the process it stands in, 0 = none. */
  readonly process: number;
  readonly path: Path;
  /** Conditions of the `if` statements whose first branch it stands in, outermost first. */
  readonly under: readonly Span[];
  readonly scope: Scope;
}

export interface Branch {
  readonly cond: Span;
  /** Index of `else`, and the statement after it. */
  readonly otherwise: { readonly at: number; readonly body: Span } | null;
}

export interface Arm {
  readonly label: Span;
  readonly body: Span;
}

export type Role = "value" | "condition" | "label" | "parameter" | "connection" | "target";

export interface Expression {
  readonly span: Span;
  readonly role: Role;
  readonly scope: Scope;
  /** Names on the left of the assignment this is the value of. */
  readonly target: Span | null;
  /** Number of the clocked process it stands in, 0 = none. */
  readonly process: number;
  readonly path: Path;
}

export interface Scope {
  /** Declared nets and variables: name -> text of its ranges (the key of "same width"). */
  readonly nets: Map<string, string>;
  /** Parameters: name -> text of its range. */
  readonly constants: Map<string, string>;
}

export interface Outline {
  readonly assignments: Assignment[];
  readonly branches: Branch[];
  readonly choices: Arm[][];
  /** Insides of `@( … )` at the head of a process. */
  readonly sensitivities: Span[];
  readonly expressions: Expression[];
  /** Insides of the brackets of declared ranges that are no ports. */
  readonly ranges: Span[];
  /** Names of gate primitives. */
  readonly gates: number[];
}
