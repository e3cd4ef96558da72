/** How a run of the stage `rl` ends: with an export, a report and a summary, or by going back to its best checkpoint. */

import { mkdir, rm } from "node:fs/promises";
import { TrainError } from "../../core/errors.js";
import { setName } from "../../eval/suites/index.js";
import { type EvalPoint, jsonSummary, type RunSummary, summaryLines } from "../../report/summary.js";
import type { RunEnd } from "../../rl/loop/run.js";
import type { RlTrainer } from "../../rl/loop/trainer.js";
import { writeModelCard } from "../model-card.js";
import { evalCommand } from "../next-command.js";
import { restoreLearner, type TrainablePolicy } from "../policy.js";
import type { RlConfig } from "../schema.js";
import type { Session } from "../session.js";
import type { StageContext, StageResult } from "../stage.js";

/** The policy has been getting worse: the best one that was saved becomes the export, and the run fails. */
export async function goBack(
  config: RlConfig,
  session: Session,
  policy: TrainablePolicy,
  trainer: RlTrainer,
): Promise<never> {
  const best = (await session.checkpoints.best()) ?? (await session.checkpoints.latest());
  if (best !== null) {
    await restoreLearner(best.dir, policy);
    await writeExport(config, session, policy);
  }
  session.tracker.sync();
  throw new TrainError(
    "diverged",
    `step ${trainer.progress.step}: the train pass rate has fallen for ten steps, so the run ends here`,
    {
      hint:
        `the policy of step ${best?.step ?? 0}, the best that was saved, is in ${session.shown}/export; start another run ` +
        "from it (model.path) with a lower learner.lr, or go on all the same with rl.on_collapse=warn",
    },
  );
}

async function writeExport(config: RlConfig, session: Session, policy: TrainablePolicy): Promise<void> {
  await rm(session.dir.file("export"), { recursive: true, force: true });
  await mkdir(session.dir.file("export"));
  await policy.learner.exportTo(session.dir.file("export"), { dtype: "F32" });
  await writeModelCard(session.dir.file("export"), session.dir.name, config.data);
}

interface Ended {
  readonly config: RlConfig;
  readonly ctx: StageContext;
  readonly session: Session;
  readonly policy: TrainablePolicy;
  readonly trainer: RlTrainer;
  readonly end: Exclude<RunEnd, "collapsed">;
  readonly points: { readonly before: EvalPoint | null; readonly after: EvalPoint | null };
  /** Seconds by phase. */
  readonly split: Readonly<Record<string, number>>;
  /** Seconds of earlier attempts. */
  readonly earlier: number;
}

/** Writes what the run leaves behind and says how it ended. */
export async function finish({
  config,
  ctx,
  session,
  policy,
  trainer,
  end,
  points,
  split,
  earlier,
}: Ended): Promise<StageResult & { state: "done" | "stopped"; reason?: string }> {
  const { step, tokens, rollouts } = trainer.progress;
  const places: [string, string][] = [];
  if (end !== "stopped") {
    session.waitFor(() => "writing the export and the report");
    await writeExport(config, session, policy);
    places.push(["policy", `${session.shown}/export`]);
  }
  session.tracker.sync();
  places.push(["report", `${session.shown}/report.html`]);
  const summary: RunSummary = {
    name: session.dir.name,
    run: session.shown,
    state: end === "stopped" ? "stopped" : "done",
    reason:
      end === "limit"
        ? "rl.max_minutes or rl.max_generated_tokens reached"
        : end === "stopped"
          ? "stopped on request, with a checkpoint"
          : null,
    steps: step,
    totalSteps: config.rl.steps,
    tokens,
    rollouts,
    seconds: earlier + session.seconds(),
    split: Object.entries(split),
    set: setName(config.eval.sets[0]!),
    before: points.before,
    after: points.after,
    places,
    next:
      end === "stopped"
        ? [`scripts/train --stage rl --config ${ctx.configName}.yaml --name ${session.dir.name} --resume`]
        : [evalCommand(`${session.shown}/export`, config), `open ${session.shown}/report.html`],
  };
  for (const line of summaryLines(summary)) session.reporter.line(line);
  return {
    summary: { ...jsonSummary(summary), state: summary.state },
    exitCode: end === "stopped" ? 75 : 0,
    next: [],
    state: summary.state === "stopped" ? "stopped" : "done",
    ...(summary.reason === null ? {} : { reason: summary.reason }),
  };
}
