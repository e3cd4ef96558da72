/**
 * onnxruntime computes `Shape`, and what follows from shapes alone, on the host. A `Shape` of CUDA's writes into pinned
 * memory, whose copy to the device nobody waits for while the memory is given to the next `Shape`: so its output must
 * never be an operand of the device's arithmetic.
 */

import proto, { type onnx } from "onnx-proto";
import { describe, expect, test } from "vitest";
import { flatLayout } from "../../../src/engine/qwen2/flat.js";
import { buildRolloutGraph } from "../../../src/engine/qwen2/rollout-graph.js";
import { CACHE_FORMS } from "../../../src/engine/qwen2/rollout-step.js";
import { tinyConfig } from "../tiny.js";

/** Inputs that CUDA's kernels read on the host. */
const HOST_INPUTS: Readonly<Record<string, readonly number[]>> = {
  Reshape: [1],
  Expand: [1],
  Pad: [1],
  Slice: [1, 2, 3, 4],
  Split: [1],
  Range: [0, 1, 2],
  Loop: [0, 1],
};

/** "Shape -> Op[input]" for every output of a Shape that an op of the device reads as its operand. */
function racing(graph: onnx.IGraphProto): string[] {
  const small = new Set((graph.initializer ?? []).filter((t) => t.dataType === 7).map((t) => t.name));
  const onHost = new Set<string>();
  const shapes = new Set<string>();
  const found: string[] = [];
  for (const node of graph.node ?? []) {
    const inputs = node.input ?? [];
    const allHost =
      node.opType !== "Loop" && inputs.length > 0 && inputs.every((x) => onHost.has(x) || small.has(x));
    if (node.opType === "Shape") shapes.add(node.output![0]!);
    if (node.opType === "Shape" || allHost) for (const out of node.output ?? []) onHost.add(out);
    if (allHost) continue;
    inputs.forEach((x, i) => {
      if (shapes.has(x) && !HOST_INPUTS[node.opType!]?.includes(i)) found.push(`${x} -> ${node.name}[${i}]`);
    });
    for (const { g } of node.attribute ?? []) if (g) found.push(...racing(g));
  }
  // What a loop carries to its next iteration, and what it gives, is on the device.
  for (const { name } of graph.output ?? []) if (shapes.has(name!)) found.push(`${name} -> result`);
  return found;
}

describe("the rollout graph gives the device no number that the host may overwrite before it is copied", () => {
  const layout = flatLayout(tinyConfig);
  test.each(CACHE_FORMS.flatMap((cache) => [null, 4].map((slots) => ({ cache, slots }))))(
    "$cache, slots $slots",
    ({ cache, slots }) => {
      const { bytes } = buildRolloutGraph(tinyConfig, layout, {
        maxLength: 64,
        chunk: 8,
        unroll: 1,
        cache,
        products: "fused",
        greedy: true,
        slots,
      });
      expect(racing(proto.onnx.ModelProto.decode(bytes).graph!)).toEqual([]);
    },
  );
});
