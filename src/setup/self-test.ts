/**
 * One second of real work per backend, in a process of its own, so that native code that crashes takes nothing with it.
 * The child is started with the environment that `.gpu/env.sh` describes.
 */

import { fileURLToPath } from "node:url";
import type { TfjsPackage } from "../engine/accelerator/locate.js";
import { type Effects, endedBy } from "./effects.js";

export interface TestResult {
  readonly ok: boolean;
  /** What computed and how fast, or the reason it failed. */
  readonly value: string;
  readonly hint?: string;
}

export type Backend = TfjsPackage | "ort-cuda" | "ort-webgpu";

/** TensorFlow may compile kernels for a card newer than its own at first use. */
const SECONDS = 120;
const CHILD = new URL("../cli/accelerator-test.js", import.meta.url);

/**
 * Lets a child process compute on `backend`, in the environment `env`. A crash or a timeout of the child is a result
 * that is not ok, not an error.
 */
export async function selfTest(
  root: string,
  backend: Backend,
  env: Readonly<Record<string, string>>,
  effects: Effects,
): Promise<TestResult> {
  const child = (more: Readonly<Record<string, string>>) =>
    effects.run(process.execPath, [...childWords(), root, backend], {
      env: { ...env, ...more },
      seconds: SECONDS,
    });
  const ran = await child({});
  const result = resultIn(ran.output) ?? {
    ok: false,
    value: `the test process ended with ${endedBy(ran)}${lastLine(ran.output)}`,
  };
  if (result.ok || backend !== "tfjs-node-gpu") return result;
  // TensorFlow says why it opens no GPU only in its log, which is quiet by default.
  const loud = await child({ TF_CPP_MIN_LOG_LEVEL: "0" });
  const reasons = [...new Set(loud.output.split("\n").map(reasonIn))].filter((r) => r !== "");
  return { ...result, value: [result.value, ...reasons.slice(0, 6)].join("; ") };
}

function resultIn(output: string): TestResult | undefined {
  const line = output.split("\n").find((l) => l.startsWith('{"ok"'));
  try {
    return line === undefined ? undefined : (JSON.parse(line) as TestResult);
  } catch {
    return undefined; // cut off by a crash
  }
}

const lastLine = (output: string): string => {
  const last = output.trim().split("\n").at(-1) ?? "";
  return last === "" ? "" : `: ${last.slice(0, 200)}`;
};

/** The message of a log line about CUDA, without time and process; empty for other lines. */
const reasonIn = (line: string): string =>
  /^[WEF]\d{4} .*?\] (.*(?:dlopen|CUDA|cuda|cuDNN|GPU).*)$/.exec(line)?.[1]?.trim() ??
  /^\d{4}-.*: [WEF] .*?\] (.*(?:dlopen|CUDA|cuda|cuDNN|GPU).*)$/.exec(line)?.[1]?.trim() ??
  "";

/** Run from source, the child is source too. */
function childWords(): string[] {
  const path = fileURLToPath(CHILD);
  return import.meta.url.endsWith(".ts")
    ? ["--import", import.meta.resolve("tsx"), path.replace(/\.js$/, ".ts")]
    : [path];
}
