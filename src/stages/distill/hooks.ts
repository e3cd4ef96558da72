/** What people and files see of a distillation: the status line, and a step's record and line. */

import { compactDuration } from "../../core/format.js";
import { policyVersion } from "../../core/units.js";
import type { Course } from "../course.js";
import type { TrainablePolicy } from "../policy.js";
import type { CourseHooks } from "../run-course.js";
import type { DistillConfig } from "../schema.js";
import type { Session } from "../session.js";
import type { SftOutcome, SftTrainer } from "./trainer.js";

/** Steps between two lines that stay on the terminal. */
const LINE_EVERY = 20;

export function distillHooks(
  config: DistillConfig,
  session: Session,
  policy: TrainablePolicy,
  trainer: SftTrainer,
  course: Course,
): CourseHooks<SftOutcome> {
  const { reporter, tracker } = session;
  const { steps } = config.distill;
  return {
    // Nothing is sampled between evaluations, so the weights are handed over for those only.
    beforeEvaluation: (step, signal) => policy.handover.publish(policyVersion(step), signal),
    progress: () => {
      const step = trainer.progress.step + 1;
      session.waitFor(() => `step ${step}: computing the gradient`);
    },
    onStep: ({ step, lr, report, seen, seconds }) => {
      course.spend("learn", seconds);
      course.eta.push(seconds);
      tracker.metrics(step, {
        "policy/loss": report.loss,
        "policy/grad_norm": report.gradNorm,
        "policy/lr": lr,
        "policy/loss_tokens": report.lossTokens,
        "train/tokens": report.tokens,
        "train/tokens_total": seen,
        "timing/step_s": seconds,
        "perf/tokens_per_s": report.tokens / seconds,
      });
      const left = course.eta.eta(steps - step);
      const line =
        `step ${step}/${steps}  loss ${report.loss.toFixed(3)}  lr ${lr.toExponential(1)}  ` +
        `${Math.round(report.tokens / seconds)} tok/s  left ${left === null ? "-" : compactDuration(left)}`;
      if (step === 1 || step % LINE_EVERY === 0 || step === steps) reporter.line(line);
      else reporter.status(line);
      return true;
    },
  };
}
