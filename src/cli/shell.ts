/** What the command line takes from the process, in one place, so that commands get it as an argument. */

import { readFileSync } from "node:fs";
import { availableParallelism, homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { z } from "zod";
import { shellWord } from "../core/shell-words.js";
import type { Stage } from "../stages/stage.js";

/** What the command line is built from; tests give it a stage of their own. */
export interface Parts {
  // biome-ignore lint/suspicious/noExplicitAny: each stage has a config type of its own
  readonly stages: Readonly<Record<string, () => Promise<Stage<any>>>>;
  /** The config schema of each stage, apart from the stages because they load the engines. */
  readonly schemas: () => Promise<Readonly<Record<string, z.ZodType>>>;
}

export interface Out {
  readonly isTTY: boolean;
  /** Columns of the terminal. */
  readonly columns: () => number;
  readonly colour: boolean;
  write(text: string): void;
}

export interface Shell {
  /** Root of the package, where configs/ and checkpoints/ lie: two folders above this file, in src/ as in dist/. */
  readonly root: string;
  readonly cwd: string;
  /** How the user starts us: `train`, or `scripts/train` from a clone. */
  readonly program: string;
  readonly words: readonly string[];
  readonly stdout: Out;
  readonly stderr: Out;
  /** Someone sits at the terminal. */
  readonly interactive: boolean;
  readonly cores: number;
  readonly cacheDir: string;
  /** PATH: where programs are looked for. */
  readonly searchPath: string;
  /** Starts this program again, without arguments. */
  readonly self: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** The process as commands see it; `words` are its arguments. */
export function makeShell(words: readonly string[]): Shell {
  const { env } = process;
  const out = (stream: NodeJS.WriteStream): Out => ({
    isTTY: stream.isTTY === true && env.TERM !== "dumb",
    columns: () => stream.columns || 80,
    colour: stream.isTTY === true && env.TERM !== "dumb" && !env.NO_COLOR,
    write: (text) => void stream.write(text),
  });
  return {
    root: fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, ""),
    cwd: process.cwd(),
    program: env.VERILOOP_PROGRAM || "train",
    words,
    stdout: out(process.stdout),
    stderr: out(process.stderr),
    interactive: process.stdin.isTTY === true,
    cores: Math.min(cores(), Number(env.VERILOOP_CORES) || Number.POSITIVE_INFINITY),
    cacheDir: env.VERILOOP_CACHE || join(env.XDG_CACHE_HOME || join(homedir(), ".cache"), "veriloop"),
    searchPath: env.PATH ?? "",
    self: [process.execPath, ...process.execArgv, process.argv[1]!],
    env,
  };
}

/** Cores this process may use: affinity, and the quota of its control group (containers). */
function cores(): number {
  const seen = availableParallelism();
  try {
    const [quota, period] = readFileSync("/sys/fs/cgroup/cpu.max", "utf8").split(" ").map(Number);
    return quota && period ? Math.max(1, Math.min(seen, Math.ceil(quota / period))) : seen;
  } catch {
    return seen; // no control groups here
  }
}

/** The version in the package.json below `root`. */
export const versionOf = (root: string): string =>
  (JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string }).version;

/** The command as the user would type it again, quoted for a shell. */
export const commandLine = (shell: Shell): string => [shell.program, ...shell.words].map(shellWord).join(" ");

/** Text that speaks of `train …` or `scripts/train …` in the words of this user's program. */
export const asTyped = (text: string, program: string): string =>
  text.replace(
    /(^|[\s`"'(])(?:scripts\/)?train (?=--|config\b|doctor\b|ls\b|report\b|replay\b|verify\b|testbench\b|completion\b)/g,
    (_all, before: string) => `${before}${program} `,
  );

/** Resolves when everything written to a stream has been handed to the system. */
export const flushed = (stream: NodeJS.WriteStream): Promise<void> =>
  new Promise((done) => {
    if (stream.destroyed || stream.writableEnded) done();
    else stream.write("", () => done());
  });
