/**
 * The part `npm`: the tfjs package installed without its scripts, which would download a libtensorflow of 2022, and
 * without what never loads (browser bundles, source maps, tests), which is nine tenths of it.
 */

import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { TrainError } from "../core/errors.js";
import type { TfjsPackage } from "../engine/accelerator/locate.js";
import type { Effects } from "./effects.js";
import type { PartRecord } from "./parts.js";
import { NODE_API_HEADERS_VERSION, TFJS_VERSION } from "./pins.js";

export const npmKey = (name: TfjsPackage): string => `@tensorflow/${name}@${TFJS_VERSION}`;

/** Fills `dir` with the npm package and what it needs, without running its install scripts. */
export async function makeNpmPackage(dir: string, name: TfjsPackage, effects: Effects): Promise<PartRecord> {
  effects.say(`installing @tensorflow/${name} ${TFJS_VERSION} from npm, without its own download`);
  writeFileSync(
    join(dir, "package.json"),
    `${JSON.stringify({
      private: true,
      dependencies: { [`@tensorflow/${name}`]: TFJS_VERSION, "node-api-headers": NODE_API_HEADERS_VERSION },
    })}\n`,
  );
  const words = [
    "install",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--loglevel=error",
    "--prefix",
    dir,
  ];
  const ran = await effects.run("npm", words, {
    cwd: dir,
    waiting: (s) => effects.say(`  still installing (${s} s)`),
  });
  if (ran.code !== 0) {
    if (/ENOSPC/.test(ran.output))
      throw Object.assign(new Error("npm: no space left on device"), { code: "ENOSPC" });
    throw new TrainError("tool", `@tensorflow/${name} could not be installed from npm`, {
      details: ran.output.trim().split("\n").slice(-3),
      hint: "run it again when the registry can be reached, or carry a bundle here: --from-bundle DIR",
    });
  }
  prune(join(dir, "node_modules"));
  return { key: npmKey(name), source: `npm: @tensorflow/${name}@${TFJS_VERSION}`, files: [] };
}

/** True for a file that Node never loads from the tfjs package; `path` is relative to node_modules. */
export function isDeadWeight(path: string): boolean {
  if (/\.(?:map|d\.ts|tsx?|md|markdown)$/.test(path) || /_test\.js$/.test(path)) return true;
  if (path.startsWith("@types/") || path.startsWith(".bin/")) return true;
  const tfjs = /^@tensorflow\/(tfjs[\w-]*)\/(.*)$/.exec(path);
  if (tfjs === null) return false;
  const [, name = "", rest = ""] = tfjs;
  if (rest === "package.json" || rest === "LICENSE") return false;
  if (/^tfjs-node(?:-gpu)?$/.test(name)) return !/^(?:dist|binding|lib)\//.test(rest);
  return !/^dist\/[\w.-]+\.node\.js$/.test(rest);
}

function prune(modules: string): void {
  for (const entry of readdirSync(modules, { recursive: true, withFileTypes: true })) {
    if (entry.isDirectory()) continue;
    const path = join(entry.parentPath, entry.name);
    if (isDeadWeight(path.slice(modules.length + 1))) rmSync(path);
  }
}
