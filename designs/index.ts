/** The designs that tests and benches share: one door, so that neither has to import the other. */

export {
  asDut,
  type Design,
  problemOf,
  type RtllmDesign,
  type RtllmVersion,
  rtllm,
  spread,
  VERILOG_EVAL_SETS,
  type VerilogEvalSet,
  verilogEval,
} from "./corpus.js";
export { IMPOSTORS, type Impostor, impostors } from "./impostors.js";
export { primerGoldens } from "./primer.js";
export { rtllmVerdict } from "./rtllm-bench.js";

/** Folder of the benchmark data unless a command names another: beside the repository. */
export const DATA_ROOT = new URL("../../shared/data", import.meta.url).pathname;
