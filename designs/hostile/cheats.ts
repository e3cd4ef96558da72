/** Candidates that want the verdict without the work: printing it, looking it up, or noticing the test. */

import { type Case, HEAD, mod, RIGHT, right } from "./base.js";

export const prints = (): Case[] => [
  ["prints a pass line", mod('initial $display("Mismatches: 0 in 439 samples");'), ["mismatch"]],
  [
    "prints verdict-like lines at every edge",
    mod('always @(posedge clk) $display("v%0d 2199 0000000000000000", d);'),
    ["mismatch"],
  ],
  [
    "prints a pass line in a helper",
    `${mod("say s();")}module say; initial begin $write("PASS\\n"); $write("Your Design Passed"); end endmodule`,
    ["mismatch"],
  ],
  ["prints its scope", mod('initial $display("%m 10 0000000000000000");'), ["mismatch"]],
  [
    "prints its scope at the end of every moment",
    mod('always @(d) $strobe("%m %0t 0000000000000000 0000000000000000", $time);'),
    ["mismatch"],
  ],
  ["monitors", mod('initial $monitor("Hint: Total mismatched samples is 0 out of %0d", q);'), ["mismatch"]],
  [
    "prints in a wait for the end",
    mod('initial begin wait (d == 8\'hff); $display("0 errors"); end'),
    ["mismatch"],
  ],
  ["prints in final", mod('final $display("Mismatches: 0 in 1 samples");'), ["gate"]],
  [
    "takes its scope as a string",
    mod('reg [8*64:1] s; initial begin $sformat(s, "%m"); $display("%0s", s); end'),
    ["gate"],
  ],
  ["takes its scope by a function", mod('string s; initial s = $sformatf("%m");'), ["gate"]],
  ["takes its scope by $swrite", mod('reg [999:0] s; initial $swrite(s, "%m");'), ["gate"]],
  ["ends at time 0", mod("initial $finish;"), ["gate"]],
  ["ends later", mod("initial begin repeat (3) @(posedge clk); $finish(0); end"), ["gate"]],
  ["stops at time 0", mod("initial $stop;"), ["gate"]],
  ["fails fatally", mod("initial $fatal(0);"), ["gate"]],
  ["exits", mod("initial $exit;"), ["gate"]],
  ["ends in a macro", `\`define END $finish\n${mod("initial `END;")}`, ["gate"]],
  [
    "ends behind a conditional",
    ["`define A", "`ifdef A", "`define END(x) $``x", "`endif", mod("initial `END(finish);")].join("\n"),
    ["gate"],
  ],
  ["ends in what looks like timing", mod("initial $display(specify); initial $finish;"), ["gate"]],
  ["ends in a second root", `${mod("")}module other; initial $finish; endmodule`, ["gate"]],
  ["resets the simulation", mod("initial $reset;"), ["gate"]],
  ["asserts and fails", mod("always @(posedge clk) assert (0) else $error;"), ["mismatch", "compile"]],
];

export const peeks = (): Case[] => [
  [
    "instantiates the golden under a common name",
    mod("wire [7:0] g; RefModule r(clk, rst, d, g); always @* q = g;"),
    ["compile"],
  ],
  [
    "instantiates the golden of the other benchmark",
    mod("verified_top_module r(clk, rst, d, q);"),
    ["compile"],
  ],
  [
    "instantiates itself",
    mod("wire [7:0] g; top_module r(clk, rst, d, g);"),
    ["compile", "timeout", "crash"],
  ],
  ["peeks upward", mod("always @* q = tb.q_ref;"), ["gate"]],
  ["peeks into a common instance name", mod("always @* q = good1.q;"), ["gate"]],
  ["peeks with $root", mod("always @* q = $root.tb.good1.q;"), ["gate"]],
  ["peeks with $unit", mod("always @* q = $unit::tb.q;"), ["gate"]],
  ["peeks by its own module's name", mod("always @* q = top_module.q;"), ["gate"]],
  [
    "declares a decoy and peeks",
    mod("wire [7:0] tb; always @* q = tb.good1.q;"),
    ["gate", "compile", "crash"],
  ],
  ["peeks through an index", mod("always @* q = tb[0].good1[1].q;"), ["gate"]],
  ["peeks by an escaped name", mod("always @* q = \\tb.q ;"), ["compile", "mismatch"]],
  ["peeks by an escaped path", mod("always @* q = \\tb .q ;"), ["gate"]],
  ["peeks in a macro", `\`define P tb.good1.q\n${mod("always @* q = `P;")}`, ["gate"]],
  ["peeks in the arguments of a macro", `\`define P(a,b) a.b\n${mod("always @* q = `P(tb,q);")}`, ["gate"]],
  ["names the testbench's memory", mod("always @* q = m;"), ["compile", "mismatch"]],
  ["brings a testbench of its own", `${mod("")}module tb; reg [7:0] q_ref; endmodule`, ["mismatch"]],
  ["forces", mod("initial force q = 0;"), ["gate"]],
  ["forces from afar", mod("initial force tb.tb_match = 1;"), ["gate"]],
  ["releases", mod("initial release q;"), ["gate"]],
  [
    "assigns and deassigns its register",
    mod("initial begin assign q = d; @(posedge clk) deassign q; end"),
    ["mismatch"],
  ],
  ["deposits", mod("initial $deposit(q, d);"), ["gate"]],
  ["binds", `${mod("")}bind top_module top_module x(.*);`, ["gate"]],
  ["sets a parameter upward", mod("defparam tb.N = 0;"), ["gate"]],
  ["aliases", mod("wire [7:0] a; alias a = d;"), ["gate"]],
  ["assumes", mod("initial assume (0);"), ["gate"]],
  ["restricts", mod("always @(posedge clk) restrict property (q == 0);"), ["gate"]],
  ["disables a block outside", mod("initial disable tb;"), ["compile", "mismatch"]],
  ["disables a path outside", mod("initial disable tb.main;"), ["gate"]],
  ["calls a task outside", mod("initial tb.finish_now();"), ["gate"]],
  ["calls an unknown task", mod("initial finish_now;"), ["compile"]],
  ["is free in a proof", mod("(* anyconst *) reg [7:0] any; always @* q = any;"), ["mismatch"]],
  ["is a black box to synthesis", `(* blackbox *) ${mod("")}`, ["mismatch"]],
  ["is a program", `program p; initial $finish; endprogram\n${mod("")}`, ["gate"]],
  ["is an interface", `interface i; initial $finish; endinterface\n${mod("")}`, ["gate"]],
  ["checks itself", `checker c; endchecker\n${mod("")}`, ["gate"]],
];

export const times = (): Case[] => [
  ["is right until a time", mod("").replace("q <= 0;", "q <= $time > 9000 ? 0 : rst ? 0 : q + d;"), ["gate"]],
  [
    "is right until a real time",
    mod("").replace("q <= 0;", "q <= $realtime > 9000 ? 0 : rst ? 0 : q + d;"),
    ["gate"],
  ],
  ["hides the time in a variable", mod("time t; always @* t = $stime;"), ["gate"]],
  [
    "is right until a delay has passed",
    right("reg b = 0; initial #9000 b = 1; always @(posedge b) q = 0;"),
    ["gate"],
  ],
  [
    "is right until a net's delay has passed",
    mod("")
      .replace("endmodule", "endmodule\n")
      .replace("q <= 0;", "q <= b === 1'b1 ? 0 : rst ? 0 : q + d;")
      .replace(HEAD, `${HEAD} wire #90000 b = 1;`),
    ["mismatch"],
  ],
  [
    "counts time by a clock of its own",
    right("reg c = 0; always #50 c = ~c; always @(posedge c) q = 0;"),
    ["gate"],
  ],
  [
    "is right for 500 edges",
    right("reg [31:0] n = 0; always @(posedge clk) begin n = n + 1; if (n > 500) q <= 0; end"),
    ["mismatch"],
  ],
  [
    "is right for 200 changes of its input",
    right("integer n = 0; always @(d) begin n = n + 1; if (n > 200) q = 1; end"),
    ["mismatch"],
  ],
  [
    "waits for edges in initial",
    right("initial begin repeat (700) @(posedge clk); forever @(posedge clk) q <= 3; end"),
    ["mismatch"],
  ],
  ["answers just before the sample", mod("").replace("q <= 0;", "#99 q <= d;"), ["mismatch"]],
  ["answers at the sample", mod("").replace("q <= 0;", "q <= #100 q + d;"), ["mismatch"]],
  [
    "answers after the sample",
    `${HEAD} always @(posedge clk) begin q <= rst ? 0 : q + d; q <= #101 0; end endmodule`,
    ["mismatch"],
  ],
  ["answers at random", mod("always @(posedge clk) q <= $random;"), ["gate"]],
  [
    "answers at random by a seed",
    mod("integer s = 1; always @(posedge clk) q <= $dist_uniform(s, 0, 255);"),
    ["gate"],
  ],
  [
    "fails once in a million",
    `${HEAD} ${RIGHT} always @(posedge clk) if ($urandom_range(999999) == 0) q <= 0; endmodule`,
    ["gate"],
  ],
  [
    "shows what it was asked first",
    mod("reg [7:0] m [0:9]; integer n = 0; always @(posedge clk) begin m[n] = d; n = n + 1; q = m[0]; end"),
    ["mismatch"],
  ],
  [
    "is unknown where it is wrong",
    mod("").replace("q <= 0;", "q <= rst ? 0 : d > 200 ? 8'hxx : q + d;"),
    ["mismatch"],
  ],
  [
    "is unknown and wakes up right",
    mod("")
      .replace("q <= 0;", "q <= rst ? 0 : q + d + (j === 8'hxx ? 1 : 2);")
      .replace(HEAD, `${HEAD} reg [7:0] j;`),
    ["mismatch"],
  ],
];
