import { type TokenizerFiles, trainTokenizer } from "../../src/text/tokenizer-files.js";

/** Training text of the kind that the tokenizer meets: prose, reasoning and Verilog. */
export function corpus(): string[] {
  const widths = [1, 4, 8, 16];
  return Array.from({ length: 60 }, (_, i) => {
    const w = widths[i % widths.length]!;
    const edge = i % 3 === 0 ? "negedge" : "posedge";
    return (
      `Write a ${w}-bit counter that counts up on the ${edge} of clk; reset is synchronous, active-low.\n` +
      `<think>\nThe state q has ${w} bits. On reset q becomes 0, otherwise q + ${i % 5}.\n</think>\n` +
      `<answer>\n\`\`\`verilog\nmodule counter_${i} (\n  input wire clk,\n  input wire rst_n,\n  output reg [${w - 1}:0] q\n);\n` +
      `  always @(${edge} clk) begin\n    if (!rst_n) q <= ${w}'d0;\n    else q <= q + ${w}'d${i % 5};\n  end\nendmodule\n\`\`\`\n</answer>`
    );
  });
}

export const corpusTokenizer = (vocabSize = 400): TokenizerFiles => trainTokenizer(corpus(), vocabSize, 512);
