import { describe, expect, it } from "vitest";
import { gate, withSuffix } from "../../src/verilog/gate.js";
import { lex, normalForm } from "../../src/verilog/lexer.js";

const inside = (body: string): string => `module top_module(input a, output y);\n${body}\nendmodule\n`;
const reason = (source: string): string => {
  const g = gate(source);
  return g.ok ? "passed" : g.reason;
};
const text = (source: string): string => {
  const g = gate(source);
  if (!g.ok) throw new Error(g.reason);
  return withSuffix(g.admitted, "_s");
};

describe("gate refuses", () => {
  it.each([
    ["a file read", 'initial $readmemh("/etc/passwd", m);', "line 2: system task $readmemh (uses files)"],
    ["a file write", 'initial $fopen("x");', "line 2: system task $fopen (uses files)"],
    ["ending the run", "initial $finish;", "line 2: system task $finish (ends the run)"],
    ["a plusarg", 'initial $value$plusargs("n=%s", s);', "line 2: system task $value$plusargs"],
    ["force", "initial force y = 1;", "line 2: keyword force"],
    ["bind", "bind x y z();", "line 2: keyword bind"],
    ["final", "final $display;", "line 2: keyword final"],
    ["assume", "initial assume(0);", "line 2: keyword assume"],
    ["DPI", 'import "DPI-C" function int system(string s);', "line 2: keyword import"],
    ["an include", '`include "/etc/passwd"', "line 2: directive or undefined macro `include"],
    ["a backslash alone", "wire \\ x;", "line 2: backslash without a name"],
    ["a keyword in disguise", "initial \\bind x;\nbind x y z();", "line 3: keyword bind"],
    ["a time", "assign y = $time > 9;", "line 2: system task $time (depends on simulated time)"],
    ["chance", "assign y = $random;", "line 2: system task $random (is not determined by inputs)"],
    ["a clock generator", "reg c;\nalways #5 c = ~c;", "line 3: a process that waits for time"],
    [
      "a clock generator in initial",
      "initial forever #5 y = ~y;",
      "line 2: an initial block that waits for time",
    ],
    [
      "a task behind a print",
      "initial $display(specify); initial $finish;",
      "line 2: system task $finish (ends the run)",
    ],
    ["an open attribute", "(* keep wire w;", "line 2: (* without *)"],
    ["open timing", "specify (a => y) = 1;", "line 2: specify without endspecify"],
    ["a path set from outside", "defparam tb.u.W = 3;", "line 2: hierarchical name tb.u reaches outside"],
    ["a hierarchical name", "assign y = tb.ref.q;", "line 2: hierarchical name tb.ref reaches outside"],
    ["$root", "assign y = $root.tb.q;", "line 2: system task $root"],
    [
      "its own module's path",
      "assign y = top_module.a;",
      "line 2: hierarchical name top_module.a reaches outside",
    ],
    ["NUL", "assign y = a;\u0000", "line 2: control character 0x00"],
    ["unicode in code", "assign y = a \u2212 1;", "line 2: character U+2212 outside a comment"],
    ["an open comment", "/* assign y = a;", "line 2: unterminated comment"],
    ["an open string", 'initial $display("x);', "line 2: unterminated string"],
    ["an open ifdef", "`ifdef X", "line 2: `ifdef without `endif"],
    ["a stray endif", "`endif", "line 2: `endif without `ifdef"],
    ["time units", "timeunit 1ns;", "line 2: keyword timeunit"],
    [
      "a macro that hides a task",
      "`define D $finish\ninitial `D;",
      "line 3: system task $finish (ends the run)",
    ],
    ["token pasting", "`define J(a,b) a``b\nwire `J(x,y);", "line 3: token pasting (``) in a macro"],
    ["a macro of itself", "`define A `A\nwire `A;", "line 2: macro `A expands without end"],
  ])("%s", (_name, body, expected) => {
    expect(reason(inside(body))).toBe(expected);
  });

  it("macro bombs before they cost memory", () => {
    const bomb = ["`define M0 x x x x x x x x x x"];
    for (let k = 1; k < 12; k++) bomb.push(`\`define M${k} ${`\`M${k - 1} `.repeat(10)}`);
    const began = performance.now();
    expect(reason(`${bomb.join("\n")}\n${inside("wire `M11;")}`)).toContain("macros expand to too much text");
    expect(performance.now() - began).toBeLessThan(1000);
  });

  it("sources over 64 KB, unbalanced and duplicate modules, and text without a module", () => {
    expect(reason(inside(`// ${"x".repeat(70_000)}`))).toBe("line 1: source is larger than 65536 bytes");
    expect(reason("module top_module(input a);")).toBe("line 1: module without endmodule");
    expect(reason(`${inside("")}endmodule`)).toBe("line 4: endmodule without module");
    expect(reason(inside("module inner; endmodule"))).toContain("module inside a module");
    expect(reason(inside("") + inside(""))).toBe("line 4: module top_module defined twice");
    expect(reason("wire x;")).toBe("line 1: no module");
    expect(reason("")).toBe("line 1: no module");
  });
});

