/**
 * Proofs and counterexamples for one candidate. Both texts become gates in Yosys, apart from each other; the machine
 * that compares them is built here (machine.ts) and decided by a solver (solve.ts); every counterexample is played in
 * the simulator (play.ts). First with a golden that wakes up as the candidate does, which decides most; where the
 * simulator does not share a counterexample to that, again with what nothing has set left open.
 */

import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { RunLimits } from "../../sim/run-limited.js";
import type { Wrap } from "../../sim/sandbox.js";
import type { Simulator } from "../../sim/simulator.js";
import { netlistsScript, runYosys } from "../../sim/yosys.js";
import type { Names } from "../testbench/testbench.js";
import { TooLarge } from "./aig.js";
import { forProof, PASSES } from "./lower.js";
import { buildMachine, type Machine } from "./machine.js";
import { type Netlist, NotModelled, readNetlist } from "./netlist.js";
import { replay } from "./play.js";
import type { Proof, ProofJob, Prover } from "./proof.js";
import { solve } from "./solve.js";

export interface ProverDeps {
  /** Path of `yosys`; null = none, and every proof is `infra`. */
  readonly yosys: string | null;
  /** Path of `yosys-abc`; left out = beside Yosys; null = none, Yosys's own solver then. */
  readonly abc?: string | null;
  readonly simulator: Simulator;
  readonly names: () => Names;
  readonly scratchDir: string;
  /** Puts a sandbox around a command; Yosys needs a /proc in it (`withProc`). */
  readonly wrap?: Wrap;
  readonly limits?: Partial<Omit<RunLimits, "wallMs">> & { readonly gates?: number };
}

const MEMORY_BYTES = 2 * 1024 ** 3;
const FILE_BYTES = 64 * 1024 ** 2;
const GATES = 400_000;

type Infra = Extract<Proof, { kind: "infra" }>;
type Stop = { readonly kind: "undecided"; readonly reason: string } | Infra;
type Pair = { readonly kind: "pair"; readonly golden: Netlist; readonly candidate: Netlist };

export function makeProver(deps: ProverDeps): Prover {
  const abc =
    deps.abc !== undefined
      ? deps.abc
      : deps.yosys === null
        ? null
        : present(join(dirname(deps.yosys), "yosys-abc"));
  const limits = {
    memoryBytes: deps.limits?.memoryBytes ?? MEMORY_BYTES,
    fileBytes: deps.limits?.fileBytes ?? FILE_BYTES,
  };
  const stop = new AbortController();
  let serial = 0;

  const prove = async (job: ProofJob, signal: AbortSignal): Promise<Proof> => {
    const either = AbortSignal.any([signal, stop.signal]);
    either.throwIfAborted();
    const began = performance.now();
    const ms = (): number => performance.now() - began;
    if (deps.yosys === null) {
      return {
        kind: "infra",
        code: "ENOENT",
        retryable: false,
        log: "a proof needs Yosys, which is not there",
      };
    }
    const dir = join(deps.scratchDir, `p${process.pid}-${serial++}`);
    try {
      mkdirSync(dir, { recursive: true });
      const left = (): number => job.seconds * 1000 - ms();
      const attempt: Attempt = { job, dir, yosys: deps.yosys, left, signal: either };
      const result = await decide(attempt);
      return result.kind === "infra" ? result : { ...result, ms: ms() };
    } catch (thrown) {
      if (thrown instanceof NotModelled || thrown instanceof TooLarge) {
        return { kind: "undecided", reason: thrown.message, ms: ms() };
      }
      const code = (thrown as NodeJS.ErrnoException).code;
      if (typeof code === "string" && /^E[A-Z]+$/.test(code)) {
        return { kind: "infra", code, retryable: true, log: (thrown as Error).message };
      }
      throw thrown;
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  };

  interface Attempt {
    readonly job: ProofJob;
    readonly dir: string;
    readonly yosys: string;
    /** Wall milliseconds left of the cap. */
    readonly left: () => number;
    readonly signal: AbortSignal;
  }

  type Decision = { readonly kind: "equal" } | Omit<Extract<Proof, { kind: "different" }>, "ms"> | Stop;

  const decide = async (a: Attempt): Promise<Decision> => {
    const pair = await lower(a);
    if (pair.kind !== "pair") return pair;
    let unshown: Decision | null = null;
    for (const golden of ["matched", "ternary"] as const) {
      const machine: Machine = buildMachine(pair.golden, pair.candidate, a.job.iface, {
        golden,
        cap: deps.limits?.gates ?? GATES,
      });
      const solved = await solve(machine, { ...a, abc, limits, wrap: deps.wrap });
      if (solved.kind === "never") {
        return machine.restricted === null
          ? { kind: "equal" }
          : {
              kind: "undecided",
              reason: `equal as long as ${machine.restricted}, a clock of the candidate's alone, changes by itself`,
            };
      }
      if (solved.kind !== "reached") return unshown ?? solved;
      const { counterexample } = solved;
      const played = await replay(counterexample, a.job, deps, a.signal);
      if (played.kind === "infra") return played;
      const replayed = played.kind === "shown";
      unshown = { kind: "different", counterexample, replayed };
      if (replayed || !machine.opens) break;
    }
    return unshown!;
  };

  /** Both designs as gates, each read by itself. */
  const lower = async (a: Attempt): Promise<Pair | Stop> => {
    const jobs = [];
    for (const side of ["golden", "candidate"] as const) {
      const text = forProof(a.job[side]);
      if (!text.ok) return { kind: "undecided", reason: `${side}, ${text.reason}` };
      writeFileSync(join(a.dir, `${side}.sv`), text.text);
      jobs.push({ source: `${side}.sv`, top: a.job.top, out: `${side}.json` });
    }
    const ran = await runYosys(
      {
        yosys: a.yosys,
        dir: a.dir,
        script: netlistsScript(jobs, PASSES),
        prints: "complaints",
        limits: { ...limits, wallMs: a.left() },
        wrap: deps.wrap,
      },
      a.signal,
    );
    if (ran.kind === "infra") return ran;
    if (ran.kind === "timeout") return { kind: "undecided", reason: "out of time reading the designs" };
    if (ran.code !== 0) return { kind: "undecided", reason: unreadable(ran.output, ran.code) };
    const [golden, candidate] = (["golden", "candidate"] as const).map((side) => {
      try {
        return readNetlist(readFileSync(join(a.dir, `${side}.json`), "utf8"), a.job.top);
      } catch (thrown) {
        if (thrown instanceof NotModelled) throw new NotModelled(`${side}: ${thrown.message}`);
        throw thrown;
      }
    });
    return { kind: "pair", golden: golden!, candidate: candidate! };
  };

  return {
    prove,
    close: async () => stop.abort(new Error("the prover is closed")),
  };
}

const present = (path: string): string | null => (existsSync(path) ? path : null);

/** Yosys's complaint with the side and the line, or what ended it. */
function unreadable(output: string, code: number): string {
  const said = /(?:(golden|candidate)\.sv:(\d+)[^\n]*?)?ERROR: ([^\n]*)/.exec(output);
  if (said === null) return `Yosys ended with code ${code}`;
  const line =
    said[1] === undefined ? /(golden|candidate)\.sv:(\d+)/.exec(said[3]!) : [said[0], said[1], said[2]!];
  const place = line === null ? "" : `${line[1]}, line ${line[2]}: `;
  return `Yosys cannot read it: ${place}${said[3]}`;
}
