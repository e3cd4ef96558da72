/** Finds the programs the reward needs, with their versions; says what to type where one is missing. */

import { spawnSync } from "node:child_process";
import {
  accessSync,
  constants,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, isAbsolute, join } from "node:path";
import { TrainError } from "../core/errors.js";

export type ToolName = "iverilog" | "vvp" | "yosys" | "bwrap";

export interface Tool {
  readonly path: string;
  /** As the program prints it, for example "11.0" or "0.23". */
  readonly version: string;
}

export interface Tools {
  readonly iverilog: Tool;
  readonly vvp: Tool;
  /** Null without Yosys: interfaces then come from module headers. */
  readonly yosys: Tool | null;
  readonly bwrap: Tool | null;
  /** Directory with `ivl`, its configuration and VPI modules; null where only the driver works. */
  readonly ivlBase: string | null;
}

const PACKAGES: Readonly<Record<ToolName, Readonly<Record<"apt" | "dnf" | "brew" | "conda", string>>>> = {
  iverilog: { apt: "iverilog", dnf: "iverilog", brew: "icarus-verilog", conda: "iverilog" },
  vvp: { apt: "iverilog", dnf: "iverilog", brew: "icarus-verilog", conda: "iverilog" },
  yosys: { apt: "yosys", dnf: "yosys", brew: "yosys", conda: "yosys" },
  bwrap: { apt: "bubblewrap", dnf: "bubblewrap", brew: "(Linux only)", conda: "bubblewrap" },
};

/** The lines to type for missing programs, one per package system. */
export function installHint(names: readonly ToolName[]): string {
  const list = (system: "apt" | "dnf" | "brew" | "conda"): string =>
    [...new Set(names.map((n) => PACKAGES[n][system]))].filter((p) => !p.startsWith("(")).join(" ");
  const lines: [string, string][] = [
    ["sudo apt-get install -y", list("apt")],
    ["sudo dnf install -y", list("dnf")],
    ["brew install", list("brew")],
    ["conda install -c conda-forge", list("conda")],
  ];
  return `install it with one of: ${lines
    .filter(([, packages]) => packages !== "")
    .map(([command, packages]) => `${command} ${packages}`)
    .join(" | ")}`;
}

/** First executable of that name on a search path, or null. */
export function which(name: string, searchPath: string): string | null {
  for (const dir of searchPath.split(delimiter)) {
    if (dir === "" || !isAbsolute(dir)) continue;
    const path = join(dir, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // not here
    }
  }
  return null;
}

const VERSION: Readonly<Record<ToolName, { args: string[]; pattern: RegExp }>> = {
  iverilog: { args: ["-V"], pattern: /version (\S+)/ },
  vvp: { args: ["-V"], pattern: /version (\S+)/ },
  yosys: { args: ["-V"], pattern: /Yosys (\S+)/ },
  bwrap: { args: ["--version"], pattern: /bubblewrap (\S+)/ },
};

function probe(name: ToolName, searchPath: string): Tool | null {
  const path = which(name, searchPath);
  if (path === null) return null;
  const ran = spawnSync(path, VERSION[name].args, { encoding: "utf8", timeout: 20_000, maxBuffer: 1 << 20 });
  const found = VERSION[name].pattern.exec(`${ran.stdout ?? ""}${ran.stderr ?? ""}`);
  return found === null ? null : { path, version: found[1]! };
}

/**
 * Finds everything. Throws TrainError("tool") without Icarus Verilog; Yosys and bubblewrap may be absent.
 * `searchPath` is a PATH string; `directIvl: false` forces the `iverilog` driver.
 */
export function locateTools(searchPath: string, options: { readonly directIvl?: boolean } = {}): Tools {
  const iverilog = probe("iverilog", searchPath);
  const vvp = probe("vvp", searchPath);
  if (iverilog === null || vvp === null) {
    throw new TrainError(
      "tool",
      `the reward needs Icarus Verilog (iverilog and vvp), but ${iverilog === null ? "iverilog" : "vvp"} is not on the PATH`,
      { hint: installHint(["iverilog", "yosys"]) },
    );
  }
  return {
    iverilog,
    vvp,
    yosys: probe("yosys", searchPath),
    bwrap: probe("bwrap", searchPath),
    ivlBase: options.directIvl === false ? null : findIvl(iverilog.path, vvp.path),
  };
}

const CANARY = 'module canary; initial $display("canary %0d", 6 * 7); endmodule\n';

/**
 * The directory of `ivl`. A compiled design names the VPI modules it wants by path, so one run of the driver tells;
 * the usual places come next. A place counts only when compiling and running through it works.
 */
function findIvl(iverilog: string, vvp: string): string | null {
  const work = mkdtempSync(join(tmpdir(), "ivl-"));
  try {
    const source = join(work, "canary.v");
    writeFileSync(source, CANARY);
    const out = join(work, "driver.vvp");
    spawnSync(iverilog, ["-g2012", "-o", out, source], { timeout: 20_000 });
    const places: string[] = [];
    if (existsSync(out)) {
      const named = /:vpi_module "([^"]*)[/\\]system\.vpi"/.exec(readFileSync(out, "utf8"));
      if (named !== null) places.push(named[1]!);
    }
    const lib = join(dirname(iverilog), "..", "lib");
    places.push(join(lib, "ivl"), "/usr/lib/ivl", "/usr/local/lib/ivl");
    if (existsSync(lib)) for (const d of readdirSync(lib)) places.push(join(lib, d, "ivl"));
    return (
      places.find((p) => isAbsolute(p) && existsSync(join(p, "ivl")) && worksDirectly(p, vvp, work)) ?? null
    );
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function worksDirectly(base: string, vvp: string, work: string): boolean {
  const conf = join(work, "canary.conf");
  const out = join(work, "direct.vvp");
  writeFileSync(conf, ivlConfig(base, "canary", out));
  const compiled = spawnSync(join(base, "ivl"), [`-C${conf}`, `-C${join(base, "vvp.conf")}`, "--", "-"], {
    input: CANARY,
    timeout: 20_000,
  });
  if (compiled.status !== 0) return false;
  const ran = spawnSync(vvp, ["-n", out], { encoding: "utf8", timeout: 20_000 });
  return ran.status === 0 && ran.stdout.includes("canary 42");
}

/** What the driver would tell `ivl`, with the one VPI module that RTL needs (`math`: two more). */
export function ivlConfig(base: string, root: string, out: string, math = false): string {
  const modules = math ? ["system", "v2005_math", "v2009"] : ["system"];
  return `${[
    `basedir:${base}`,
    ...modules.filter((m) => existsSync(join(base, `${m}.vpi`))).map((m) => `module:${base}/${m}.vpi`),
    "generation:2012",
    "generation:no-specify",
    "generation:xtypes",
    "generation:icarus-misc",
    "warnings:n",
    `root:${root}`,
    `out:${out}`,
    "iwidth:32",
    "widthcap:65536",
  ].join("\n")}\n`;
}
