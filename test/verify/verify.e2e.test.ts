/** `train verify` as its users meet it: words, exit codes, one JSON object for every verdict, waves. */

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { formatCompletion } from "../../src/text/format.js";
import { command, REAL, train } from "../cli/spawned.js";
import { ACC, DIV, folder, LOCK } from "./designs.js";
import { readVcd, valueAt } from "./vcd-reader.js";

const at = folder({
  "acc.v": ACC,
  "bug.v": ACC.replace("q + d", "q + d + (d == 8'hff)"),
  "undriven.v": ACC.replace("  assign full = &q;\n", ""),
  "syntax.v": `\n\n${ACC.replace("q <= q + d;", "q <= q + d")}`,
  "reads.v": ACC.replace("endmodule", 'initial $readmemh("/etc/passwd", q);\nendmodule'),
  "loops.v": ACC.replace("assign full = &q;", "assign full = 0; initial forever begin end"),
  "helper.v": ACC.replace("assign full = &q;", "all a(q, full);").concat(
    "module all(input [7:0] v, output y); assign y = v == 8'hff; endmodule\n",
  ),
  "crlf.v": `\ufeff${ACC.replaceAll("\n", "\r\n")}`,
  "two.v": `${ACC}module other(input a, output y); assign y = ~a; endmodule\n`,
  "delays.v": "module top(input a, output y);\n  inout_thing u(a);\n  assign y = $random;\nendmodule\n",
  "empty.v": "",
  "binary.v": Buffer.from([0x7f, 0x45, 0x4c, 0x46, 0, 1, 2, 3]),
  "div.v": DIV(2999),
  "div2998.v": DIV(2998),
  "lock.v": LOCK(""),
  "sneaky.v": LOCK("if (&b && k == 8'h99) open <= 1;"),
  "good.txt": formatCompletion("Sum and compare.", ACC),
  "untagged.txt": `\`\`\`verilog\n${ACC}\n\`\`\`\n`,
});
const verify = (candidate: string, ...more: string[]) =>
  at.verify("--golden", "acc.v", "--candidate", candidate, ...more);
const json = async (run: ReturnType<typeof verify>) => {
  const { code, stdout } = await run;
  const lines = stdout.trimEnd().split("\n");
  expect(lines.length).toBe(1);
  const found: Record<string, unknown> = JSON.parse(lines[0]!);
  return { ...found, code } as Record<string, unknown>;
};

describe.concurrent("a person reads", () => {
  it("what a pass rests on", async () => {
    const { code, stdout } = await verify("helper.v");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^pass: helper\.v behaves as acc\.v\n/);
    expect(stdout).toMatch(/checked {3}\d+ cycles; outputs compared [\d,]+ times/);
    expect(stdout).toContain("clock clk (rising edge), synchronous reset rst (active high)");
    expect(stdout).toMatch(/tells \d+ of \d+ mutants of the golden from it/);
    expect(stdout.split("\n").filter((line) => line.length > 80)).toEqual([]);
  });

  it("where a mismatch begins, with the inputs that led there", async () => {
    const { code, stdout } = await verify("bug.v");
    expect(code).toBe(1);
    expect(stdout).toMatch(/first {5}cycle \d+, after the rising edge of clk \(sample \d+ of [\d,]+\)/);
    const word = (label: string): number =>
      Number.parseInt(new RegExp(`${label} +8'h([0-9a-f]{2})  8'b[01]{4}_[01]{4}`).exec(stdout)![1]!, 16);
    expect(word("got")).toBe((word("expected") + 1) % 256);
    const row = (label: string): string[] =>
      stdout
        .split("\n")
        .find((l) => l.startsWith(`  ${label} `))!
        .slice(17)
        .trim()
        .split(/ +/);
    expect(row("cycle").length).toBe(8);
    // The golden adds d, so the table itself must add up, and the last column is where 0xff comes in.
    expect(row("d\\[7:0\\]".replaceAll("\\", "")).at(-1)).toBe("ff");
    const expected = row("q[7:0] expected").map((h) => Number.parseInt(h, 16));
    const d = row("d[7:0]").map((h) => Number.parseInt(h, 16));
    const [en, rst] = [row("en"), row("rst")];
    for (let k = 1; k < 8; k++) {
      const want = rst[k] === "1" ? 0 : en[k] === "1" ? (expected[k - 1]! + d[k]!) % 256 : expected[k - 1]!;
      expect(expected[k]).toBe(want);
    }
    expect(stdout.split("\n").filter((line) => line.length > 80)).toEqual([]);
  });

  it("a difference that only a long run shows", async () => {
    const { code, stdout } = await at.verify("--golden", "div.v", "--candidate", "div2998.v");
    expect(code).toBe(1);
    expect(stdout).toMatch(/cycle 2999 of\s+long run \d+/);
  });

  it("an output that nobody drives", async () => {
    const { stdout } = await verify("undriven.v");
    expect(stdout).toMatch(/expected {2}[01]\n {2}got {7}z\n/);
    expect(stdout).toContain("z: nothing drives it");
  });

  it("the line of a compile error, and the line itself", async () => {
    const { code, stdout } = await verify("syntax.v");
    expect(code).toBe(1);
    expect(stdout).toContain("syntax.v:8: syntax error");
    expect(stdout).toContain("     8 |   assign full = &q;");
  });

  it("a counterexample that only the proof finds", async () => {
    const words = ["--golden", "lock.v", "--candidate", "sneaky.v", "--vcd", "sneaky.vcd"];
    expect((await at.verify(...words)).code).toBe(0);
    const { code, stdout } = await at.verify(...words, "--formal");
    expect(code).toBe(1);
    expect(stdout).toContain("found by  the proof engine");
    expect(stdout).toMatch(/k\[7:0\] .* 77 77 77 77 99\n/);
    const open = readVcd(readFileSync(at.path("sneaky.vcd"), "utf8")).get("lock.candidate.open")!;
    expect(open.changes.at(-1)![1]).toBe("1");
  });
});

