/**
 * Reads the outline of gated tokens. A light reading, enough to change one thing at a time; what it does not know it
 * skips. Not a parser of Verilog: a text it misreads yields fewer mutants, or ones that do not compile and are dropped.
 */

import { DECLARING, DIRECTIONS, isKeyword, LOGIC_GATES } from "./keywords.js";
import type { Token } from "./lexer.js";
import type { Arm, Assignment, Outline, Path, Role, Scope, Span } from "./outline.js";
import { closing } from "./preprocess.js";

/** Never fails: what it cannot read is not in the outline. */
export function outlineOf(tokens: readonly Token[]): Outline {
  return new Reader(tokens).read();
}

interface Context {
  readonly clocked: boolean;
  readonly under: readonly Span[];
}

class Reader {
  private readonly t: readonly Token[];
  private processes = 0;
  /** Number of the process being read; 0 outside clocked ones. */
  private inside = 0;
  private path: Path = [];
  private numBranches = 0;
  private scope: Scope = { nets: new Map(), constants: new Map() };
  private readonly out: Outline = {
    assignments: [],
    branches: [],
    choices: [],
    sensitivities: [],
    expressions: [],
    ranges: [],
    gates: [],
  };

  constructor(tokens: readonly Token[]) {
    this.t = tokens;
  }

  read(): Outline {
    for (let i = 0; i < this.t.length; ) i = this.t[i]!.text === "module" ? this.module(i) : i + 1;
    return this.out;
  }

  private text(i: number): string {
    return this.t[i]?.text ?? "";
  }

  private join(from: number, to: number): string {
    let s = "";
    for (let i = from; i < to; i++) s += `${this.text(i)} `;
    return s;
  }

  /** Index after the bracket at `i` closes. */
  private past(i: number): number {
    const close = closing(this.t, i);
    return close < 0 ? this.t.length : close + 1;
  }

  /** Next index at bracket depth 0 whose text is one of `stops`, or the end. */
  private find(i: number, stops: readonly string[]): number {
    while (i < this.t.length) {
      const c = this.text(i);
      if (stops.includes(c)) return i;
      if (c === "(" || c === "[" || c === "{" || c === "(*") i = this.past(i);
      else if (c === "endmodule") return i;
      else i++;
    }
    return i;
  }

  private expression(from: number, to: number, role: Role, target: Span | null = null): void {
    if (to > from)
      this.out.expressions.push({
        span: [from, to],
        role,
        scope: this.scope,
        target,
        process: this.inside,
        path: this.path,
      });
  }

  private module(start: number): number {
    this.scope = { nets: new Map(), constants: new Map() };
    let i = start + 2;
    if (this.text(i) === "#") {
      this.parameters(i + 2, this.past(i + 1) - 1);
      i = this.past(i + 1);
    }
    if (this.text(i) === "(") {
      const end = this.past(i);
      for (let k = i + 1; k < end; ) k = DIRECTIONS.has(this.text(k)) ? this.declaration(k, false) : k + 1;
      i = end;
    }
    while (i < this.t.length && this.text(i) !== "endmodule") i = Math.max(i + 1, this.item(i));
    return i + 1;
  }

  private item(i: number): number {
    const c = this.text(i);
    if (c === "parameter" || c === "localparam") {
      const end = this.find(i, [";"]);
      this.parameters(i + 1, end);
      return end + 1;
    }
    if (DIRECTIONS.has(c)) return this.find(this.declaration(i, false), [";"]) + 1;
    if (DECLARING.has(c)) return this.declaration(i, true);
    if (c === "assign") return this.wires(i + 1);
    if (/^always/.test(c)) return this.process(i + 1, c);
    if (c === "initial") return this.skipStatement(i + 1);
    if (c === "function" || c === "task") return this.routine(i);
    if (c === "typedef" || c === "genvar") return this.find(i, [";"]) + 1;
    if (c === "for" || c === "if" || c === "case") return this.text(i + 1) === "(" ? this.past(i + 1) : i + 1;
    if (LOGIC_GATES.has(c)) {
      this.out.gates.push(i);
      return this.connections(this.text(i + 1) === "(" ? i + 1 : i + 2);
    }
    const n = this.t[i + 1];
    if (this.t[i]!.kind === "id" && !isKeyword(c) && n !== undefined) {
      let k = i + 1;
      if (n.text === "#") k = this.past(i + 2);
      if (this.t[k]?.kind === "id" && this.text(k + 1) === "(") return this.connections(k + 1);
    }
    return i + 1;
  }

