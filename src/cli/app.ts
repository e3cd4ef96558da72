/**
 * Words in, exit code out. What a command needs is imported when it is called, so that `--help` loads neither schemas
 * nor engines.
 */

import yargs, { type Argv } from "yargs";
import { EXIT_CODES } from "../core/errors.js";
import type { Command } from "./commands/command.js";
import { COMMANDS } from "./commands/index.js";
import { COMPLETE, completeWord } from "./complete.js";
import { killDescendants } from "./descendants.js";
import { asTrainError, errorJson, errorText } from "./print-error.js";
import { flushed, makeShell, type Parts, type Shell, versionOf } from "./shell.js";
import { usageError } from "./usage.js";

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
  const program = parserOf(shell);
  for (const command of COMMANDS) {
    program.command(
      command.name,
      command.describe as string,
      (y) => withOptions(y, command, stages),
      async (args) => {
        code = await command.run(shell, parts, args);
      },
    );
  }
  await program.parseAsync();
  return code;
}

function withOptions(y: Argv, command: Command, stages: readonly string[]): Argv {
  for (const [name, option] of Object.entries(command.options(stages))) y.option(name, option);
  for (const [name, positional] of Object.entries(command.positionals ?? {})) y.positional(name, positional);
  return command.usage === undefined ? y : y.usage(command.usage);
}

/** The parser, before it knows a command. */
function parserOf(shell: Shell): Argv {
  return yargs([...shell.words])
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
    .strictOptions()
    .version(versionOf(shell.root))
    .alias("help", "h")
    .wrap(Math.min(100, shell.stdout.columns()))
    .epilogue(epilogue(shell.program))
    .fail((message, error) => {
      // yargs' parser throws its own kind of error for what its validator reports as a message.
      throw error === undefined || error === null || error.name === "YError"
        ? usageError(message, optionNames())
        : error;
    });
}

/** Every option of every command. */
const optionNames = (): readonly string[] => [
  ...new Set([...COMMANDS.flatMap((c) => Object.keys(c.options([]))), "help", "version"]),
];

const epilogue = (program: string): string =>
  [
    "Examples:",
    `  ${program} --stage rl --config adaptive-dapo.yaml`,
    `  ${program} --stage rl --config adaptive-dapo.yaml rl.steps=20 --name short`,
    `  ${program} --stage rl --config adaptive-dapo.yaml --name short --resume`,
    `  ${program} config print --stage rl --config dapo.yaml --provenance`,
    "",
    `Exit codes: 0 done, ${EXIT_CODES.config} usage or config, ${EXIT_CODES.data} data or checkpoint, ` +
      `${EXIT_CODES.tool} missing tool, ${EXIT_CODES.stopped} stopped with a checkpoint (docs/cli.md).`,
  ].join("\n");
