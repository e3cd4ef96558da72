/**
 * How good a bench is: mutants of its golden, judged as candidates are. Those that survive are offered further
 * episodes, and the episodes that tell them apart are named, so that the bench can take them in; those that remain
 * are decided by exhaustion or by proof where that is possible, and listed for people where it is not.
 */

import type { Rng } from "../../core/rng.js";
import type { SimResult } from "../../sim/simulator.js";
import type { Admitted } from "../../verilog/gate.js";
import type { DesignInterface } from "../../verilog/interface.js";
import type { Mined } from "../../verilog/numbers.js";
import type { Prover } from "../formal/proof.js";
import { moreEpisodes, type Step, type Stimulus } from "../stimulus/stimulus.js";
import { TRIED_IN_TURN, withPowerUp } from "../testbench/powerup.js";
import type { BenchPlan, Ignore } from "../testbench/testbench.js";
import { cyclesToSteps } from "./cycles.js";
import { type Finish, type RaceDeps, race } from "./lockstep.js";
import { type Mutant, makeMutants } from "./mutants.js";

export interface Survivor {
  readonly operator: string;
  readonly line: number;
  readonly before: string;
  readonly after: string;
  /** `different`: a proof says that it should have been told apart. */
  readonly proof: "different" | "undecided" | "none";
}

export interface Quality {
  /** Mutants that compile and end; the kill rate is killed / (mutants - equivalent). */
  readonly mutants: number;
  readonly killed: number;
  /** Survivors that are shown to be the same design. */
  readonly equivalent: number;
  /** Survivors that nothing decides. */
  readonly undecided: number;
  readonly survivors: readonly Survivor[];
  /** Seed of the stimuli; the vectors that further episodes add come from it too. */
  readonly seed: number;
}

export interface QualityJob {
  readonly golden: Admitted;
  readonly top: string;
  readonly iface: DesignInterface;
  readonly constants: readonly Mined[];
  /** Copies of the golden with other power-up values, needed where it leaves bits open. */
  readonly awake: readonly Admitted[];
  readonly rng: Rng;
  readonly count: number;
  readonly seed: number;
  /** CPU seconds one race may take. */
  readonly cpuSeconds: number;
  /** The golden takes so long that survivors are offered nothing further. */
  readonly slow: boolean;
  /** Puts a stimulus and the open bits by slot where the simulator reads them. */
  readonly place: (s: Stimulus, open: readonly bigint[] | null) => { plan: BenchPlan; ignore: Ignore };
  readonly prover: { readonly prover: Prover; readonly seconds: number } | null;
}

/** A stimulus and the output bits that are open at each of its slots; null = none anywhere. */
export interface Bench {
  readonly stimulus: Stimulus;
  readonly open: readonly bigint[] | null;
}

export type Infra = Extract<SimResult, { kind: "infra" }>;

/** Vectors offered to mutants that survive the bench. */
const FURTHER_VECTORS = 2000;

type Status = "killed" | "alive" | "dropped";

export interface Assessment {
  readonly mutants: readonly Mutant[];
  readonly status: readonly Status[];
}

const racing =
  (job: QualityJob, deps: RaceDeps, signal: AbortSignal) => (variants: readonly Admitted[], on: Bench) => {
    const { plan, ignore } = job.place(on.stimulus, on.open);
    const { top, golden, cpuSeconds } = job;
    const awake = on.open === null ? [] : job.awake;
    return race({ plan, top, golden, awake, variants, ignore, cpuSeconds }, deps, signal);
  };

/** Judges mutants by a bench: first by its steps, then, for what is unknown or alive, with its long runs. */
export async function judge(
  job: QualityJob,
  bench: Bench,
  mutants: readonly Mutant[],
  deps: RaceDeps,
  signal: AbortSignal,
): Promise<Assessment | Infra> {
  const run = racing(job, deps, signal);
  const { runs } = bench.stimulus;
  const first = await run(
    mutants.map((m) => m.admitted),
    { stimulus: { ...bench.stimulus, runs: [] }, open: bench.open },
  );
  if (first.kind === "infra") return first;
  const status = first.finishes.map((f): Status => {
    if (f.kind === "dropped") return "dropped";
    return f.differsAt !== null ? "killed" : "alive";
  });
  // X where the golden is defined: wrong, unless it is right whatever the registers wake up with.
  const again: { mutant: number; text: Admitted; mustEqual: boolean }[] = [];
  first.finishes.forEach((f, k) => {
    if (status[k] !== "alive" || f.kind === "dropped") return;
    const text = mutants[k]!.admitted;
    if (f.unknownAt !== null) {
      for (const how of TRIED_IN_TURN) {
        const awake = withPowerUp(text, how, `p${k}`);
        if (awake === null) status[k] = "killed";
        else again.push({ mutant: k, text: awake, mustEqual: true });
      }
    } else if (runs.length > 0) again.push({ mutant: k, text, mustEqual: false });
  });
  const left = again.filter((a) => status[a.mutant] === "alive");
  if (left.length === 0) return { mutants, status };
  const second = await run(
    left.map((a) => a.text),
    bench,
  );
  if (second.kind === "infra") return second;
  second.finishes.forEach((f, k) => {
    if (f.kind === "dropped" ? left[k]!.mustEqual : f.differsAt !== null || f.unknownAt !== null)
      status[left[k]!.mutant] = "killed";
  });
  return { mutants, status };
}

