/**
 * Words in, exit code out. Commands are imported when they are called, so that `--help` loads neither schemas nor
 * engines.
 */

import yargs, { type Argv } from "yargs";
import { EXIT_CODES } from "../core/errors.js";
import { COMPLETE, completeWord, completionScript } from "./complete.js";
import { killDescendants } from "./descendants.js";
import { testbenchOptions, testbenchWords, verifyOptions, verifyWords } from "./design-options.js";
import { asTrainError, errorJson, errorText } from "./print-error.js";
import { flushed, makeShell, type Parts, type Shell, versionOf } from "./shell.js";
import { checkOverrides, checkStage, checkVerb, single, usageError } from "./usage.js";

/** Runs the command and ends the process with its exit code, everything printed. */
export async function runCli(words: readonly string[], parts: Parts): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) stream.on("error", ignoreBrokenPipe);
  const shell = makeShell(words);
  const failed = (thrown: unknown): number => {
    if (words.includes("--json")) shell.stdout.write(errorJson(thrown, shell.program));
    shell.stderr.write(errorText(thrown, { colour: shell.stderr.colour, program: shell.program }));
    return asTrainError(thrown).exitCode;
  };
  // Outside any await: a bug that would otherwise leave simulators and workers behind.
  for (const event of ["uncaughtException", "unhandledRejection"] as const) {
    process.on(event, (thrown: unknown) => {
      const code = failed(thrown);
      killDescendants(process.pid);
      process.exit(code);
    });
  }
  const code = await dispatch(shell, parts).catch(failed);
  await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
  process.exit(code);
}

/** A reader that went away (`| head`) ends the output, not the training. */
function ignoreBrokenPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE" && error.code !== "EIO" && error.code !== "ERR_STREAM_DESTROYED") throw error;
}

