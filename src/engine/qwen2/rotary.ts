/** Rotary tables and causal masks: constants that the graphs take. */

import type { Qwen2Config } from "../../model/config.js";
import type { Graph } from "../onnx/graph.js";
import type { RotaryTables } from "../onnx/ops.js";

/** cos and sin of position x inverse frequency, [length, headDim / 2], times `scale`. */
export function rotaryTable(
  config: Qwen2Config,
  length: number,
  scale: number,
): { cos: Float32Array; sin: Float32Array } {
  const half = config.headDim / 2;
  const cos = new Float32Array(length * half);
  const sin = new Float32Array(length * half);
  for (let p = 0; p < length; p++) {
    for (let i = 0; i < half; i++) {
      // Angles in fp32, as the reference implementation has them.
      const inverse = Math.fround(1 / config.ropeTheta ** ((2 * i) / config.headDim));
      const angle = Math.fround(p * inverse);
      cos[p * half + i] = Math.cos(angle) * scale;
      sin[p * half + i] = Math.sin(angle) * scale;
    }
  }
  return { cos, sin };
}

/** Tables for queries (with the attention scale folded in) and for keys. */
export function rotaryConstants(
  g: Graph,
  config: Qwen2Config,
  length: number,
): { query: RotaryTables; key: RotaryTables } {
  const make = (scale: number): RotaryTables => {
    const { cos, sin } = rotaryTable(config, length, scale);
    const dims = [length, config.headDim / 2];
    return {
      cos: g.constant(cos, dims),
      sin: g.constant(sin, dims),
      minusSin: g.constant(
        sin.map((x) => -x),
        dims,
      ),
    };
  };
  return { query: make(1 / Math.sqrt(config.headDim)), key: make(1) };
}

/** Added to scores of keys that must not be seen: exp underflows to exactly 0, and no infinities arise. */
export const MASKED = -1e30;

/**
 * Mask of query block `i` of C positions over the `prefix` keys and the first (i + 1) C own keys, repeated for the
 * group: [group*C, prefix + (i+1)*C].
 */
export function causalMask(group: number, block: number, i: number, prefix = 0): Float32Array {
  const keys = prefix + (i + 1) * block;
  const mask = new Float32Array(group * block * keys);
  for (let r = 0; r < group * block; r++) {
    const query = prefix + i * block + (r % block);
    mask.fill(MASKED, r * keys + query + 1, (r + 1) * keys);
  }
  return mask;
}
