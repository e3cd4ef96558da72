/**
 * One second of real work per backend, in a process of its own, so that native code that crashes takes nothing with it.
 * The child is started with the environment that `.gpu/env.sh` describes.
 */

import { fileURLToPath } from "node:url";
import type { TfjsPackage } from "../model/accelerator/locate.js";
import type { Effects } from "./effects.js";

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

export async function selfTest(
  root: string,
  backend: Backend,
  env: Readonly<Record<string, string>>,
  effects: Effects,
): Promise<TestResult> {
  const ran = await effects.run(process.execPath, [...childWords(), root, backend], {
    env,
    seconds: SECONDS,
  });
  const line = ran.output.split("\n").find((l) => l.startsWith("{"));
  if (line !== undefined) {
    try {
      return JSON.parse(line) as TestResult;
    } catch {
      // cut off by a crash
    }
  }
  const last = ran.output.trim().split("\n").at(-1) ?? "";
  return {
    ok: false,
    value: `the test process ended with ${ran.code}${last === "" ? "" : `: ${last.slice(0, 200)}`}`,
  };
}

/** Run from source, the child is source too. */
function childWords(): string[] {
  const path = fileURLToPath(CHILD);
  return import.meta.url.endsWith(".ts")
    ? ["--import", import.meta.resolve("tsx"), path.replace(/\.js$/, ".ts")]
    : [path];
}