describe.concurrent("a script reads", () => {
  it.each([
    ["bug.v", "mismatch", 1],
    ["acc.v", "pass", 0],
    ["syntax.v", "compile", 1],
    ["reads.v", "gate", 1],
    ["loops.v", "timeout", 1],
    ["empty.v", "gate", 1],
    ["binary.v", "gate", 1],
    ["crlf.v", "pass", 0],
  ])("%s: %s", async (file, verdict, exit) => {
    const found = await json(verify(file, "--json"));
    expect(found).toMatchObject({ code: exit, verdict, golden: "acc.v", candidate: file, top: "acc" });
    if (verdict === "pass") {
      expect(found.proof).toEqual({ kind: "none" });
      expect(found.checked).toMatchObject({ exhaustive: false, clocks: [{ name: "clk", edge: "pos" }] });
    } else if (verdict === "mismatch") {
      expect(found.first).toMatchObject({ signal: "q", cycles: { clk: expect.any(Number) } });
    } else {
      expect(found.log).toMatch(/./);
      expect(found.line === null).toBe(verdict === "timeout");
    }
  });

  it("completions: the format counts", async () => {
    const check = (file: string) => json(at.verify("--golden", "acc.v", "--completion", file, "--json"));
    expect(await check("good.txt")).toMatchObject({ code: 0, verdict: "pass" });
    expect(await check("untagged.txt")).toMatchObject({
      code: 1,
      verdict: "format",
      log: "<think> is missing",
    });
    expect(await json(verify("good.txt", "--json"))).toMatchObject({
      code: 1,
      verdict: "gate",
      line: expect.any(Number),
    });
  });

  it("a golden that cannot serve, with the line", async () => {
    const found = await json(at.verify("--golden", "delays.v", "--candidate", "acc.v", "--json"));
    expect(found).toMatchObject({ code: 3, verdict: "refused", line: 3, source: "  assign y = $random;" });
  });

  it("no simulator: infra", async () => {
    const words = ["verify", "--golden", "acc.v", "--candidate", "acc.v", "--json"];
    const env = { PATH: "/nowhere", VERILOOP_CACHE: at.path("cache") };
    const { code, stdout } = await train(words, { cwd: at.dir, main: REAL, env });
    expect(code).toBe(4);
    expect(JSON.parse(stdout)).toMatchObject({
      verdict: "infra",
      code: "tool",
      hint: expect.stringContaining("iverilog"),
    });
  });
});

