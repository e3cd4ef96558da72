/**
 * What training needs, what is there, and what to type for each thing that is not. Every check is independent and
 * ends within seconds; nothing is changed on the machine but a probe file that is removed again.
 */

import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { arch, cpus, freemem, platform, release, totalmem } from "node:os";
import { dirname, join, resolve } from "node:path";
import { messageOf, TrainError } from "../../core/errors.js";
import { realEffects } from "../../setup/effects.js";
import { openSimulator } from "../../sim/simulators.js";
import { installHint, locateTools, type Tools } from "../../sim/tools.js";
import { scratchRoot } from "../rewards.js";
import { acceleratorChecks } from "./accelerator.js";
import { type Check, missing, note, ok } from "./check.js";
import { firstLine, run } from "./run.js";

export interface Examined {
  readonly root: string;
  readonly cwd: string;
  readonly cacheDir: string;
  readonly cores: number;
  readonly searchPath: string;
  readonly version: string;
  readonly env: {
    readonly telemetryOff: boolean;
    readonly visibleDevices: string | undefined;
    /** LD_LIBRARY_PATH */
    readonly libraryPath: string;
  };
}

const GIB = 2 ** 30;
/** What the default run uses at most, and what two checkpoints with logs take. */
const NEED_MEMORY = 3 * GIB;
const NEED_DISK = GIB / 2;

export async function examine(it: Examined): Promise<Check[]> {
  const checks = await Promise.all([
    ok("veriloop", `${it.version} in ${it.root}`),
    node(),
    ...["onnxruntime-node", "@huggingface/tokenizers"].map((name) => npmPackage(name)),
    simulators(it.searchPath),
    rewardEngines(it),
    cpu(it.cores),
    memory(),
    devices(it.env.visibleDevices),
    acceleratorChecks(
      it.root,
      realEffects(() => {}, it.env.libraryPath),
    ),
    folder("runs", resolve(it.cwd, "checkpoints/runs"), "run.dir=FOLDER"),
    folder("cache", it.cacheDir, "the environment variable VERILOOP_CACHE=FOLDER"),
    policy(it),
    it.env.telemetryOff
      ? ok("telemetry", "off")
      : note("telemetry", "onnxruntime's is not switched off", "export ORT_DISABLE_TELEMETRY=1"),
  ]);
  return checks.flat();
}

function node(): Check {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const value = `${process.versions.node} (${platform()} ${release()} ${arch()})`;
  return major > 20 || (major === 20 && minor >= 19)
    ? ok("node", value)
    : missing(
        "node",
        `${value}; expected >= 20.19`,
        "install a newer one from https://nodejs.org or with nvm install 22",
      );
}

async function npmPackage(name: string): Promise<Check> {
  try {
    const module = (await import(name)) as { env?: { versions?: { node?: string; common?: string } } };
    return ok(
      name,
      module.env?.versions?.node ?? module.env?.versions?.common ?? installedVersion(name) ?? "loads",
    );
  } catch (error) {
    return missing(
      name,
      `does not load: ${firstLine(String(error))}`,
      "ONNXRUNTIME_NODE_INSTALL=skip npm ci",
    );
  }
}

/** From the package.json above the entry point; packages do not always export it. */
function installedVersion(name: string): string | undefined {
  try {
    for (
      let dir = dirname(new URL(import.meta.resolve(name)).pathname);
      dir !== dirname(dir);
      dir = dirname(dir)
    ) {
      const path = join(dir, "package.json");
      const found = existsSync(path)
        ? (JSON.parse(readFileSync(path, "utf8")) as { name?: string; version?: string })
        : {};
      if (found.name === name) return found.version;
    }
  } catch {
    // Loaded, but laid out in a way that hides its version.
  }
  return undefined;
}

/** Icarus Verilog must be there; without Yosys interfaces are read from module headers. */
function simulators(searchPath: string): Check[] {
  let found: Tools;
  try {
    found = locateTools(searchPath);
  } catch (error) {
    if (!(error instanceof TrainError)) throw error;
    return [missing("iverilog", error.message, error.hint ?? installHint(["iverilog"]))];
  }
  const { iverilog, vvp, yosys, ivlBase } = found;
  return [
    ok("iverilog", `${iverilog.version} (${iverilog.path})`),
    ok("vvp", `${vvp.version} (${vvp.path})`),
    ivlBase === null
      ? note("ivl", "not found: every check goes through the slower iverilog driver")
      : ok("ivl", `compiles directly (${ivlBase})`),
    yosys === null
      ? note("yosys", "not found: interfaces are read from module headers", installHint(["yosys"]))
      : ok("yosys", `${yosys.version} (${yosys.path})`),
  ];
}

