/** The reference designs of public benchmarks, and the shape that every reader of designs gives them. */

export { type Design, problemOf, spread } from "../bench/reward/corpus/design.js";
export { type RtllmDesign, type RtllmVersion, rtllm } from "../bench/reward/corpus/rtllm.js";
export { VERILOG_EVAL_SETS, type VerilogEvalSet, verilogEval } from "../bench/reward/corpus/verilog-eval.js";
