/** `train --stage STAGE --config FILE [key=value ...]`: runs a stage. */

import { configOptions, EXAMPLE_CONFIG, list, OVERRIDES } from "../config-words.js";
import { checkOverrides, checkStage, single } from "../usage.js";
import { type Command, flag, text } from "./command.js";

export const train: Command = {
  name: "$0 [override..]",
  describe: false,
  positionals: { override: OVERRIDES },
  options: (stages) => ({
    ...configOptions(stages),
    name: text("Name of the run (the same as run.name=NAME)"),
    resume: flag("Go on with a run: the one named, or the newest unfinished one"),
    "rollouts-only": flag("rl: sample and score, keep the rollouts in the run, update nothing"),
    "train-only": text("rl: update on the rollouts that this run kept, sample nothing"),
    "dry-run": flag("Check everything, show the plan, start nothing"),
    json: flag("Print the result as one JSON object on stdout"),
    quiet: flag("No progress, only warnings and the result"),
  }),
  async run(shell, parts, args) {
    const stages = Object.keys(parts.stages);
    const overrides = checkOverrides(list(args.override));
    const stage = checkStage(
      single("stage", args.stage),
      stages,
      `train --stage ${stages[0]} --config ${EXAMPLE_CONFIG}`,
    );
    const from = single("train-only", args["train-only"]);
    const half = [
      ...(args["rollouts-only"] === true ? ["rl.only=rollouts"] : []),
      ...(from === undefined ? [] : ["rl.only=training", `rl.rollouts=${JSON.stringify(from)}`]),
    ];
    const { runStage } = await import("../run-stage.js");
    return await runStage(shell, parts, {
      stage,
      configs: list(args.config),
      overrides: [...overrides, ...half],
      name: single("name", args.name),
      resume: args.resume === true,
      dryRun: args["dry-run"] === true,
      json: args.json === true,
      quiet: args.quiet === true,
    });
  },
};
