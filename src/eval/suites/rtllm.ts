/** RTLLM: reference designs with the benchmark's own testbenches, from v1.1's flat layout or v2's nested one. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Design } from "./design.js";

export type RtllmVersion = "v1.1" | "v2";

export interface RtllmDesign extends Design {
  /** What the testbench instantiates: the folder's name. */
  readonly dut: string;
  readonly testbench: string;
  /** Folder with the files that the testbench reads. */
  readonly dir: string;
}

/**
 * Every design of one version, by name; empty where the folder is absent. `root` is the folder that holds
 * `rtllm-sample`, or a checkout with a folder per version. The top is `verified_<name>`, as in the source.
 */
export function rtllm(root: string, version: RtllmVersion): RtllmDesign[] {
  const base = [join(root, "rtllm-sample", version), join(root, version)].find((d) => existsSync(d));
  if (base === undefined) return [];
  return readdirSync(base, { recursive: true, encoding: "utf8" })
    .filter((path) => /^verified_.*\.v$/.test(basename(path)))
    .map((path): RtllmDesign => {
      const dir = join(base, dirname(path));
      const golden = readFileSync(join(base, path), "utf8");
      const top = basename(path, ".v");
      return {
        name: top.slice("verified_".length),
        golden,
        top,
        dut: basename(dir),
        testbench: readFileSync(join(dir, "testbench.v"), "utf8"),
        dir,
      };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}
