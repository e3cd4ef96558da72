/** `train --stage …`: config, context, signals, the stage, its result. */

import { basename, join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { shippedConfigs } from "../config/files.js";
import { type LoadedConfig, loadConfig, withRunName } from "../config/load.js";
import { EXIT_CODES, TrainError } from "../core/errors.js";
import type { Clock } from "../core/ports.js";
import { runsOf } from "../run/directory.js";
import type { StageContext, StageResult } from "../stages/stage.js";
import { sweepWords } from "../sweep/grid.js";
import { killDescendants } from "./descendants.js";
import { type CliReporter, makeReporter } from "./reporter.js";
import { resultText } from "./result.js";
import { asTyped, commandLine, type Parts, type Shell } from "./shell.js";
import { type Signals, watchSignals } from "./signals.js";

export interface TrainRequest {
  readonly stage: string;
  readonly configs: readonly string[];
  readonly overrides: readonly string[];
  readonly name: string | undefined;
  readonly resume: boolean;
  readonly dryRun: boolean;
  readonly json: boolean;
  readonly quiet: boolean;
}

type WithRun = { readonly run: { readonly name: string | null; readonly dir: string } };

export const clock: Clock = {
  now: () => performance.now(),
  sleep: async (ms, signal) => {
    await delay(ms, undefined, signal === undefined ? {} : { signal });
  },
};

/**
 * Loads the config, runs the stage, prints its result.
 *
 * @returns the exit code: 0, or that of a stop with a checkpoint
 * @throws TrainError with the exit code of its kind
 */
export async function runStage(shell: Shell, parts: Parts, request: TrainRequest): Promise<number> {
  if (request.configs.length === 0) {
    throw new TrainError("usage", "--config is missing; expected the name of a config file", {
      hint: `the configs that come with the package: ${shippedConfigs(shell.root).join(", ")}`,
    });
  }
  const words = request.stage === "sweep" ? sweepWords(request.overrides) : request.overrides;
  const found = loadConfig<WithRun>({
    stage: request.stage,
    schemas: await parts.schemas(),
    configs: request.configs,
    overrides: request.name === undefined ? words : [...words, `run.name=${JSON.stringify(request.name)}`],
    cwd: shell.cwd,
    root: shell.root,
  });
  const reporter = makeReporter(shell.stderr, { quiet: request.quiet });
  const loaded = namedForResume(found, request, shell, reporter);
  const signals = watchSignals({
    source: process,
    now: clock.now,
    say: (text) => {
      shell.stderr.write("\n");
      reporter.line(text);
    },
    leave: (code) => {
      reporter.close();
      killDescendants(process.pid);
      process.exit(code);
    },
  });
  const context = contextOf(shell, parts, request, loaded, reporter, signals);
  try {
    const stage = await (parts.stages[request.stage] as Parts["stages"][string])();
    if (request.dryRun) {
      const plan = await stage.plan(loaded.config, context);
      reporter.close();
      shell.stdout.write(planText(plan, loaded, request, shell));
      return 0;
    }
    const result = await stage.run(loaded.config, context).catch((thrown: unknown) => {
      throw signals.stop.aborted && isAbort(thrown) ? stoppedEarly(thrown) : thrown;
    });
    reporter.close();
    printResult(result, request, shell);
    return exitCode(result.exitCode, signals, shell);
  } catch (thrown) {
    if (
      thrown instanceof TrainError &&
      thrown.code === "stopped" &&
      exitCode(thrown.exitCode, signals, shell) === 130
    ) {
      throw new TrainError("interrupted", thrown.message, {
        ...(thrown.hint === undefined ? {} : { hint: thrown.hint }),
        details: thrown.details,
      });
    }
    throw thrown;
  } finally {
    reporter.close();
    signals.close();
  }
}

/** 75 tells a scheduler to run the job again; somebody at the keyboard gets the usual 130 instead. */
function exitCode(code: number, signals: Signals, shell: Shell): number {
  const byHand = signals.stoppedBy() === "SIGINT" && shell.interactive;
  return code === EXIT_CODES.stopped && byHand ? EXIT_CODES.interrupted : code;
}

const isAbort = (thrown: unknown): boolean => thrown instanceof Error && thrown.name === "AbortError";
const stoppedEarly = (cause: unknown): TrainError =>
  new TrainError("stopped", "stopped before the first checkpoint; there is nothing to resume", { cause });

/**
 * A resume without a name takes the newest unfinished run of the very same config. Where there is none, the run
 * directory decides (and says why not). New runs get their default name there too.
 */
function namedForResume(
  loaded: LoadedConfig<WithRun>,
  request: TrainRequest,
  shell: Shell,
  reporter: CliReporter,
): LoadedConfig<WithRun> {
  const { name, dir } = loaded.config.run;
  if (!request.resume || name !== null) return loaded;
  const newest = runsOf(resolve(shell.cwd, dir))
    .filter((r) => r.stage === request.stage && r.state !== "done" && r.configHash === loaded.hash)
    .sort((a, b) => (a.created < b.created ? 1 : -1))[0];
  if (newest === undefined) return loaded;
  reporter.line(`resuming ${newest.name}, the newest unfinished run of this config (step ${newest.step})`);
  return withRunName(loaded, newest.name);
}

/** Loads a config of any stage as the command line does. */
export const configResolver =
  (shell: Shell, parts: Parts): StageContext["resolve"] =>
  async (stage, configs, overrides) =>
    loadConfig({
      stage,
      schemas: await parts.schemas(),
      configs,
      overrides,
      cwd: shell.cwd,
      root: shell.root,
    });

const contextOf = (
  shell: Shell,
  parts: Parts,
  request: TrainRequest,
  loaded: LoadedConfig,
  reporter: CliReporter,
  signals: Signals,
): StageContext => ({
  root: shell.root,
  cwd: shell.cwd,
  reporter,
  clock,
  stop: signals.stop,
  saveRequested: signals.saveRequested,
  resume: request.resume,
  configName: basename(request.configs.at(-1) ?? request.stage).replace(/\.ya?ml$/, ""),
  configText: loaded.text,
  configHash: loaded.hash,
  command: commandLine(shell),
  cores: shell.cores,
  cacheDir: shell.cacheDir,
  searchPath: shell.searchPath,
  self: shell.self,
  env: shell.env,
  resolve: configResolver(shell, parts),
});

function printResult(result: StageResult, request: TrainRequest, shell: Shell): void {
  const next = result.next.map((line) => asTyped(line, shell.program));
  const hints = next.length === 0 ? "" : `\nnext:\n${next.map((line) => `  ${line}\n`).join("")}`;
  if (request.json) {
    if (!request.quiet) shell.stderr.write(hints);
    shell.stdout.write(`${JSON.stringify(result.summary)}\n`);
  } else shell.stdout.write(resultText(result.summary) + hints);
}

function planText(
  plan: readonly string[],
  loaded: LoadedConfig<WithRun>,
  request: TrainRequest,
  shell: Shell,
): string {
  const { name, dir } = loaded.config.run;
  const run = join(
    dir,
    name ?? (request.resume ? "(the newest unfinished run)" : "(named after the config and the time)"),
  );
  const rerun = asTyped(
    commandLine({ ...shell, words: shell.words.filter((w) => w !== "--dry-run") }),
    shell.program,
  );
  if (request.json) {
    const { config, files, hash } = loaded;
    return `${JSON.stringify({ stage: request.stage, run, files, hash, plan, config })}\n`;
  }
  return [
    `stage ${request.stage}, config ${loaded.files.join(", ")} (hash ${loaded.hash})`,
    ...plan,
    `${request.resume ? "would go on in" : "would write"} ${run}, with the resolved config in ${join(run, "config.resolved.yaml")}`,
    "nothing was started",
    "",
    "next:",
    `  ${rerun}`,
    "",
  ].join("\n");
}
