/**
 * What onnxruntime copies between host and device inside a rollout graph, after its own optimization:
 *   npx tsx bench/speed/gpu/copies.ts [--shape 1.8M]
 *
 * Needs CUDA. A copy to the device whose source a `Shape` made is one that may read the next Shape's number
 * (src/engine/qwen2/rollout-chunk.ts); there must be none.
 */

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import proto, { type onnx } from "onnx-proto";
import { loadOrt } from "../../../src/engine/onnx/runtime.js";
import { flatLayout } from "../../../src/engine/qwen2/flat.js";
import { buildRolloutGraph } from "../../../src/engine/qwen2/rollout-graph.js";
import { CACHE_FORMS } from "../../../src/engine/qwen2/rollout-step.js";
import { SHAPES } from "./shapes.js";

const { values: flags } = parseArgs({ options: { shape: { type: "string", default: "1.8M" } } });
const config = SHAPES[flags.shape];
if (config === undefined) throw new Error(`--shape must be one of ${Object.keys(SHAPES).join(", ")}`);

function* copies(graph: onnx.IGraphProto, within: string): Generator<string> {
  const nodes = graph.node ?? [];
  const maker = new Map(nodes.flatMap((n) => (n.output ?? []).map((out) => [out, n.opType] as const)));
  for (const node of nodes) {
    if (node.opType?.startsWith("Memcpy")) {
      const readers = nodes.filter((n) => n.input?.includes(node.output![0]!)).map((n) => n.name);
      const source = maker.get(node.input![0]!) ?? "the graph around";
      yield `${within}${node.opType} of what ${source} gives, for ${readers.join(", ")}`;
    }
    for (const { g } of node.attribute ?? []) if (g) yield* copies(g, `${within}${node.name}/`);
  }
}

const ort = await loadOrt();
const place = mkdtempSync(join(tmpdir(), "copies-"));
let unsafe = 0;
for (const cache of CACHE_FORMS) {
  for (const slots of [null, 64]) {
    const { bytes } = buildRolloutGraph(config, flatLayout(config), {
      maxLength: 356,
      chunk: 32,
      unroll: 1,
      cache,
      products: "fused",
      greedy: false,
      slots,
    });
    const file = join(place, "optimized.onnx");
    const session = await ort.InferenceSession.create(bytes, {
      executionProviders: ["cuda"],
      graphOptimizationLevel: "all",
      optimizedModelFilePath: file,
      logSeverityLevel: 3,
    });
    await session.release();
    const found = [...copies(proto.onnx.ModelProto.decode(readFileSync(file)).graph!, "")];
    unsafe += found.filter((line) => line.includes("MemcpyFromHost of what Shape")).length;
    console.log(`${cache}, ${slots === null ? "no refills" : "refills"}: ${found.length} copies`);
    for (const line of found) console.log(`  ${line}`);
  }
}
rmSync(place, { recursive: true });
console.log(`${unsafe} copies of a Shape's number to the device`);
process.exit(unsafe === 0 ? 0 : 1);
