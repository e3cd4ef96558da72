/** The designs that the benches of the reward share, and what they say about the machine. */

export { type Design, problemOf, spread } from "./design.js";
export { IMPOSTORS, type Impostor, impostors } from "./impostors.js";
export { type BenchMachine, benchMachine } from "./machine.js";
export { primerGoldens } from "./primer.js";
export { type RtllmDesign, type RtllmVersion, rtllm } from "./rtllm.js";
export { asDut, rtllmVerdict } from "./rtllm-bench.js";
export { VERILOG_EVAL_SETS, type VerilogEvalSet, verilogEval } from "./verilog-eval.js";

/** The data root when a bench is given none: where the repository's tests look for benchmark data. */
export const DATA_ROOT = new URL("../../../../shared/data", import.meta.url).pathname;
