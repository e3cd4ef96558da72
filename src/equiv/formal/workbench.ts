/** What the phases of the machine hand to one another. */

import type { Aig, Lit } from "./aig.js";
import type { Schedule } from "./schedule.js";

/** What an input of the graph stands for. */
export type Meaning =
  | { readonly kind: "port"; readonly name: string; readonly bit: number }
  | { readonly kind: "flip"; readonly clock: string }
  | { readonly kind: "tick" }
  | { readonly kind: "any" };

/** What the phases build on: the graph, and inputs of it with their meanings. */
export interface Workbench {
  readonly aig: Aig;
  readonly plan: Schedule;
  readonly input: (meaning: Meaning) => Lit;
}

export interface PortLits {
  readonly name: string;
  /** Least significant first. */
  readonly lits: readonly Lit[];
}

/** What clocks do at the end of a step. */
export interface Clocks {
  /** Of `cycles`: the clock has its edge after this step. */
  readonly tick: Lit;
  /** Of `events`: the clocks that flip after this step, and the level of each in this step. */
  readonly flips: readonly { readonly clock: string; readonly lit: Lit }[];
  readonly levels: ReadonlyMap<string, Lit>;
}
