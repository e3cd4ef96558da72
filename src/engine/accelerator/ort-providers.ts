/** Which execution providers of onnxruntime-node can be used here, and why not. */

import { existsSync, readFileSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type * as Ort from "onnxruntime-node";
import { messageOf, TrainError } from "../../core/errors.js";
import { makeGraph } from "../onnx/graph.js";
import { loadOrt } from "../onnx/runtime.js";
import { acceleratorRoot, readInstalled } from "./installed.js";
import { ortProblem, SETUP_GPU } from "./locate.js";

export type OrtProvider = "cuda" | "webgpu";

export interface OrtModuleDir {
  readonly version: string;
  /** Where libonnxruntime.so.1 lies, and where its providers are looked for. */
  readonly libDir: string;
}

export const PROVIDER_LIBRARIES = [
  "libonnxruntime_providers_cuda.so",
  "libonnxruntime_providers_shared.so",
] as const;

/** The onnxruntime-node this program imports; nothing is loaded. */
export function ortModule(): OrtModuleDir {
  let dir = dirname(fileURLToPath(import.meta.resolve("onnxruntime-node")));
  while (!existsSync(join(dir, "package.json"))) dir = dirname(dir);
  const { version } = JSON.parse(readFileSync(join(dir, "package.json"), "utf8")) as { version: string };
  return { version, libDir: join(dir, "bin", "napi-v6", process.platform, process.arch) };
}

/**
 * Whether the files of a provider are in place: cheap, loads nothing.
 * @returns null, or what is wrong
 */
export function providerProblem(provider: OrtProvider, root = acceleratorRoot()): string | null {
  const { version, libDir } = ortModule();
  if (provider === "webgpu")
    return existsSync(libDir) ? null : `onnxruntime-node has nothing for this platform (${libDir})`;
  const gone = PROVIDER_LIBRARIES.filter((name) => !existsSync(join(libDir, name)));
  if (gone.length > 0) {
    const found = ortProblem(readInstalled(root), version);
    return "problem" in found ? found.problem : `expected ${gone.join(" and ")} in ${libDir}`;
  }
  const at = realpathSync(join(libDir, PROVIDER_LIBRARIES[0]));
  // Put there by onnxruntime-node's own installer, it is of the right version; ours is recorded.
  if (!at.startsWith(join(root, "onnxruntime"))) return null;
  const found = ortProblem(readInstalled(root), version);
  return "problem" in found ? found.problem : null;
}

/** As a TrainError `tool` with the command that installs it. */
export function requireProvider(provider: OrtProvider, root = acceleratorRoot()): void {
  const problem = providerProblem(provider, root);
  if (problem !== null)
    throw new TrainError("tool", `expected onnxruntime's ${provider} provider, got none: ${problem}`, {
      hint: SETUP_GPU,
    });
}

/**
 * Opens a session on the provider and multiplies two matrices: the one true test, which may crash the process when native
 * code does (so it is run in a child).
 * @returns what computed
 * @throws TrainError `tool`
 */
export async function tryProvider(provider: OrtProvider, root = acceleratorRoot()): Promise<string> {
  requireProvider(provider, root);
  const N = 64;
  const g = makeGraph();
  g.output(g.op("MatMul", [g.input("a", "float32", [N, N]), g.input("b", "float32", [N, N])]), "c");
  const ort = await loadOrt();
  const filled = (value: number) => new ort.Tensor("float32", new Float32Array(N * N).fill(value), [N, N]);
  let first: number;
  try {
    const session = await ort.InferenceSession.create(g.finish().bytes, {
      executionProviders: [provider],
      logSeverityLevel: 3,
    });
    const out = await session.run({ a: filled(0.5), b: filled(2) }, ["c"]);
    first = Number((out.c as Ort.Tensor).data[0]);
    await session.release();
  } catch (error) {
    throw new TrainError(
      "tool",
      `onnxruntime's ${provider} provider does not load: ${messageOf(error).replace(/\s+/g, " ").slice(0, 500)}`,
      { hint: provider === "cuda" ? SETUP_GPU : "sampler.backend=ort-cpu", cause: error },
    );
  }
  if (Math.abs(first - N) > 1e-3) throw new TrainError("tool", `expected a product of ${N}, got ${first}`);
  return `onnxruntime ${ortModule().version}`;
}
