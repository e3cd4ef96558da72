/** The words that name a stage and its config, for every command that takes a config. */

import type { Options, PositionalOptions } from "yargs";
import { text } from "./commands/command.js";

/** `--stage` and `--config`; `stages` are the names to choose from. */
export const configOptions = (stages: readonly string[]): Readonly<Record<string, Options>> => ({
  stage: text(`What to run: ${stages.join(", ")}`),
  config: {
    ...text("Config file, here or in configs/; give several to lay one over the other"),
    array: true,
    nargs: 1,
  },
});

export const OVERRIDES: PositionalOptions = {
  type: "string",
  array: true,
  describe: "key=value, +key=value or ~key",
};

/** A command line to copy, for who gave no stage. */
export const EXAMPLE_CONFIG = "adaptive-dapo.yaml";

/** The values of an option or argument that may be given more than once. */
export const list = (value: unknown): readonly string[] =>
  value === undefined ? [] : [value].flat().map(String);
