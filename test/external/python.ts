/** Runs the scripts under scripts/external in the Python that `scripts/external/setup` made. */

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { describe } from "vitest";

const path = (relative: string): string => fileURLToPath(new URL(`../../${relative}`, import.meta.url));
const python = path(".venv-external/bin/python");

/** A suite that needs that Python; without it the tests are listed as skipped and the title says what to run. */
export function describeExternal(title: string, suite: () => void): void {
  if (existsSync(python)) describe(title, suite);
  else describe.skip(`${title} (skipped: run scripts/external/setup first)`, suite);
}

/** The script's standard output, as JSON. */
export async function runPython(
  script: string,
  args: readonly string[],
  input: unknown = null,
): Promise<unknown> {
  const { stdout } = await execa(python, [path(`scripts/external/${script}`), ...args], {
    input: JSON.stringify(input),
    env: { HF_HUB_OFFLINE: "1", TOKENIZERS_PARALLELISM: "false", CUDA_VISIBLE_DEVICES: "" },
  });
  return JSON.parse(stdout);
}
