/** Candidates that harm: files, endless compilers and simulators, floods of memory and output. */

import { type Case, HEAD, mod, STOPPED } from "./base.js";

export const files = (outside: string): Case[] => [
  ["includes a file", mod(`\`include "${outside}/secret.txt"`), ["gate"]],
  ["includes by a macro", `\`define F "${outside}/secret.txt"\n${mod("`include `F")}`, ["gate"]],
  ["reads a memory", mod(`reg [7:0] m[0:9]; initial $readmemh("${outside}/secret.txt", m);`), ["gate"]],
  ["reads bits", mod(`reg [7:0] m[0:9]; initial $readmemb("${outside}/secret.txt", m);`), ["gate"]],
  ["reads its own compiled form", mod('integer f; initial f = $fopen("design.vvp", "r");'), ["gate"]],
  ["reads characters", mod(`integer c; initial c = $fgetc(32'h80000000);`), ["gate"]],
  ["reads standard input", mod("reg [999:0] s; integer c; initial c = $fgets(s, 32'h80000000);"), ["gate"]],
  ["scans", mod('integer c; initial c = $fscanf(32\'h80000000, "%d", c);'), ["gate"]],
  [
    "writes a file",
    mod(`integer f; initial begin f = $fopen("${outside}/owned"); $fdisplay(f, "x"); end`),
    ["gate"],
  ],
  ["writes to a descriptor", mod('initial $fwrite(32\'h80000002, "x");'), ["gate"]],
  ["writes a memory", mod(`reg [7:0] m[0:9]; initial $writememh("${outside}/owned", m);`), ["gate"]],
  ["dumps waves", mod(`initial begin $dumpfile("${outside}/owned.vcd"); $dumpvars; end`), ["gate"]],
  ["dumps waves of another kind", mod(`initial $fsdbDumpfile("${outside}/owned");`), ["gate"]],
  ["annotates delays from a file", mod(`initial $sdf_annotate("${outside}/secret.txt");`), ["gate"]],
  ["reads arguments", mod('integer n; initial if ($value$plusargs("n=%d", n)) q = n;'), ["gate"]],
  ["tests arguments", mod('initial if ($test$plusargs("x")) q = 0;'), ["gate"]],
  ["calls a shell", mod(`initial $system("touch ${outside}/owned");`), ["gate"]],
  ["calls a shell in a print", mod(`initial $display($system("touch ${outside}/owned"));`), ["gate"]],
  ["calls C", mod(`initial $c("system(\\"touch ${outside}/owned\\")");`), ["gate"]],
  ["imports C", mod('import "DPI-C" function int system(string s);'), ["gate"]],
  ["exports to C", mod('export "DPI-C" function f;'), ["gate"]],
  ["loads a library", mod(`library l "${outside}/*.v";`), ["gate"]],
  ["names another file", `\`line 1 "${outside}/secret.txt" 0\n${mod("")}`, ["gate"]],
  ["is protected", `\`pragma protect begin_protected\n${mod("")}`, ["gate"]],
];

