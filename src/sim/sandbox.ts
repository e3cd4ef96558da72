/**
 * bubblewrap around a long-lived process: own user, process, network, IPC and mount namespaces, no capabilities, an
 * empty environment; of the host's files only the programs, read-only, and one directory to write in. Everything
 * above it is read-only too, so that nothing a candidate leaves outlives its job. Where it cannot run, the level
 * says so in words that runs record and `doctor` prints.
 */

import { spawnSync } from "node:child_process";
import { existsSync, lstatSync, mkdirSync, readlinkSync, realpathSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { TrainError } from "../core/errors.js";
import { installHint, type Tool, type Tools } from "./tools.js";

/** What stands between a candidate and the machine without bubblewrap. */
export const SANDBOX_LEVEL = "lexical gate, resource limits, process groups";

export type SandboxMode = "auto" | "required" | "off";

/** Puts the sandbox around a command: `dir` (absolute) is its working directory, which it may write; `readOnly` it may read. */
export type Wrap = (
  command: readonly string[],
  dir: string,
  readOnly?: readonly string[],
) => readonly string[];

export interface Sandbox {
  /** Null: commands run as they are. */
  readonly wrap: Wrap | null;
  /** For example "bubblewrap 0.8.0", or "no bubblewrap (it is not installed)". */
  readonly level: string;
  /** What is missing and what to type; null when nothing is. */
  readonly missing: { readonly reason: string; readonly hint: string } | null;
}

export interface SandboxOptions {
  readonly tools: Tools;
  readonly mode: SandboxMode;
  /** Directories that every command may read; made when they are not there. */
  readonly readOnly: readonly string[];
  /** A directory of ours to try it in. */
  readonly scratchDir: string;
}

/** @throws TrainError tool when it is required and cannot run; `auto` goes on without it. */
export function openSandbox(options: SandboxOptions): Sandbox {
  const { tools, mode } = options;
  if (mode === "off") return { wrap: null, level: "no bubblewrap (switched off)", missing: null };
  const { bwrap } = tools;
  const missing =
    bwrap === null
      ? { reason: "it is not installed", hint: installHint(["bwrap"]) }
      : tryOut(bwrap, options, wrapWith(bwrap, tools, options.readOnly));
  if (missing === null && bwrap !== null) {
    return {
      wrap: wrapWith(bwrap, tools, options.readOnly),
      level: `bubblewrap ${bwrap.version} (own users, processes, network and files)`,
      missing: null,
    };
  }
  if (mode === "required" && missing !== null) {
    throw new TrainError(
      "tool",
      `the sandbox is required, but bubblewrap cannot be used: ${missing.reason}`,
      {
        hint: `${missing.hint}; or go on without it: reward.sandbox=auto`,
      },
    );
  }
  return { wrap: null, level: `no bubblewrap (${missing?.reason})`, missing };
}

function wrapWith(bwrap: Tool, tools: Tools, always: readonly string[]): Wrap {
  const system = systemBinds(tools);
  const flags = ["--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL"];
  return (command, dir, readOnly = []) => [
    bwrap.path,
    ...flags,
    ...["--clearenv", "--setenv", "PATH", "/usr/bin:/bin", "--setenv", "LC_ALL", "C"],
    ...["--setenv", "TMPDIR", dir],
    ...system,
    ...[...always, ...readOnly].flatMap((path) => ["--ro-bind", path, path]),
    ...["--bind", dir, dir, "--chdir", dir],
    // The root is a tmpfs of the sandbox's own: writable, it would carry files from one candidate to the next.
    ...["--remount-ro", "/", "--", ...command],
  ];
}

/** The same with a /proc of the sandbox's own processes: Yosys looks there for itself. */
export const withProc =
  (wrap: Wrap): Wrap =>
  (command, dir, readOnly) => {
    const [bwrap, ...rest] = wrap(command, dir, readOnly);
    return [bwrap!, "--proc", "/proc", ...rest];
  };

/** The programs and what they are linked with; of /dev only `null`. */
function systemBinds(tools: Tools): string[] {
  const out: string[] = [];
  for (const path of ["/usr", "/nix/store", "/gnu/store"]) {
    if (existsSync(path)) out.push("--ro-bind", path, path);
  }
  for (const path of ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"]) {
    if (!existsSync(path)) continue;
    if (lstatSync(path).isSymbolicLink()) out.push("--symlink", readlinkSync(path), path);
    else out.push("--ro-bind", path, path);
  }
  const others = new Set<string>();
  const programs = [tools.iverilog, tools.vvp, tools.yosys].filter((t) => t !== null).map((t) => t.path);
  for (const path of programs.flatMap((p) => (existsSync(p) ? [p, realpathSync(p)] : []))) {
    const prefix = dirname(dirname(path));
    if (prefix === "/" || covered(path)) continue;
    for (const d of ["bin", "lib", "lib64", "share/yosys"].map((name) => join(prefix, name)))
      if (existsSync(d)) others.add(d);
    others.add(dirname(path));
  }
  if (tools.ivlBase !== null && !covered(tools.ivlBase) && existsSync(tools.ivlBase))
    others.add(tools.ivlBase);
  for (const path of others) out.push("--ro-bind", path, path);
  return [...out, "--dev-bind", "/dev/null", "/dev/null"];
}

const covered = (path: string): boolean => /^\/(?:usr|nix\/store|gnu\/store)\//.test(path);

/** Null when a program starts inside; else why not. */
function tryOut(bwrap: Tool, options: SandboxOptions, wrap: Wrap): Sandbox["missing"] {
  const dir = join(options.scratchDir, "sandbox-probe");
  let said: string;
  try {
    for (const d of [dir, ...options.readOnly]) mkdirSync(d, { recursive: true });
    const [program, ...args] = wrap([options.tools.vvp.path, "-V"], dir);
    const ran = spawnSync(program!, args, { encoding: "utf8", timeout: 20_000, env: {} });
    if (ran.status === 0) return null;
    said = (ran.error?.message ?? `${ran.stderr}${ran.stdout}`).trim().split("\n")[0]!;
  } catch (thrown) {
    said = (thrown as Error).message;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
  return { reason: `bubblewrap ${bwrap.version} cannot start: ${said}`, hint: hintFor(said) };
}

function hintFor(said: string): string {
  if (/uid map|user namespace|new namespace|Operation not permitted|Permission denied|No space/i.test(said))
    return (
      "allow user namespaces: in a container, run it with --security-opt seccomp=unconfined; " +
      "on Ubuntu, sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0; " +
      "elsewhere, sudo sysctl kernel.unprivileged_userns_clone=1 user.max_user_namespaces=10000"
    );
  return "try it by hand: bwrap --unshare-all --ro-bind / / true";
}
