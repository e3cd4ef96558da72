/** Generated testbenches, run by stock Icarus: goldens pass their own, wrong designs fail, and other people's goldens too. */

import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { instances } from "../../src/data/primer/index.js";
import { ACC, DIV, folder, LOCK } from "./designs.js";

const DATA = join(import.meta.dirname, "../../../shared/data/verilog-eval-v2/dataset_spec-to-rtl");

const CLOCKS = `module two(input wclk, input rclk, input rst_n, input [15:0] a, input [15:0] b, output reg [31:0] p,
           output [70:0] w, output reg r);
  always @(posedge wclk or negedge rst_n) if (!rst_n) p <= 0; else p <= a * b;
  always @(negedge rclk) r <= ^p;
  assign w = {p, p, 7'h5a};
endmodule
`;
const OPEN = `module open(input [3:0] a, output reg [5:0] y, input tb_x);
  always @* if (a[0]) y = {a, 2'b1x}; else y = 6'b00xxxx;
endmodule
`;
const FIFO = `module fifo(input clk, input rst, input push, input pop, input [7:0] d, output [7:0] q, output full);
  reg [7:0] m [0:63]; reg [6:0] n; reg [5:0] r, w;
  assign full = n == 64;
  assign q = m[r];
  always @(posedge clk)
    if (rst) begin n <= 0; r <= 0; w <= 0; end
    else begin
      if (push && !full) begin m[w] <= d; w <= w + 1; end
      if (pop && n != 0) r <= r + 1;
      n <= n + (push && !full) - (pop && n != 0);
    end
endmodule
`;

const at = folder({
  "acc.v": ACC,
  "acc_bug.v": ACC.replace("q + d", "q + d + (d == 8'hff)"),
  "acc_x.v": ACC.replace("if (rst) q <= 8'd0;\n    else ", ""),
  "div.v": DIV(2999),
  "div_bug.v": DIV(2998),
  "lock.v": LOCK(""),
  "lock_bug.v": LOCK("if (s == 2) s <= 3;"),
  "two.v": CLOCKS,
  "two_bug.v": CLOCKS.replace("negedge rclk", "posedge rclk"),
  "open.v": OPEN,
  "open_bug.v": OPEN.replace("{a, 2'b1x}", "{a, 2'b0x}"),
  "open_ok.v": OPEN.replace("6'b00xxxx", "6'b001010"),
  "fifo.v": FIFO,
  "fifo_bug.v": FIFO.replaceAll("push && !full", "push"),
});

/** What a verification engineer would type. */
function simulate(bench: string, design: string, name: string): { code: number | null; lines: string[] } {
  const built = spawnSync("iverilog", ["-g2012", "-o", at.path(`${name}.vvp`), bench, design], {
    cwd: at.dir,
    encoding: "utf8",
  });
  expect([design, built.status, built.stderr]).toEqual([design, 0, ""]);
  const ran = spawnSync("vvp", [at.path(`${name}.vvp`)], { cwd: at.dir, encoding: "utf8" });
  return { code: ran.status, lines: ran.stdout.trimEnd().split("\n") };
}

describe.each(["acc", "div", "lock", "two", "open", "fifo"])("the testbench of %s", (name) => {
  it("passes its golden and fails a wrong design", async () => {
    const made = await at.testbench("--golden", `${name}.v`, "--out", `${name}_tb.v`, "--mutants", "--json");
    expect([made.code, made.stderr]).toEqual([0, ""]);
    const { samples, mutants } = JSON.parse(made.stdout) as { samples: number; mutants: { killed: number } };
    expect(mutants.killed).toBeGreaterThan(0);
    const good = simulate(`${name}_tb.v`, `${name}.v`, `${name}_good`);
    expect([good.code, good.lines]).toEqual([0, [`PASS: ${samples} samples`]]);
    const bad = simulate(`${name}_tb.v`, `${name}_bug.v`, `${name}_bad`);
    expect(bad.code).toBe(1);
    expect(bad.lines[0]).toMatch(
      /^mismatch (at \d+ ns|in the \d+ cycles before \d+ ns), (part|long run) \d+: /,
    );
    expect(bad.lines.at(-1)).toMatch(new RegExp(`^FAIL: [1-9]\\d* of ${samples} samples$`));
  });
});

it("bits that the golden leaves open are free; unknown where it is defined is not", () => {
  expect(simulate("open_tb.v", "open_ok.v", "open_ok").lines.at(-1)).toMatch(/^PASS/);
  const lost = simulate("acc_tb.v", "acc_x.v", "acc_x");
  expect(lost.lines[0]).toMatch(/q\[7:0\] is xx, expected 00/);
});