  private connections(open: number): number {
    if (this.text(open) !== "(") return open;
    const end = this.past(open);
    for (let i = open + 1; i < end - 1; ) {
      if (this.text(i) === "." && this.text(i + 2) === "(") {
        const close = this.past(i + 2);
        this.expression(i + 3, close - 1, "connection");
        i = close + 1;
      } else {
        const comma = Math.min(this.find(i, [",", ")"]), end - 1);
        this.expression(i, comma, "connection");
        i = comma + 1;
      }
    }
    return end;
  }

  private parameters(from: number, end: number): void {
    let range = "";
    for (let i = from; i < end; ) {
      const c = this.text(i);
      if (c === "[") {
        range = this.join(i, this.past(i));
        i = this.past(i);
      } else if (this.t[i]!.kind === "id" && this.text(i + 1) === "=") {
        this.scope.constants.set(c, range);
        const stop = Math.min(this.find(i + 2, [",", ";"]), end);
        this.expression(i + 2, stop, "parameter");
        i = stop;
      } else i++;
    }
  }

  /** `type [range] name [range] {, name}`; returns the index after it (in a port list: of what follows it). */
  private declaration(i: number, body: boolean): number {
    const port = DIRECTIONS.has(this.text(i));
    let net = false;
    let packed = "";
    for (;;) {
      const c = this.text(i);
      if (DIRECTIONS.has(c) || DECLARING.has(c)) {
        net ||= c === "wire" || c === "logic" || c === "tri";
        if (c === "integer" || c === "int") packed = "[ 31 : 0 ] ";
        i++;
      } else if (c === "[") {
        const end = this.past(i);
        packed += this.join(i, end);
        if (!port) this.out.ranges.push([i + 1, end - 1]);
        i = end;
      } else break;
    }
    while (this.t[i]?.kind === "id" && !isKeyword(this.text(i))) {
      const name = i++;
      let unpacked = "";
      while (this.text(i) === "[") {
        const end = this.past(i);
        unpacked += this.join(i, end);
        if (!port) this.out.ranges.push([i + 1, end - 1]);
        i = end;
      }
      this.scope.nets.set(this.text(name), unpacked === "" ? packed : `${packed}of ${unpacked}`);
      if (this.text(i) === "=") {
        const end = this.find(i + 1, [",", ";", ")"]);
        if (body && net) {
          this.assign([name, name + 1], i, [i + 1, end], [name, end], "wire", false, []);
        }
        i = end;
      }
      if (this.text(i) !== ",") break;
      if (!body && (DIRECTIONS.has(this.text(i + 1)) || DECLARING.has(this.text(i + 1)))) return i + 1;
      i++;
    }
    return body ? this.find(i, [";"]) + 1 : i;
  }

  private assign(
    lhs: Span,
    op: number,
    rhs: Span,
    whole: Span,
    kind: Assignment["kind"],
    clocked: boolean,
    under: readonly Span[],
  ): void {
    this.out.assignments.push({
      lhs,
      op,
      rhs,
      whole,
      kind,
      clocked,
      process: this.inside,
      path: this.path,
      under,
      scope: this.scope,
    });
    this.expression(rhs[0], rhs[1], "value", lhs);
    this.expression(lhs[0], lhs[1], "target");
  }

  private wires(i: number): number {
    for (;;) {
      const op = this.find(i, ["=", ";"]);
      if (this.text(op) !== "=") return op + 1;
      const end = this.find(op + 1, [",", ";"]);
      this.assign([i, op], op, [op + 1, end], [i, end], "wire", false, []);
      if (this.text(end) !== ",") return end + 1;
      i = end + 1;
    }
  }

  private process(i: number, keyword: string): number {
    let clocked = keyword === "always_ff";
    if (this.text(i) === "@") {
      if (this.text(i + 1) === "(") {
        const end = this.past(i + 1);
        this.out.sensitivities.push([i + 2, end - 1]);
        for (let k = i + 2; k < end; k++) clocked ||= /^(pos|neg)edge$/.test(this.text(k));
        i = end;
      } else i += 2;
    }
    this.inside = clocked ? ++this.processes : 0;
    const end = this.statement(i, { clocked, under: [] });
    this.inside = 0;
    return end;
  }

