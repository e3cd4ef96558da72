/** Designs that the tests of `verify` and `testbench` share, and a folder to put them in. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import type { Command } from "../../src/cli/commands/command.js";
import { testbench } from "../../src/cli/commands/testbench.js";
import { verify } from "../../src/cli/commands/verify.js";
import { asTrainError, errorText } from "../../src/cli/print-error.js";
import { makeShell, type Parts } from "../../src/cli/shell.js";
import { type Ended, REAL, train } from "../cli/spawned.js";

export const ACC = `// Adds d to q in every cycle with en.
module acc(input clk, input rst, input en, input [7:0] d, output reg [7:0] q, output full);
  always @(posedge clk)
    if (rst) q <= 8'd0;
    else if (en) q <= q + d;
  assign full = &q;
endmodule
`;

export const DIV = (n: number): string => `module div(input clk, input rst, input en, output reg tick);
  reg [11:0] c;
  always @(posedge clk)
    if (rst) begin c <= 0; tick <= 0; end
    else if (en) begin
      tick <= c == ${n};
      c <= c == ${n} ? 0 : c + 1;
    end
endmodule
`;

export const LOCK = (
  extra: string,
): string => `module lock(input clk, input rst, input [7:0] k, output reg open);
  reg [1:0] s;
  reg [3:0] b;
  always @(posedge clk)
    if (rst) begin s <= 0; open <= 0; b <= 0; end
    else begin
      open <= 0;
      b <= {b[2:0], k == 8'h77};
      case (s)
        0: s <= k == 8'h5a ? 1 : 0;
        1: s <= k == 8'ha7 ? 2 : 0;
        2: s <= k == 8'h13 ? 3 : 0;
        3: begin open <= 1; s <= 0; end
      endcase
      ${extra}
    end
endmodule
`;

/** These commands run no stage. */
const NO_STAGES: Parts = { stages: {}, schemas: async () => ({}) };

/** A folder with these files, and the commands in it: `cli` in a process of its own, `verify` in this one. */
export function folder(files: Readonly<Record<string, string | Buffer>>) {
  const dir = mkdtempSync(join(tmpdir(), "verify-"));
  afterAll(() => rmSync(dir, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
  const path = (name: string): string => join(dir, name);
  const env = { VERILOOP_CACHE: path("cache") };
  const inProcess = async (command: Command, words: readonly string[]): Promise<Ended> => {
    const text = { stdout: "", stderr: "" };
    const out = (name: "stdout" | "stderr") => ({
      isTTY: false,
      columns: () => 80,
      colour: false,
      write: (more: string) => {
        text[name] += more;
      },
    });
    const shell = {
      ...makeShell([]),
      cwd: dir,
      cacheDir: env.VERILOOP_CACHE,
      stdout: out("stdout"),
      stderr: out("stderr"),
    };
    const args: Record<string, unknown> = {};
    for (let i = 0; i < words.length; i++) {
      const value = words[i + 1];
      const flag = value === undefined || value.startsWith("--");
      args[words[i]!.replace(/^--/, "")] = flag ? true : words[++i];
    }
    try {
      return { code: await command.run(shell, NO_STAGES, args), ...text };
    } catch (error) {
      text.stderr += errorText(error, { colour: false, program: "train" });
      return { code: asTrainError(error).exitCode, ...text };
    }
  };
  return {
    dir,
    path,
    cli: (...words: string[]) => train(words, { cwd: dir, main: REAL, env }),
    verify: (...words: string[]) => inProcess(verify, words),
    testbench: (...words: string[]) => inProcess(testbench, words),
  };
}