async function dispatch(shell: Shell, parts: Parts): Promise<number> {
  if (shell.words[0] === COMPLETE) {
    const words = await completeWord(shell, parts, shell.words.slice(1));
    shell.stdout.write(words.map((word) => `${word}\n`).join(""));
    return 0;
  }
  let code = 0;
  const stages = Object.keys(parts.stages);
  const example = `train --stage ${stages[0]} --config adaptive-dapo.yaml`;
  const configOptions = (y: Argv): Argv =>
    y
      .option("stage", { type: "string", requiresArg: true, describe: `What to run: ${stages.join(", ")}` })
      .option("config", {
        type: "string",
        array: true,
        nargs: 1,
        requiresArg: true,
        describe: "Config file, here or in configs/; give several to lay one over the other",
      })
      .positional("override", { type: "string", array: true, describe: "key=value, +key=value or ~key" });

  const program = yargs([...shell.words])
    .scriptName(shell.program)
    .exitProcess(false)
    .parserConfiguration({
      "boolean-negation": false,
      "camel-case-expansion": false,
      "dot-notation": false,
      "parse-numbers": false,
      "parse-positional-numbers": false,
    })
    .usage("$0 --stage STAGE --config FILE [key=value ...]\n\nTrain a language model to write Verilog.")
    .command(
      "$0 [override..]",
      false,
      (y) =>
        configOptions(y)
          .option("name", {
            type: "string",
            requiresArg: true,
            describe: "Name of the run (the same as run.name=NAME)",
          })
          .option("resume", {
            type: "boolean",
            describe: "Go on with a run: the one named, or the newest unfinished one",
          })
          .option("rollouts-only", {
            type: "boolean",
            describe: "rl: sample and score, keep the rollouts in the run, update nothing",
          })
          .option("train-only", {
            type: "string",
            requiresArg: true,
            describe: "rl: update on the rollouts that this run kept, sample nothing",
          })
          .option("dry-run", { type: "boolean", describe: "Check everything, show the plan, start nothing" })
          .option("json", { type: "boolean", describe: "Print the result as one JSON object on stdout" })
          .option("quiet", { type: "boolean", describe: "No progress, only warnings and the result" }),
      async (args) => {
        const overrides = checkOverrides(list(args.override));
        const stage = checkStage(single("stage", args.stage), stages, example);
        const from = single("train-only", args["train-only"]);
        const half = [
          ...(args["rollouts-only"] === true ? ["rl.only=rollouts"] : []),
          ...(from === undefined ? [] : ["rl.only=training", `rl.rollouts=${JSON.stringify(from)}`]),
        ];
        const { runStage } = await import("./train-command.js");
        code = await runStage(shell, parts, {
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
    )
    .command(
      "config <verb> [override..]",
      "Show configs: print, schema or reference",
      (y) =>
        configOptions(y)
          .positional("verb", {
            type: "string",
            describe: "print: resolved; schema: JSON Schema; reference: every key",
          })
          .option("provenance", { type: "boolean", describe: "print: where each value came from" })
          .option("write", { type: "boolean", describe: "reference: write configs/reference.yaml" })
          .option("json", { type: "boolean", describe: "print: as JSON" }),
      async (args) => {
        const verb = checkVerb(args.verb as string);
        const overrides = checkOverrides(list(args.override));
        const given = single("stage", args.stage);
        const stage =
          verb === "reference" && given === undefined
            ? undefined
            : checkStage(given, stages, `train config ${verb} --stage rl`);
        const { configCommand } = await import("./config-command.js");
        await configCommand(shell, parts, {
          verb,
          stage,
          configs: list(args.config),
          overrides,
          provenance: args.provenance === true,
          write: args.write === true,
          json: args.json === true,
        });
      },
    )
    .command(
      "doctor",
      "Check what training needs on this machine",
      (y) => y.option("json", { type: "boolean", describe: "Print the findings as one JSON object" }),
      async (args) => {
        const { doctorCommand } = await import("./doctor-command.js");
        code = await doctorCommand(shell, { json: args.json === true });
      },
    )
    .command(
      "ls",
      "List the runs",
      (y) =>
        y
          .option("dir", { type: "string", requiresArg: true, describe: "Folder of runs [checkpoints/runs]" })
          .option("json", { type: "boolean", describe: "Print the runs as one JSON object" }),
      async (args) => {
        const { listCommand } = await import("./runs-command.js");
        await listCommand(shell, { dir: single("dir", args.dir), json: args.json === true });
      },
    )
    .command(
      "report <run>",
      "Write a run's report.html again",
      (y) =>
        y
          .positional("run", { type: "string", describe: "Name of the run, or its folder" })
          .option("dir", { type: "string", requiresArg: true, describe: "Folder of runs [checkpoints/runs]" })
          .option("json", { type: "boolean", describe: "Print the path as one JSON object" }),
      async (args) => {
        const { reportCommand } = await import("./runs-command.js");
        await reportCommand(shell, {
          run: String(args.run),
          dir: single("dir", args.dir),
          json: args.json === true,
        });
      },
    )
    .command(
      "replay <run>",
      "Do a step of a run again and compare it with the record",
      (y) =>
        y
          .positional("run", { type: "string", describe: "Name of the run, or its folder" })
          .option("step", { type: "string", requiresArg: true, describe: "The step" })
          .option("dir", { type: "string", requiresArg: true, describe: "Folder of runs [checkpoints/runs]" })
          .option("json", { type: "boolean", describe: "Print the comparison as one JSON object" }),
      async (args) => {
        const { replayCommand } = await import("./replay-command.js");
        code = await replayCommand(shell, parts, {
          run: String(args.run),
          step: single("step", args.step),
          dir: single("dir", args.dir),
          json: args.json === true,
        });
      },
    )
    .command(
      "verify",
      "Does a design behave as another one? The first difference, waves, a proof",
      (y) => verifyOptions(y),
      async (args) => {
        const { verifyCommand } = await import("./verify-command.js");
        code = await verifyCommand(shell, verifyWords(args));
      },
    )
    .command(
      "testbench",
      "Write a self-checking testbench for a design",
      (y) => testbenchOptions(y),
      async (args) => {
        const { testbenchCommand } = await import("./testbench-command.js");
        code = await testbenchCommand(shell, testbenchWords(args));
      },
    )
    .command(
      "completion",
      "Print a completion script for bash and zsh",
      (y) => y,
      () => shell.stdout.write(completionScript(shell.program)),
    )
    .strictOptions()
    .version(versionOf(shell.root))
    .alias("help", "h")
    .wrap(Math.min(100, shell.stdout.columns()))
    .epilogue(
      [
        "Examples:",
        `  ${shell.program} --stage rl --config adaptive-dapo.yaml`,
        `  ${shell.program} --stage rl --config adaptive-dapo.yaml rl.steps=20 --name short`,
        `  ${shell.program} --stage rl --config adaptive-dapo.yaml --name short --resume`,
        `  ${shell.program} config print --stage rl --config dapo.yaml --provenance`,
        "",
        `Exit codes: 0 done, ${EXIT_CODES.config} usage or config, ${EXIT_CODES.data} data or checkpoint, ` +
          `${EXIT_CODES.tool} missing tool, ${EXIT_CODES.stopped} stopped with a checkpoint (docs/cli.md).`,
      ].join("\n"),
    )
    .fail((message, error) => {
      // yargs' parser throws its own kind of error for what its validator reports as a message.
      throw error === undefined || error === null || error.name === "YError" ? usageError(message) : error;
    });
  await program.parseAsync();
  return code;
}

const list = (value: unknown): readonly string[] => (value === undefined ? [] : [value].flat().map(String));