/** What stands between a candidate and the machine, how simulations start, and what can prove a pass. */
function rewardEngines(it: Examined): Check[] {
  let tools: Tools;
  try {
    tools = locateTools(it.searchPath);
  } catch {
    return [note("sandbox", "not looked at: there is no simulator")];
  }
  const scratch = mkdtempSync(join(scratchRoot(), "veriloop-doctor-"));
  try {
    const { sandbox, engine, why } = openSimulator({
      tools,
      scratchDir: scratch,
      searchPath: it.searchPath,
    });
    const { missing: lacks } = sandbox;
    return [
      lacks === null ? ok("sandbox", sandbox.level) : note("sandbox", sandbox.level, lacks.hint),
      engine === "forked"
        ? ok("simulator", `forked: ${why}`)
        : note(
            "simulator",
            `started afresh for every check: ${why}`,
            /compiler/.test(why) ? "sudo apt-get install -y gcc libc6-dev" : undefined,
          ),
      tools.yosys === null
        ? note("formal", "no engine: passes are simulated, never proved", installHint(["yosys"]))
        : ok("formal", `Yosys ${tools.yosys.version}`),
    ];
  } catch (error) {
    return [note("sandbox", `not looked at: ${messageOf(error)}`)];
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function cpu(cores: number): Check {
  let flags = "";
  try {
    const all =
      /^(?:flags|Features)\s*:(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1]?.split(" ") ?? [];
    flags = ["avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16", "asimd"]
      .filter((f) => all.includes(f))
      .join(" ");
  } catch {
    // Not Linux.
  }
  const model = cpus()[0]?.model.trim() ?? arch();
  return ok("cpu", `${cores} core${cores === 1 ? "" : "s"}, ${model}${flags === "" ? "" : ` (${flags})`}`);
}

function memory(): Check {
  let free = freemem();
  try {
    free =
      1024 *
      Number(/^MemAvailable:\s+(\d+)/m.exec(readFileSync("/proc/meminfo", "utf8"))?.[1] ?? free / 1024);
  } catch {
    // Not Linux.
  }
  const value = `${gib(free)} free of ${gib(totalmem())}`;
  return free >= NEED_MEMORY
    ? ok("memory", value)
    : note(
        "memory",
        `${value}; the default run uses up to ${gib(NEED_MEMORY)}`,
        "close other programs, or lower sampler.slots and learner.micro_batch_tokens",
      );
}

async function devices(visible: string | undefined): Promise<Check> {
  const ran = await run("nvidia-smi", [
    "--query-gpu=name,memory.total,driver_version",
    "--format=csv,noheader",
  ]);
  if (ran.kind !== "ran" || ran.code !== 0) return ok("gpu", "none (not needed)");
  const hidden = visible === undefined ? "" : `, CUDA_VISIBLE_DEVICES=${visible}`;
  return ok("gpu", ran.output.trim().split("\n").join("; ") + hidden);
}

/** Writes and removes a probe file in the folder, or in the nearest one above it that exists. */
function folder(name: string, path: string, elsewhere: string): Check {
  let there = path;
  while (!existsSync(there) && there !== dirname(there)) there = dirname(there);
  const probe = join(there, `.veriloop-probe-${randomBytes(4).toString("hex")}`);
  try {
    mkdirSync(probe);
    writeFileSync(join(probe, "a"), "a");
  } catch (error) {
    return missing(
      name,
      `${path} cannot be written (${(error as NodeJS.ErrnoException).code})`,
      `choose another with ${elsewhere}`,
    );
  } finally {
    rmSync(probe, { recursive: true, force: true });
  }
  const disk = statfsSync(there);
  const free = disk.bavail * disk.bsize;
  const value = `${path}, ${gib(free)} free`;
  return free >= NEED_DISK
    ? ok(name, value)
    : note(name, value, `free some space, or choose another with ${elsewhere}`);
}

function policy(it: Examined): Check {
  const found = [it.cwd, it.root]
    .map((d) => join(d, "checkpoints", "primer-base"))
    .find((d) => existsSync(join(d, "config.json")));
  return found === undefined
    ? note(
        "policy",
        "checkpoints/primer-base is not there",
        "train --stage distill --config distill-primer.yaml, or name a model with model.path=FOLDER",
      )
    : ok("policy", found);
}

const gib = (bytes: number): string => `${(bytes / GIB).toFixed(1)} GiB`;
