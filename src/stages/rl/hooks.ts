/** What people and files see of a course of reinforcement: the status line, a step's records and warnings, spans. */

import { progressBar } from "../../core/format.js";
import type { Rewarder } from "../../core/ports.js";
import type { Problem } from "../../core/types.js";
import { STEP_HEADER } from "../../report/lines.js";
import type { StepProgress } from "../../rl/loop/options.js";
import type { RlTrainer, StepOutcome } from "../../rl/loop/trainer.js";
import type { RoundFiles } from "../../run/round-files.js";
import type { Spans } from "../../run/spans.js";
import type { Course } from "../course.js";
import type { CourseHooks } from "../run-course.js";
import type { RlConfig } from "../schema.js";
import type { Session } from "../session.js";
import { lineOf, phaseSpans, recordStep, vitalsOf } from "./record.js";

export interface HookDeps {
  readonly config: RlConfig;
  readonly session: Session;
  readonly trainer: RlTrainer;
  readonly rewarder: Rewarder;
  readonly problems: readonly Problem[];
  readonly course: Course;
  readonly spans: Spans;
  readonly rounds: RoundFiles;
  /** Steps that the run will make. */
  readonly steps: number;
}

export function rlHooks(deps: HookDeps): CourseHooks<StepOutcome> {
  const { config, session, course, spans, rounds, steps } = deps;
  const { reporter } = session;
  const phases = phaseSpans(spans);
  const problemOf = new Map<string, Problem>(deps.problems.map((p) => [p.id, p]));
  return {
    progress: progressOf(deps, phases.enter),
    onEvaluation: (step) => spans.span("eval", "loop", { step }),
    onStep: (outcome, elapsed) => {
      course.sayHeader(() => {
        for (const line of STEP_HEADER) reporter.line(line);
      });
      phases.leave();
      recordStep(session, outcome, problemOf, course, elapsed);
      spans.flush();
      course.eta.push(outcome.seconds);
      reporter.status(null);
      reporter.line(lineOf(outcome, steps, course.eta.eta(steps - outcome.step)));
      for (const warning of warningsOf(outcome, course, config)) reporter.warn(warning);
      return !(course.health.collapsed && config.rl.on_collapse === "stop");
    },
    onSaved: (step) => {
      // With --rollouts-only the rounds are what the run is for.
      if (config.rl.only === null) rounds.covered(step);
    },
  };
}

/** Says on the status line, and when the heartbeat asks, what the step is doing. */
function progressOf(
  { trainer, rewarder, session }: HookDeps,
  enter: (phase: string, step: number) => void,
): StepProgress {
  return (phase, p, ahead, prepared) => {
    const step = trainer.progress.step + (ahead ? 2 : 1);
    // The learner's span would be cut into pieces by those of the next step's rollouts, so those get none.
    if (!ahead) enter(phase, step);
    const bar = prepared === undefined ? "" : ` ${progressBar(prepared.done, prepared.total)}`;
    // The heartbeat calls this too, long after this moment, so the oldest check is looked up in it.
    const what = () => {
      const { oldestMs } = rewarder.waiting();
      const oldest = oldestMs > 1000 ? `, oldest check ${(oldestMs / 1000).toFixed(0)} s` : "";
      return p === null
        ? `step ${step}: ${PHASE_WORDS[phase]}${bar}${oldest}`
        : `step ${step}: ${p.sampled} of ${p.total} rollouts sampled, ${p.scored} scored${oldest}`;
    };
    session.waitFor(what);
    session.reporter.status(what());
  };
}

const PHASE_WORDS = {
  prepare: "preparing the goldens",
  sample: "sampling",
  score: "waiting for verdicts",
  learn: "computing the gradient",
  publish: "handing over the weights",
} as const;

/** The step goes into the run's health, and what is wrong with either is returned. */
function warningsOf(outcome: StepOutcome, { health }: Course, config: RlConfig): string[] {
  const { quarantined, refused } = outcome.tally;
  const unchanged = outcome.report === null && config.rl.only !== "rollouts";
  return [
    ...health.observe(vitalsOf(outcome)).map(({ text }) => text),
    ...quarantined.map(
      ({ id, reason }) => `problem ${id} is in quarantine and is not chosen any more: ${reason}`,
    ),
    ...refused.map((problem) => `problem left out: ${problem}`),
    ...(unchanged
      ? [
          `step ${outcome.step}: only ${outcome.trained.length} useful groups, so the weights stay as they are and ` +
            "the choice of problems widens; try more rollouts (rl.group_size) or other problems",
        ]
      : []),
  ];
}
