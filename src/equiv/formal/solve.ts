/**
 * Decides whether the machine can ever be bad. ABC, which comes with Yosys, looks a few steps ahead, merges what is
 * equal in every reachable state (`scorr`) and looks for an inductive invariant (`pdr`); what is left gets a deeper
 * look ahead and a stronger induction. Without ABC, Yosys's own SAT solver does temporal induction on the same graph.
 */

import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Ran, type RunLimits, runLimited } from "../../sim/run-limited.js";
import type { Wrap } from "../../sim/sandbox.js";
import { runYosys } from "../../sim/yosys.js";
import { FALSE, TRUE } from "./aig.js";
import type { Machine } from "./machine.js";
import type { Counterexample } from "./proof.js";
import { follow, framesOfTable, readWitness } from "./witness.js";

export type Solved =
  | { readonly kind: "never" }
  | { readonly kind: "reached"; readonly counterexample: Counterexample }
  | { readonly kind: "undecided"; readonly reason: string }
  | Extract<Ran, { kind: "infra" }>;

export interface SolveDeps {
  /** Path of `yosys-abc`, or null. */
  readonly abc: string | null;
  readonly yosys: string;
  readonly dir: string;
  readonly limits: Omit<RunLimits, "wallMs">;
  readonly wrap: Wrap | undefined;
  /** Wall milliseconds left. */
  readonly left: () => number;
  readonly signal: AbortSignal;
}

export async function solve(machine: Machine, deps: SolveDeps): Promise<Solved> {
  if (machine.bad === FALSE) return { kind: "never" };
  if (machine.bad === TRUE) {
    const found = follow(machine, [new Uint8Array(machine.meanings.length)]);
    if (found !== null) return { kind: "reached", counterexample: found };
  }
  writeFileSync(join(deps.dir, "m.aig"), machine.aig.aiger(machine.bad));
  if (deps.abc === null) return byInduction(machine, deps);
  const rounds = roundsFor(machine);
  let last: Solved = { kind: "undecided", reason: "out of time" };
  for (const commands of rounds) {
    rmSync(join(deps.dir, "cex.txt"), { force: true });
    const script = `read_aiger m.aig; ${commands(Math.max(1, Math.ceil(deps.left() / 1000)))}; print_status; write_cex -a cex.txt`;
    const ran = await runLimited(
      [deps.abc, "-q", script],
      deps.dir,
      { ...deps.limits, wallMs: deps.left() },
      deps.wrap,
      deps.signal,
    );
    if (ran.kind === "infra") return ran;
    const found = witness(deps.dir, machine);
    if (found !== null) return { kind: "reached", counterexample: found };
    if (ran.kind === "timeout") return { kind: "undecided", reason: "out of time" };
    if (/Status = 1\b/.test(ran.output)) return { kind: "never" };
    last = { kind: "undecided", reason: "neither a proof nor a counterexample within the limits" };
  }
  return last;
}

type Commands = (seconds: number) => string;

function roundsFor(machine: Machine): Commands[] {
  if (machine.aig.latches.length === 0) return [() => "iprove"];
  return [
    () => "bmc3 -F 8 -C 1000 -T 1",
    () => "scorr; pdr -T 1",
    (s) => `bmc3 -F 400 -T ${Math.max(1, Math.floor(s / 2))}`,
    () => "scorr -F 2; pdr",
  ];
}

/** Steps of temporal induction at most. */
const DEPTH = 64;

async function byInduction(machine: Machine, deps: SolveDeps): Promise<Solved> {
  const how = machine.aig.latches.length === 0 ? "" : `-tempinduct -set-init-zero -maxsteps ${DEPTH}`;
  const script = `read_aiger -module_name m -clk_name clk m.aig\nsat ${how} -prove bad 0 -show-inputs m\n`;
  const ran = await runYosys(
    {
      yosys: deps.yosys,
      dir: deps.dir,
      script,
      prints: "reports",
      limits: { ...deps.limits, wallMs: deps.left() },
      wrap: deps.wrap,
    },
    deps.signal,
  );
  if (ran.kind === "infra") return ran;
  if (ran.kind === "timeout") return { kind: "undecided", reason: "out of time" };
  const found = readWitness(framesOfTable(ran.output, machine), machine);
  if (found !== null) return { kind: "reached", counterexample: found };
  return /(?:Induction step proven|no model found): SUCCESS/.test(ran.output)
    ? { kind: "never" }
    : { kind: "undecided", reason: `no proof by induction over ${DEPTH} steps` };
}

function witness(dir: string, machine: Machine): Counterexample | null {
  const path = join(dir, "cex.txt");
  return existsSync(path) ? readWitness(readFileSync(path, "latin1"), machine) : null;
}
