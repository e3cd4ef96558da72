/** What a command of `train` is. A new one is a file beside this one and a line in index.ts. */

import type { Options, PositionalOptions } from "yargs";
import type { Parts, Shell } from "../shell.js";

/** What yargs read: values of options by name, `undefined` where one is not given. */
export type Args = Readonly<Record<string, unknown>>;

export interface Command {
  /** Its name with its arguments, as yargs writes them: `report <run>`; `$0 …` is what runs without a name. */
  readonly name: string;
  /** One line of `--help`; false leaves it out there. */
  readonly describe: string | false;
  /** First lines of its own `--help`, in place of the general ones. */
  readonly usage?: string;
  readonly positionals?: Readonly<Record<string, PositionalOptions>>;
  /** Its options in the order of its `--help`; `stages` are the names that `--stage` takes. */
  options(stages: readonly string[]): Readonly<Record<string, Options>>;
  /**
   * Does it. What is heavy (schemas, engines) is imported in here, so that `--help` stays fast.
   *
   * @returns the exit code
   * @throws TrainError with the exit code of its kind
   */
  run(shell: Shell, parts: Parts, args: Args): Promise<number>;
}

/** An option with a text as its value. */
export const text = (describe: string): Options => ({ type: "string", requiresArg: true, describe });

/** An option that is there or not. */
export const flag = (describe: string): Options => ({ type: "boolean", describe });