describe("gate admits", () => {
  it.each([
    ["$clog2 and signed", "localparam W = $clog2(5); assign y = $signed(a) >>> W;"],
    ["prints", 'initial $display("%m Mismatches: 0 in 5 samples");'],
    [
      "paths to its own instances and blocks",
      "sub u(a); genvar i; generate for (i=0;i<2;i=i+1) begin : g wire w; end endgenerate assign y = g[0].w & u.x;",
    ],
    ["struct members", "typedef struct packed { logic p; logic q; } t; t s; assign s.p = a; assign y = s.p;"],
    ["unicode in comments", "// größer 漢字\nassign y = a; /* é */"],
    ["escaped names", "wire \\a[0] , \\tb.x ; assign \\a[0] = \\tb.x ;"],
    ["a parameter of its own instance", "sub u(a); defparam u.W = 3;"],
    ["@(*) and (*) forms", "reg r; always @(*) r = a; always @ (*) r = a;"],
  ])("%s", (_name, body) => {
    expect(reason(inside(body))).toBe("passed");
  });

  it("macros and conditionals, expanded, with the lines kept", () => {
    const out = text(
      "`timescale 1ns/1ps\n`define W 8\n`define MAX(a, b=1) ((a)>(b)?(a):(b))\nmodule m;\n`ifdef W\nwire [`W-1:0] x = `MAX(3);\n`else\nwire y;\n`endif\nendmodule",
    );
    expect(out.split("\n")[5]!.replace(/ +/g, "")).toBe("wire[8-1:0]x=((3)>(1)?(3):(1));");
    expect(out).not.toContain("wire y");
    expect(out.split("\n")[9]).toContain("endmodule");
  });
});

it("leaves out prints, attributes, delays and timing, and keeps lines and what stands around them", () => {
  const code = [
    "primitive u_p(o, i); output o; input i; table 0:1; 1:0; endtable endprimitive",
    "(* top = 1 *) module m #(parameter W = 3) (input [W-1:0] a, clk, output reg y, output w, v);",
    'always @(posedge clk) begin #1 y <= #(1:2:3) a; if (y) $display("%t %m", $time); else y <= #1ns a; end',
    "wire #`D z = a; and #(2,3) g(w, a, clk); u_p #4 p(v, clk); (* keep,",
    " x = (1*2) *) m2 #(8) i1(a); m2 #8 i2(a); initial $monitor;",
    "specify $setup(a, posedge clk, 1); (a => y) = (1, 2); endspecify endmodule",
    "module m2 #(parameter W = 1) (input a); always @( *) begin end always @(* /* all */ ) begin end endmodule",
  ].join("\n");
  const out = text(`\`define D 5\n${code}`);
  expect(out.split("\n").map((l) => l.replace(/ +/g, " ").trim())).toEqual([
    "",
    "primitive u_p_s(o, i); output o; input i; table 0:1; 1:0; endtable endprimitive",
    "module m_s #(parameter W = 3) (input [W-1:0] a, clk, output reg y, output w, v);",
    "always @(posedge clk) begin y <= a; if (y) begin end else y <= a; end",
    "wire z = a; and g(w, a, clk); u_p_s p(v, clk);",
    "m2_s #(8) i1(a); m2_s #8 i2(a); initial begin end",
    "endmodule",
    "module m2_s #(parameter W = 1) (input a); always @( *) begin end always @(* ) begin end endmodule",
  ]);
});

it("reads CR LF, CR alone and a byte order mark like line feeds", () => {
  const code = "// x\nmodule m(input a, // in\n  output y);\n/* \n */ assign y = a;\nendmodule\n";
  const plain = text(code);
  expect(text(code.replaceAll("\n", "\r\n"))).toBe(plain);
  expect(text(code.replaceAll("\n", "\r"))).toBe(plain);
  expect(text(`\ufeff${code}`)).toBe(plain);
  expect(reason("module m;\r// c\r$finish\rendmodule")).toContain("line 3:");
});

it("renames the first instance in a named block", () => {
  expect(
    text("module s; endmodule module m; generate if (1) begin : g s u(); end endgenerate endmodule"),
  ).toContain("begin : g s_s u();");
});

it("counts expansions that leave nothing behind", () => {
  const twice = "x ".repeat(300);
  const began = performance.now();
  expect(reason(`\`define E\n\`define A(x) ${twice}\n${inside("wire `A(`A(`A(`A(`E)))) w;")}`)).toContain(
    "macros expand to too much text",
  );
  expect(performance.now() - began).toBeLessThan(1000);
});

it("renames modules where they are declared and instantiated, not signals or ports of that name", () => {
  const out = text(
    "module sub(input sub, output y); assign y = sub; endmodule : sub\nmodule top(input a, output y);\nsub #(1) u(.sub(a), .y(y));\nsub v(a, y);\nendmodule",
  );
  expect(out).toBe(
    "module sub_s(input sub, output y); assign y = sub; endmodule : sub_s\nmodule top_s(input a, output y);\nsub_s #(1) u(.sub(a), .y(y));\nsub_s v(a, y);\nendmodule",
  );
});

it("gives texts that differ in blanks and comments one normal form", () => {
  const form = (s: string): string => {
    const l = lex(s);
    if (!l.ok) throw new Error(l.reason);
    return normalForm(l.tokens);
  };
  expect(form("assign  y=a; // x\n")).toBe(form("assign y /* z */ = a\n;"));
  expect(form("assign y = a;")).not.toBe(form("assign y = b;"));
  expect(form("assign yy = a;")).not.toBe(form("assign y y = a;"));
});
