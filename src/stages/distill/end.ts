/** How a distillation ends: with the policy written in Hugging Face layout and a summary, or stopped on request. */

import { mkdir, rename, rm } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import { compactDuration } from "../../core/format.js";
import type { Course } from "../course.js";
import { pointsSummary } from "../evaluation.js";
import { writeModelCard } from "../model-card.js";
import { rlCommand } from "../next-command.js";
import type { TrainablePolicy } from "../policy.js";
import type { DistillConfig } from "../schema.js";
import { type Session, shownPath } from "../session.js";
import type { StageContext, StageResult } from "../stage.js";
import type { SftTrainer } from "./trainer.js";

/** @param seconds of work, earlier attempts included */
export async function finish(
  config: DistillConfig,
  ctx: StageContext,
  session: Session,
  policy: TrainablePolicy,
  trainer: SftTrainer,
  course: Course,
  seconds: number,
): Promise<StageResult & { state: "done" }> {
  const { step, tokens, trained } = trainer.progress;
  const out = await writeOut(config, ctx, session, policy);
  const { reporter } = session;
  reporter.line("");
  reporter.line(
    `${session.dir.name}: ${step} steps, ${(tokens / 1e6).toFixed(2)}M tokens, ${compactDuration(seconds)}`,
  );
  reporter.line(`  policy    ${out}`);
  reporter.line(`  next      ${rlCommand(out, config)}`);
  return {
    summary: {
      run: session.shown,
      steps: step,
      tokens,
      trained,
      seconds: Math.round(seconds * 1000) / 1000,
      policy: out,
      ...(course.after !== null && { eval: pointsSummary(course.after) }),
    },
    exitCode: 0,
    next: [],
    state: "done",
  };
}

export function stopped(session: Session, ctx: StageContext, step: number) {
  session.reporter.line(`stopped at step ${step}, with a checkpoint`);
  return {
    summary: { run: session.shown, steps: step, state: "stopped" },
    exitCode: 75,
    next: [
      `scripts/train --stage distill --config ${ctx.configName}.yaml --name ${session.dir.name} --resume`,
    ],
    state: "stopped" as const,
    reason: "stopped on request, with a checkpoint",
  };
}

/** Writes the policy in HF layout: into the run, and to `distill.out` by a rename, so that it is whole or not there. */
async function writeOut(
  config: DistillConfig,
  ctx: StageContext,
  session: Session,
  policy: TrainablePolicy,
): Promise<string> {
  const to = config.distill.out === null ? session.dir.file("export") : resolve(ctx.cwd, config.distill.out);
  const temporary = `${to}.tmp-${process.pid}`;
  await rm(temporary, { recursive: true, force: true });
  await mkdir(dirname(to), { recursive: true });
  await mkdir(temporary);
  await policy.learner.exportTo(temporary, { dtype: config.distill.dtype === "bfloat16" ? "BF16" : "F32" });
  await writeModelCard(temporary, basename(to), config.data);
  await rm(to, { recursive: true, force: true });
  await rename(temporary, to);
  return shownPath(to, ctx.cwd);
}
