/**
 * What the command line needs to know of a stage. A stage is a composition root: it chooses and wires, and holds no
 * algorithm.
 */

import type { z } from "zod";
import type { Clock, Reporter } from "../core/ports.js";

export interface StageContext {
  /** Root of the package: where configs/ and checkpoints/ lie. Relative paths in a config resolve against `cwd`. */
  readonly root: string;
  readonly cwd: string;
  readonly reporter: Reporter;
  readonly clock: Clock;
  /** Aborted by the first SIGINT or SIGTERM: finish the micro-step, save, leave. */
  readonly stop: AbortSignal;
  /** Polled once a step; true once for each request to save and go on (SIGUSR2). */
  readonly saveRequested: () => boolean;
  /** True with `--resume`: continue the named run from its latest checkpoint. */
  readonly resume: boolean;
  /** Name of the (last) config file without folder and ending, or of the stage: the base of a run's default name. */
  readonly configName: string;
  /** The exact resolved config, as YAML, and a hash of it: stored in the run directory. */
  readonly configText: string;
  readonly configHash: string;
  /** How the run was started, for run.json and for the "what to type next" lines. */
  readonly command: string;
  readonly cores: number;
  readonly cacheDir: string;
  /** Where programs are looked for: the PATH of the command line. */
  readonly searchPath: string;
  /** Starts this program again, without arguments: what a sweep runs its members with. */
  readonly self: readonly string[];
  /** Environment that `self` is started with. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Loads a config as the command line does. @throws TrainError config, usage */
  readonly resolve: (
    stage: string,
    configs: readonly string[],
    overrides: readonly string[],
  ) => Promise<{ readonly config: unknown; readonly hash: string }>;
}

export interface StageResult {
  /** Printed by `--json` as one object on stdout. */
  readonly summary: Readonly<Record<string, unknown>>;
  /** 0, or 5 / 75 and the like when the stage ended early on purpose. */
  readonly exitCode: number;
  /** What to type next, one command a line. */
  readonly next: readonly string[];
}

export interface Stage<C> {
  readonly name: string;
  readonly describe: string;
  readonly schema: z.ZodType<C>;
  /** For `--dry-run`: checks the environment and returns the plan, a line each; writes nothing. */
  plan(config: C, ctx: StageContext): Promise<readonly string[]>;
  run(config: C, ctx: StageContext): Promise<StageResult>;
}