export const compilers = (): Case[] => [
  [
    "loops in a constant function",
    mod(
      "function integer f(input integer n); begin f = 0; while (n >= 0) f = f + 1; end endfunction localparam P = f(1);",
    ),
    STOPPED,
  ],
  [
    "calls itself in a constant function",
    mod("function automatic integer f(input integer n); f = f(n + 1); endfunction localparam P = f(1);"),
    STOPPED,
  ],
  [
    "generates without end",
    mod("genvar i; generate for (i = 0; i < 100000000; i = i + 1) begin : g wire w; end endgenerate"),
    STOPPED,
  ],
  [
    "generates in a circle",
    mod("genvar i; generate for (i = 0; i < 9; i = i) begin : g wire w; end endgenerate"),
    STOPPED,
  ],
  [
    "instantiates arrays of arrays",
    `module a; b x[999:0](); endmodule module b; c x[999:0](); endmodule module c; wire w; endmodule\n${mod("a x[99:0]();")}`,
    STOPPED,
  ],
  [
    "instantiates a tree that doubles",
    `${Array.from({ length: 40 }, (_, k) => `module t${k}; t${k + 1} a(); t${k + 1} b(); endmodule`).join("\n")} module t40; endmodule\n${mod("t0 x();")}`,
    STOPPED,
  ],
  [
    "instantiates a circle",
    `module a; b x(); endmodule module b; a x(); endmodule\n${mod("a x();")}`,
    STOPPED,
  ],
  [
    "recurses by parameter",
    `module r #(parameter N = 0); r #(N + 1) x(); endmodule\n${mod("r x();")}`,
    STOPPED,
  ],
  [
    "bombs with macros",
    `${Array.from({ length: 12 }, (_, k) => (k === 0 ? "`define M0 x x x x x x x x" : `\`define M${k} ${`\`M${k - 1} `.repeat(8)}`)).join("\n")}\n${mod("wire `M11;")}`,
    ["gate"],
  ],
  [
    "bombs with empty macros",
    `\`define E\n\`define A(x) ${"x ".repeat(400)}\n${mod("`A(`A(`A(`A(`E))))")}`,
    ["gate"],
  ],
  ["defines a macro by itself", `\`define A \`B\n\`define B \`A\n${mod("`A")}`, ["gate"]],
  ["has a huge exponent", mod("localparam P = 2 ** (2 ** 40); wire [P:0] w;"), ["mismatch", ...STOPPED]],
  [
    "has a huge shift",
    mod("localparam [1000000:0] P = 1 << 999999; wire [999:0] w = P * P * P;"),
    ["mismatch", ...STOPPED],
  ],
  ["divides by zero", mod("localparam P = 1 / 0; wire [P:0] w;"), ["mismatch", ...STOPPED]],
  ["has a negative range", mod("wire [-5:2147483647] w;"), ["mismatch", ...STOPPED]],
  ["replicates without bound", mod("wire [7:0] w = {2000000000{d}};"), ["mismatch", ...STOPPED]],
  ["replicates replications", mod("wire [7:0] w = {60000{{60000{{60000{d}}}}}};"), ["mismatch", ...STOPPED]],
  [
    "nests parentheses",
    mod(`wire w = ${"(".repeat(20_000)}1${")".repeat(20_000)};`),
    ["mismatch", ...STOPPED],
  ],
  ["nests operators", mod(`wire w = ${"~".repeat(30_000)}1;`), ["mismatch", ...STOPPED]],
  ["nests conditions", mod(`wire w = ${"d ? 1 : ".repeat(6000)}0;`), ["mismatch", ...STOPPED]],
  ["nests blocks", mod(`initial ${"begin ".repeat(4000)}${"end ".repeat(4000)}`), ["mismatch", ...STOPPED]],
  [
    "nests concatenations",
    mod(`wire w = ${"{".repeat(9000)}d${"}".repeat(9000)};`),
    ["mismatch", ...STOPPED],
  ],
  [
    "nests in a port's range",
    `module top_module(input clk, rst, input [${"(".repeat(20_000)}7${")".repeat(20_000)}:0] d, output reg [7:0] q); always q = 0; endmodule`,
    ["mismatch", ...STOPPED],
  ],
  [
    "has thousands of modules",
    mod("") + Array.from({ length: 2000 }, (_, k) => `module m${k}; endmodule`).join("\n"),
    ["mismatch"],
  ],
  [
    "has a table without end",
    `primitive p(o, ${Array.from({ length: 9 }, (_, k) => `i${k}`).join(",")}); output o; input ${Array.from({ length: 9 }, (_, k) => `i${k}`).join(",")}; table ${"? ? ? ? ? ? ? ? ? : 1;\n".repeat(1500)} endtable endprimitive\n${mod("")}`,
    ["mismatch", ...STOPPED],
  ],
];