/** Episodes that kill mutants which survive the bench; to be added to it, which then is judged again. */
export async function further(
  job: QualityJob,
  bench: Bench,
  { mutants, status }: Assessment,
  deps: RaceDeps,
  signal: AbortSignal,
): Promise<readonly (readonly Step[])[] | Infra> {
  const { stimulus } = bench;
  const alive = mutants.filter((_, k) => status[k] === "alive");
  if (alive.length === 0 || job.slow) return [];
  const rng = job.rng.fork("further");
  const episodes = moreEpisodes(job.iface, job.constants, rng, stimulus, FURTHER_VECTORS);
  if (episodes.length === 0) return [];
  const from = stimulus.steps.length;
  const steps = [...stimulus.steps, ...episodes.flat()];
  // The open bits of what is new are found as it is played.
  const open = bench.open === null ? null : steps.map((_, k) => (k < from ? bench.open![k]! : 0n));
  const raced = await racing(
    job,
    deps,
    signal,
  )(
    alive.map((m) => m.admitted),
    { stimulus: { ...stimulus, steps, runs: [] }, open },
  );
  return raced.kind === "infra" ? raced : useful(raced.finishes, episodes, from);
}

/** Every episode at which a mutant dies, with the one before it, where its state may come from. */
function useful(
  finishes: readonly Finish[],
  episodes: readonly (readonly Step[])[],
  from: number,
): (readonly Step[])[] {
  const ends: number[] = [];
  let at = from;
  for (const e of episodes) {
    at += e.length;
    ends.push(at);
  }
  const chosen = new Set<number>();
  for (const f of finishes) {
    if (f.kind === "dropped" || f.differsAt === null || f.differsAt < from) continue;
    const { differsAt } = f;
    const episode = ends.findIndex((end) => differsAt < end);
    if (episode > 0) chosen.add(episode - 1);
    chosen.add(episode);
  }
  return [...chosen].sort((a, b) => a - b).map((k) => episodes[k]!);
}

/** What remains alive: decided where it can be, counted, listed. Counterexamples come back as episodes. */
export async function conclude(
  job: QualityJob,
  bench: Bench,
  { mutants, status }: Pick<Assessment, "mutants" | "status">,
  signal: AbortSignal,
): Promise<{ readonly quality: Quality; readonly counterexamples: readonly (readonly Step[])[] } | Infra> {
  let killed = 0;
  let equivalent = 0;
  let undecided = 0;
  let dropped = 0;
  const survivors: Survivor[] = [];
  const counterexamples: Step[][] = [];
  for (const [k, m] of mutants.entries()) {
    if (status[k] === "dropped") dropped++;
    else if (status[k] === "killed") killed++;
    else if (bench.stimulus.exhaustive && !mayHold(job, m)) equivalent++;
    else {
      const proof = await prove(job, m, signal);
      if (proof.kind === "infra") return proof;
      if (proof.kind === "equal") equivalent++;
      else {
        const { operator, line, before, after } = m;
        survivors.push({ operator, line, before, after, proof: proof.kind });
        if (proof.kind !== "different") undecided++;
        else counterexamples.push(cyclesToSteps(job.iface, bench.stimulus, proof.counterexample.cycles));
      }
    }
  }
  const quality = {
    mutants: mutants.length - dropped,
    killed,
    equivalent,
    undecided,
    survivors,
    seed: job.seed,
  };
  return { quality, counterexamples };
}

/** May hold state that its combinational golden does not have: then seeing all inputs once proves nothing. */
const mayHold = (job: QualityJob, m: Mutant): boolean =>
  m.operator === "identifier"
    ? !job.iface.inputs.some((p) => p.name === m.after)
    : /^(drop|else|edge|reset-style)$/.test(m.operator);

async function prove(
  job: QualityJob,
  m: Mutant,
  signal: AbortSignal,
): Promise<
  | { kind: "equal" | "undecided" | "none" }
  | { kind: "different"; counterexample: { cycles: readonly Readonly<Record<string, string>>[] } }
  | Infra
> {
  if (job.prover === null) return { kind: "none" };
  const proof = await job.prover.prover.prove(
    {
      golden: job.golden,
      candidate: m.admitted,
      top: job.top,
      iface: job.iface,
      seconds: job.prover.seconds,
    },
    signal,
  );
  // A difference that simulation does not show is the model's, not the design's.
  if (proof.kind === "different" && !proof.replayed) return { kind: "undecided" };
  return proof;
}

export const mutantsOf = (job: QualityJob): Mutant[] =>
  makeMutants(job.golden, job.rng.fork("mutants"), job.count);
