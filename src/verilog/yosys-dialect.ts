/** Old Yosys stops at a latch inferred from always_comb; the plain form reads the same. */
export const forYosys = (source: string): string =>
  source
    .replace(/\balways_comb\b/g, "always @*")
    .replace(/\balways_latch\b/g, "always @*")
    .replace(/\balways_ff\b/g, "always");