describe.concurrent("mistakes on the command line", () => {
  it.each([
    [["--golden", "nosuch.v", "--candidate", "acc.v"], /--golden nosuch\.v: there is no such file/],
    [["--golden", "acc.v", "--candidate", "."], /--candidate \.: is a folder/],
    [["--golden", "two.v", "--candidate", "acc.v"], /2 modules that no other one\s+instantiates: acc, other/],
    [
      ["--golden", "acc.v", "--candidate", "acc.v", "--top", "ac"],
      /no such module; it has acc\n-> --top acc/,
    ],
    [["--golden", "acc.v"], /expected one of --candidate and --completion/],
    [["--golden", "acc.v", "--candidate", "acc.v", "--seed", "x"], /--seed x: expected a whole number/],
    [
      ["--golden", "acc.v", "--candidate", "acc.v", "--vcd", "no/o.vcd"],
      /--vcd no\/o\.vcd: its folder does not/,
    ],
  ])("%j", async (words, message) => {
    const { code, stderr } = await at.verify(...words);
    expect([code, stderr]).toEqual([2, expect.stringMatching(message)]);
  });

  it("--top picks one of several", async () => {
    const { code } = await at.verify("--golden", "two.v", "--candidate", "acc.v", "--top", "acc");
    expect(code).toBe(0);
  });
});

describe("the command itself", () => {
  it("exits with 0 for a pass and 1 otherwise", async () => {
    const words = ["verify", "--golden", "acc.v", "--candidate"];
    const [pass, mismatch] = await Promise.all([at.cli(...words, "helper.v"), at.cli(...words, "bug.v")]);
    expect([pass.code, pass.stderr, mismatch.code, mismatch.stderr]).toEqual([0, "", 1, ""]);
  });

  it("knows its words", async () => {
    const { code, stderr } = await at.cli("verify", "--golden", "acc.v", "--candidat", "bug.v");
    expect([code, stderr]).toEqual([2, expect.stringContaining("did you mean --candidate?")]);
  });
});

it("a candidate on stdin", () => {
  const [program = "", ...args] = command(REAL, [
    "verify",
    "--golden",
    "acc.v",
    "--candidate",
    "-",
    "--json",
  ]);
  const out = execFileSync(program, args, {
    cwd: at.dir,
    input: ACC,
    encoding: "utf8",
    env: { ...process.env, VERILOOP_CACHE: at.path("cache") },
    stdio: ["pipe", "pipe", "ignore"],
  });
  expect(JSON.parse(out)).toMatchObject({ verdict: "pass", candidate: "stdin" });
});

describe("waves", () => {
  it("hold inputs, both designs, and the moment they part", async () => {
    const found = await json(verify("bug.v", "--vcd", "bug.vcd", "--json"));
    expect(found.vcd).toBe("bug.vcd");
    const waves = readVcd(readFileSync(at.path("bug.vcd"), "utf8"));
    expect([...waves.keys()]).toEqual(
      ["inputs.clk", "inputs.rst", "inputs.en", "inputs.d", "golden.q", "golden.full"]
        .concat(["candidate.q", "candidate.full", "check.compared", "check.mismatch", "check.cycle"])
        .map((name) => `acc.${name}`),
    );
    const [when] = waves.get("acc.check.mismatch")!.changes.find(([, v]) => v === "1")!;
    const first = found.first as { expected: string; got: string; cycles: { clk: number } };
    expect(valueAt(waves.get("acc.golden.q")!, when)).toBe(first.expected);
    expect(valueAt(waves.get("acc.candidate.q")!, when)).toBe(first.got);
    expect(Number.parseInt(valueAt(waves.get("acc.check.cycle")!, when)!, 2)).toBe(first.cycles.clk);
    // Cycles are rising edges of clk: counted here from the waves themselves, from power-up on.
    const rising = waves
      .get("acc.inputs.clk")!
      .changes.filter(([t, v], k) => k > 0 && v === "1" && t <= when);
    expect(rising.length).toBe(first.cycles.clk);
  });

  it("of a pass are the start of the run; without a run there is no file", async () => {
    expect((await verify("helper.v", "--vcd", "pass.vcd")).stdout).toContain("waves     pass.vcd");
    const waves = readVcd(readFileSync(at.path("pass.vcd"), "utf8"));
    expect(waves.get("acc.check.mismatch")!.changes).toEqual([[100, "0"]]);
    const { stdout } = await verify("syntax.v", "--vcd", "none.vcd");
    expect(stdout).toContain("waves     not written");
    expect(existsSync(at.path("none.vcd"))).toBe(false);
  });

  it("never replace a file by half of one", async () => {
    writeFileSync(at.path("kept.vcd"), "before");
    await verify("syntax.v", "--vcd", "kept.vcd");
    expect(readFileSync(at.path("kept.vcd"), "utf8")).toBe("before");
  });
});