  private routine(i: number): number {
    const end = this.text(i) === "function" ? "endfunction" : "endtask";
    let k = this.find(i, [";"]) + 1;
    while (k < this.t.length && this.text(k) !== end && this.text(k) !== "endmodule") {
      const c = this.text(k);
      if (DIRECTIONS.has(c) || DECLARING.has(c)) k = this.find(this.declaration(k, false), [";"]) + 1;
      else k = this.statement(k, { clocked: false, under: [] });
    }
    return k + 1;
  }

  /** A statement that nothing is changed in: what it says of power-up is no part of the contract. */
  private skipStatement(i: number): number {
    const { assignments, branches, choices, expressions } = this.out;
    const lengths = [assignments.length, branches.length, choices.length, expressions.length];
    const end = this.statement(i, { clocked: false, under: [] });
    [assignments, branches, choices, expressions].forEach((list, k) => {
      list.length = lengths[k]!;
    });
    return end;
  }

  private statement(i: number, at: Context): number {
    const c = this.text(i);
    if (c === "begin" || c === "fork") {
      let k = this.text(i + 1) === ":" ? i + 3 : i + 1;
      while (k < this.t.length && !/^(end|join|join_any|join_none|endmodule)$/.test(this.text(k))) {
        k = DECLARING.has(this.text(k)) ? this.find(k, [";"]) + 1 : Math.max(k + 1, this.statement(k, at));
      }
      return this.text(k + 1) === ":" ? k + 3 : k + 1;
    }
    if (c === "unique" || c === "priority" || c === "unique0") return this.statement(i + 1, at);
    if (c === "if") return this.branch(i, at);
    if (/^case[xz]?$/.test(c)) return this.choice(i, at);
    if (c === "for" || c === "while" || c === "repeat") return this.statement(this.past(i + 1), at);
    if (c === "forever") return this.statement(i + 1, at);
    if (c === "@" || c === "#")
      return this.statement(this.text(i + 1) === "(" ? this.past(i + 1) : i + 2, at);
    if (c === "{" || (this.t[i]?.kind === "id" && !isKeyword(c))) return this.change(i, at);
    return this.find(i, [";"]) + 1;
  }

  private branch(i: number, at: Context): number {
    const end = this.past(i + 1);
    const cond: Span = [i + 2, end - 1];
    this.expression(cond[0], cond[1], "condition");
    const slot = this.out.branches.length;
    this.out.branches.push({ cond, otherwise: null });
    const number = ++this.numBranches;
    const after = this.arm(number, 0, end, { ...at, under: [...at.under, cond] });
    if (this.text(after) !== "else") {
      return after;
    }
    const last = this.arm(number, 1, after + 1, at);
    this.out.branches[slot] = {
      cond,
      otherwise: { at: after, body: [after + 1, last] },
    };
    return last;
  }

  private arm(branch: number, arm: number, i: number, at: Context): number {
    const outer = this.path;
    this.path = [...outer, [branch, arm]];
    const end = this.statement(i, at);
    this.path = outer;
    return end;
  }

  private choice(i: number, at: Context): number {
    let k = this.past(i + 1);
    this.expression(i + 2, k - 1, "condition");
    const arms: Arm[] = [];
    const number = ++this.numBranches;
    while (k < this.t.length && this.text(k) !== "endcase" && this.text(k) !== "endmodule") {
      const colon = this.text(k) === "default" && this.text(k + 1) !== ":" ? k : this.find(k, [":"]);
      if (this.text(k) !== "default") this.expression(k, colon, "label");
      const end = Math.max(colon + 1, this.arm(number, arms.length, colon + 1, at));
      arms.push({ label: [k, colon + 1], body: [colon + 1, end] });
      k = end;
    }
    this.out.choices.push(arms);
    return k + 1;
  }

  private change(i: number, at: Context): number {
    const op = this.find(i, ["=", "<=", ";"]);
    const c = this.text(op);
    if (c === ";" || op >= this.t.length) return op + 1;
    let from = op + 1;
    if (this.text(from) === "#") from = this.text(from + 1) === "(" ? this.past(from + 1) : from + 2;
    const end = this.find(from, [";"]);
    this.assign(
      [i, op],
      op,
      [from, end],
      [i, end + 1],
      c === "<=" ? "nonblocking" : "blocking",
      at.clocked,
      at.under,
    );
    return end + 1;
  }
}
