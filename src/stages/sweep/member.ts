/** One member of a sweep as a process of its own: started, resumed, stopped, started again when it failed. */

import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import { EXIT_CODES } from "../../core/errors.js";
import type { Clock } from "../../core/ports.js";
import { systemHost } from "../../run/host.js";
import { livingOwner } from "../../run/owner.js";
import { readRecord } from "../../run/record.js";
import type { Member } from "../../sweep/grid.js";

export interface MemberDeps {
  /** Command line of this program, without arguments. */
  readonly self: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stage: string;
  readonly config: string;
  readonly cwd: string;
  readonly membersDir: string;
  readonly logsDir: string;
  readonly cores: number;
  readonly retries: number;
  readonly clock: Clock;
}

export type MemberEnd =
  | { readonly kind: "done"; readonly skipped: boolean }
  | { readonly kind: "failed"; readonly exit: number | null; readonly log: string }
  | { readonly kind: "stopped" };

/** Runs the member to its end; a finished one is left as it is, an unfinished one is resumed. */
export async function runMember(member: Member, deps: MemberDeps, stop: AbortSignal): Promise<MemberEnd> {
  const dir = join(deps.membersDir, member.name);
  mkdirSync(deps.logsDir, { recursive: true });
  const log = join(deps.logsDir, `${member.name}.log`);
  const host = systemHost();
  // A sweep that was killed may have left the member at work: it is let finish.
  while (!stop.aborted && readRecord(dir) !== null && livingOwner(dir, host) !== null)
    await deps.clock.sleep(2000, stop).catch(() => undefined);
  for (let attempt = 0; ; attempt++) {
    if (stop.aborted) return { kind: "stopped" };
    const record = readRecord(dir);
    if (record?.state === "done") return { kind: "done", skipped: attempt === 0 };
    const exit = await start(member, deps, record !== null, log, stop);
    if (exit === 0) return { kind: "done", skipped: false };
    if (stop.aborted) return { kind: "stopped" };
    // Bad input stays bad; a member that diverged would do so again from the same seed.
    const hopeless = exit === EXIT_CODES.config || exit === EXIT_CODES.data || exit === EXIT_CODES.diverged;
    if (hopeless || attempt >= deps.retries) return { kind: "failed", exit, log };
  }
}

async function start(
  member: Member,
  deps: MemberDeps,
  resume: boolean,
  log: string,
  stop: AbortSignal,
): Promise<number | null> {
  const [program, ...before] = deps.self;
  const words = [
    ...before,
    ...["--stage", deps.stage, "--config", deps.config, "--name", member.name, "--json"],
    ...(resume ? ["--resume"] : []),
    ...member.overrides,
    `run.dir=${JSON.stringify(deps.membersDir)}`,
  ];
  const out = openSync(log, "a");
  // A group of its own: the signals that stop a sweep reach members once, through `stop`.
  const child = spawn(program!, words, {
    cwd: deps.cwd,
    env: { ...deps.env, VERILOOP_CORES: String(deps.cores) },
    stdio: ["ignore", out, out],
    detached: true,
  });
  const end = (): void => {
    child.kill("SIGTERM");
  };
  stop.addEventListener("abort", end, { once: true });
  try {
    return await new Promise<number | null>((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", (code) => resolve(code));
    });
  } finally {
    stop.removeEventListener("abort", end);
    closeSync(out);
  }
}
