/** What the tests of the execution layer share: a simulator of each kind on a scratch of its own, and processes. */

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach } from "vitest";
import { buildLibrary } from "../../src/sim/forked.js";
import { DEFAULT_LIMITS, type Limits, type SimResult } from "../../src/sim/simulator.js";
import { type OpenedSimulator, openSimulator, type SimulatorOptions } from "../../src/sim/simulators.js";
import { which } from "../../src/sim/tools.js";
import { signal, tools } from "../reward/harness.js";

const path = process.env.PATH ?? "";
export const onLinux = process.platform === "linux";
export const compiler = onLinux ? which("cc", path) : null;
export const scratch = (): string => mkdtempSync(join(tmpdir(), "sim-test-"));
const library = join(tmpdir(), `sim-test-native-${process.pid}`);
/** Built once for all tests of a file. */
export const forkLibrary = (): string => {
  const built = buildLibrary(library, path);
  if (!built.ok) throw new Error(built.why);
  return built.library;
};
process.once("exit", () => rmSync(library, { recursive: true, force: true }));

export interface Bench extends OpenedSimulator {
  readonly dir: string;
  run(source: string, cpuSeconds?: number): Promise<SimResult>;
  done(): Promise<void>;
}

export function openBench(
  options: Partial<Omit<SimulatorOptions, "limits">> & { limits?: Partial<Limits> } = {},
): Bench {
  const dir = scratch();
  mkdirSync(join(dir, "shared"));
  const opened = openSimulator({
    tools: tools(),
    scratchDir: join(dir, "scratch"),
    readOnly: [join(dir, "shared")],
    cacheDir: library,
    searchPath: path,
    ...options,
    limits: { ...DEFAULT_LIMITS, ...options.limits },
  });
  return {
    ...opened,
    dir,
    run: (source, cpuSeconds = 1) => opened.simulator.run({ source, root: "t", cpuSeconds }, signal()),
    async done() {
      await opened.simulator.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** One statement in a module of its own. */
export const initial = (body: string): string =>
  `module t; integer f, i; initial begin ${body} end endmodule\n`;

/** Whether a process is there and has not ended. */
export function lives(pid: number): boolean {
  if (!existsSync(`/proc/${pid}/stat`)) return false;
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

/** Compiles a C program that stands for `ivl`; the directory serves as `ivlBase`. */
export function fakeIvl(dir: string, body: string): string {
  const base = join(dir, "base");
  mkdirSync(base);
  const source = join(dir, "fake.c");
  const headers = [
    "errno",
    "fcntl",
    "signal",
    "stdio",
    "stdlib",
    "string",
    "unistd",
    "sys/mount",
    "sys/ptrace",
  ];
  const more = ["sys/resource", "sys/socket", "sys/stat", "sys/syscall", "sys/wait", "time"];
  const includes = [...headers, ...more].map((h) => `#include <${h}.h>`).join("\n");
  writeFileSync(source, `#define _GNU_SOURCE\n${includes}\nint main(void) { ${body} }\n`);
  execFileSync(compiler!, ["-w", "-O1", "-o", join(base, "ivl"), source]);
  return base;
}

/** Opens simulators and folders for a test file; they are closed after the test that opened them, the last one first. */
export function untilTestEnds() {
  const opened: (() => void | Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of opened.splice(0).reverse()) await close();
  });
  return {
    opened,
    bench: (options: Parameters<typeof openBench>[0] = {}): Bench => {
      const b = openBench(options);
      opened.push(b.done);
      return b;
    },
    folder: (): string => {
      const dir = scratch();
      opened.push(() => rmSync(dir, { recursive: true, force: true }));
      return dir;
    },
  };
}