it("+vcd writes waves; - is stdout; .json is what the rewarder keeps", async () => {
  spawnSync("vvp", [at.path("acc_good.vvp"), "+vcd"], { cwd: at.dir });
  expect(existsSync(at.path("acc_tb.vcd"))).toBe(true);
  const printed = await at.testbench("--golden", "acc.v", "--out", "-");
  expect(printed.stdout.replaceAll(" tb.v", " acc_tb.v")).toBe(readFileSync(at.path("acc_tb.v"), "utf8"));
  await at.testbench("--golden", "acc.v", "--out", "acc.json");
  const { task, preparation } = JSON.parse(readFileSync(at.path("acc.json"), "utf8"));
  expect([task.top, preparation.iface.outputs.length]).toEqual(["acc", 2]);
});

it("a golden that cannot serve is an error of the data, with the reason", async () => {
  writeFileSync(at.path("never.v"), "module never(input a, output y);\nendmodule\n");
  const { code, stderr } = await at.testbench("--golden", "never.v", "--out", "never_tb.v");
  expect([code, stderr]).toEqual([3, expect.stringContaining("never.v cannot serve as a golden")]);
  expect(existsSync(at.path("never_tb.v"))).toBe(false);
});

// Verilator inlines every call of a task, so what it can lint in a moment is a short bench.
const lint = spawnSync("verilator", ["--version"]).status === 0;
it.skipIf(!lint)("Verilator finds nothing to say about the testbench", async () => {
  for (const name of ["acc", "two", "open"]) {
    await at.testbench("--golden", `${name}.v`, "--out", `${name}_short.v`, "--vectors", "16");
    // The designs add numbers of different widths; the testbenches may not.
    writeFileSync(
      at.path(`${name}_quiet.v`),
      `/* verilator lint_off WIDTH */\n${readFileSync(at.path(`${name}.v`))}`,
    );
    const words = ["--lint-only", "--timing", `${name}_short.v`, `${name}_quiet.v`];
    const { status, stderr } = spawnSync("verilator", words, {
      cwd: at.dir,
      encoding: "utf8",
      timeout: 60_000,
    });
    expect([name, status, stderr]).toEqual([name, 0, ""]);
  }
});

it("the built-in problems' goldens pass their own testbenches", async () => {
  const problems = instances();
  const step = Math.floor(problems.length / 5);
  for (const [k, p] of problems
    .filter((_, i) => i % step === 0)
    .slice(0, 5)
    .entries()) {
    writeFileSync(at.path(`primer${k}.v`), p.golden);
    const words = ["--golden", `primer${k}.v`, "--vectors", "100"];
    const made = await at.testbench(...words, "--out", `primer${k}_tb.v`, "--json");
    expect([p.id, made.code, made.stderr]).toEqual([p.id, 0, ""]);
    const { samples } = JSON.parse(made.stdout) as { samples: number };
    expect([p.id, simulate(`primer${k}_tb.v`, `primer${k}.v`, `primer${k}`)]).toEqual([
      p.id,
      { code: 0, lines: [`PASS: ${samples} samples`] },
    ]);
  }
});

describe.skipIf(!existsSync(DATA))("VerilogEval goldens (every eighth)", () => {
  // 144 takes seconds; 151 and 156 hold enum casts, which Icarus 11 does not know.
  const files = existsSync(DATA) ? readdirSync(DATA).filter((f) => f.endsWith("_ref.sv")) : [];
  it("pass their own testbenches", async () => {
    let served = 0;
    for (const file of files.sort().filter((f, k) => k % 8 === 3 && !/^Prob(144|151|156)/.test(f))) {
      const name = file.slice(0, 7);
      writeFileSync(at.path(`${name}.v`), readFileSync(join(DATA, file)));
      const made = await at.testbench(
        ...["--golden", `${name}.v`, "--out", `${name}_tb.v`, "--vectors", "200", "--json"],
      );
      expect([name, made.code, made.stderr]).toEqual([name, 0, ""]);
      const { samples } = JSON.parse(made.stdout) as { samples: number };
      expect([name, simulate(`${name}_tb.v`, `${name}.v`, name)]).toEqual([
        name,
        { code: 0, lines: [`PASS: ${samples} samples`] },
      ]);
      served++;
    }
    expect(served).toBeGreaterThanOrEqual(18);
  }, 120_000);
});