export const simulators = (): Case[] => [
  ["loops at time 0", mod("initial forever begin end"), ["timeout"]],
  ["loops in always", mod("reg a; initial a = 0; always a = ~a;"), STOPPED],
  ["loops without delay", mod("reg a = 0; always @(a) a <= ~a; initial a <= 1;"), ["timeout"]],
  ["loops in a wait", mod("reg a = 1; always wait (a) q = 0;"), STOPPED],
  ["loops in logic", mod("wire a; assign a = rst === 1'b1 ? 1'b0 : ~(a === 1'b1);"), ["timeout", "mismatch"]],
  [
    "loops in gates",
    mod("wire a; nand (a, a, 1'b1); reg g = 0; wire b = g ? ~b : 0; always @(posedge clk) g = 1;"),
    ["timeout", "mismatch"],
  ],
  [
    "loops through an event",
    mod("event e; always @(e) -> e; initial begin @(posedge clk); forever -> e; end"),
    STOPPED,
  ],
  [
    "loops in a while",
    mod("integer i; always @(posedge clk) begin i = 0; while (i >= 0) i = 0; end"),
    ["timeout"],
  ],
  [
    "loops late",
    mod("integer n = 0; always @(posedge clk) begin n = n + 1; if (n > 300) forever begin end end"),
    ["timeout", "mismatch"],
  ],
  ["repeats", mod("always @(posedge clk) repeat (2000000000) q = d;"), ["timeout"]],
  [
    "recurses",
    mod(
      "function automatic integer f(input integer n); f = f(n + 1) + 1; endfunction always @(posedge clk) q = f(d);",
    ),
    STOPPED,
  ],
  ["recurses in a task", mod("task automatic t; t; endtask initial t;"), STOPPED],
  ["forks without end", mod("task automatic t; fork t; t; join endtask initial t;"), STOPPED],
  ["forks and forgets", mod("initial forever fork wait (0); join_none"), ["mismatch", ...STOPPED]],
];

export const floods = (): Case[] => [
  [
    "takes memory in the compiler",
    mod("reg [7:0] m [0:2000000000]; initial m[0] = 1;"),
    ["mismatch", ...STOPPED],
  ],
  ["takes memory with one vector", mod("reg [1000000000:0] m; initial m = ~0;"), ["mismatch", ...STOPPED]],
  [
    "takes memory by replication",
    mod("wire [65535:0] w = {65536{d[0]}}; wire [65535:0] x = {w[32767:0], w[32767:0]};"),
    ["mismatch", ...STOPPED],
  ],
  [
    "takes memory in many vectors",
    mod(Array.from({ length: 500 }, (_, k) => `reg [16000000:0] m${k} = 1;`).join("\n")),
    ["mismatch", ...STOPPED],
  ],
  ["takes memory with a queue", mod("int a[$]; initial forever a.push_back(1);"), STOPPED],
  [
    "takes memory with a dynamic array",
    mod("int a[]; initial a = new[2000000000];"),
    ["mismatch", ...STOPPED],
  ],
  ["takes memory with a string", mod('string s; initial begin s = "x"; forever s = {s, s}; end'), STOPPED],
  [
    "takes memory with objects",
    `class c; c n; endclass\n${mod("c h, t; initial forever begin t = new; t.n = h; h = t; end")}`,
    STOPPED,
  ],
  ["takes memory with updates", mod("initial forever q <= @(posedge clk) 0;"), STOPPED],
  [
    "floods the output",
    mod('initial forever $display("%0d xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", $time);'),
    ["crash", "timeout"],
  ],
  [
    "floods the output at every edge",
    mod(`always @(clk) repeat (9999) $display("${"x".repeat(200)}");`),
    ["mismatch", "crash", "timeout"],
  ],
  ["floods the compiler's messages", mod("undefined_name = 1;\n".repeat(2000)), ["compile"]],
  [
    "floods the compiler's warnings",
    mod(Array.from({ length: 2000 }, (_, k) => `sub s${k}(d, d[${k}]);`).join("\n")) +
      "module sub(input a, output [7:0] b); endmodule",
    ["mismatch", ...STOPPED],
  ],
  ["has a name of 30 KB", mod(`wire ${"x".repeat(30_000)};`), ["mismatch", ...STOPPED]],
  [
    "has a number of 30 KB",
    mod(`localparam P = 'h${"f".repeat(30_000)}; localparam Q = ${"9".repeat(20_000)};`),
    ["mismatch", ...STOPPED],
  ],
  [
    "has a string of 30 KB",
    mod(`localparam S = "${"x".repeat(30_000)}"; wire [9:0] w = S;`),
    ["mismatch", ...STOPPED],
  ],
  [
    "drives from thousands of sides",
    mod(`wire w; ${"assign w = d;".repeat(3000)}`),
    ["mismatch", ...STOPPED],
  ],
  [
    "has ten thousand processes",
    `${HEAD} ${"always @* q=d;".repeat(4000)} endmodule`,
    ["mismatch", ...STOPPED],
  ],
];
