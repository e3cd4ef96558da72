/** Opens the fastest and best isolated simulator this machine can run, and says in words what it is and what is missing. */

import { join } from "node:path";
import { TrainError } from "../core/errors.js";
import { buildLibrary, difference, forkedEngine, makeForkedSimulator } from "./forked.js";
import { openSandbox, SANDBOX_LEVEL, type SandboxMode, type Wrap } from "./sandbox.js";
import { DEFAULT_LIMITS, type Limits, type Simulator } from "./simulator.js";
import { makeSpawnSimulator } from "./spawn.js";
import type { Tools } from "./tools.js";
import type { WorkersDeps } from "./workers.js";

export type EngineChoice = "auto" | "forked" | "spawn";

export interface SimulatorOptions {
  readonly tools: Tools;
  /** Working files of this simulator alone, best on a tmpfs; made when it is not there. Absolute. */
  readonly scratchDir: string;
  readonly limits?: Limits;
  readonly engine?: EngineChoice;
  readonly sandbox?: SandboxMode;
  /** Directories that simulations may read, such as the stimuli's; made when they are not there. Absolute. */
  readonly readOnly?: readonly string[];
  /** Keeps the compiled fork server from run to run; null = in the scratch directory. */
  readonly cacheDir?: string | null;
  /** Where a C compiler is looked for, as in PATH. */
  readonly searchPath?: string;
}

export interface OpenedSimulator {
  readonly simulator: Simulator;
  readonly sandbox: {
    /** The layers between a candidate and the machine, for the run manifest and `doctor`. */
    readonly level: string;
    /** Whether bubblewrap is among them. */
    readonly isolated: boolean;
    /** What is missing and what to type; null when nothing is. */
    readonly missing: { readonly reason: string; readonly hint: string } | null;
    /** For other programs that read candidates, such as Yosys; null without bubblewrap. */
    readonly wrap: Wrap | null;
  };
  readonly engine: "forked" | "spawn";
  /** Why this engine. */
  readonly why: string;
}

/** @throws TrainError tool when what was asked for by name cannot be had */
export function openSimulator(options: SimulatorOptions): OpenedSimulator {
  const { tools, scratchDir } = options;
  const limits = options.limits ?? DEFAULT_LIMITS;
  const readOnly = options.readOnly ?? [];
  const sandbox = openSandbox({ tools, mode: options.sandbox ?? "auto", readOnly, scratchDir });
  const deps: WorkersDeps = {
    tools,
    scratchDir,
    limits,
    ...(sandbox.wrap === null ? {} : { wrap: sandbox.wrap }),
  };
  const choice = options.engine ?? "auto";
  const forked =
    choice === "spawn"
      ? { ok: false as const, why: "plain spawning was asked for" }
      : tryForked(deps, options);
  if (choice === "forked" && !forked.ok) {
    throw new TrainError("tool", `the pre-forked simulator cannot be used: ${forked.why}`, {
      hint: "install a C compiler (sudo apt-get install -y gcc libc6-dev), or take what works: reward.simulator=auto",
    });
  }
  const layers = [
    ...(sandbox.wrap === null ? [] : [sandbox.level]),
    ...(forked.ok && forked.filter ? ["system call filter"] : []),
    SANDBOX_LEVEL,
    ...(sandbox.wrap === null ? [sandbox.level] : []),
  ];
  return {
    simulator: forked.ok ? makeForkedSimulator({ ...deps, ...forked }) : makeSpawnSimulator(deps),
    sandbox: {
      level: layers.join(", "),
      isolated: sandbox.wrap !== null,
      missing: sandbox.missing,
      wrap: sandbox.wrap,
    },
    engine: forked.ok ? "forked" : "spawn",
    why: forked.why,
  };
}

type Forked =
  | { readonly ok: true; readonly library: string; readonly filter: boolean; readonly why: string }
  | { readonly ok: false; readonly why: string };

const STANDARD_PATH = "/usr/local/bin:/usr/bin:/bin";

function tryForked(deps: WorkersDeps, options: SimulatorOptions): Forked {
  const { tools, limits } = deps;
  if (process.platform !== "linux") return { ok: false, why: "fork servers are for Linux" };
  if (tools.ivlBase === null) return { ok: false, why: "ivl cannot be called without the iverilog driver" };
  try {
    const cacheDir = options.cacheDir ?? join(deps.scratchDir, "native");
    const built = buildLibrary(cacheDir, options.searchPath ?? STANDARD_PATH);
    if (!built.ok) return built;
    const { library } = built;
    let why = "";
    for (const filter of [true, false]) {
      const differs = difference(deps, forkedEngine(tools, limits, library, filter));
      if (differs === null) {
        const words = filter ? "" : `; the system call filter is off (${why})`;
        return { ok: true, library, filter, why: `fork servers answer as plain spawning does${words}` };
      }
      why = differs;
    }
    return { ok: false, why: `fork servers do not work with this ivl and vvp: ${why}` };
  } catch (thrown) {
    return { ok: false, why: `fork servers could not be prepared: ${(thrown as Error).message}` };
  }
}
