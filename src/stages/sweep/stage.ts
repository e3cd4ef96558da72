/** `train --stage sweep`: the same stage under many settings and seeds, in parallel, compared at the end. */

import { availableParallelism } from "node:os";
import { z } from "zod";
import { TrainError } from "../../core/errors.js";
import { compactDuration } from "../../core/format.js";
import { gpus } from "../../engine/accelerator/machine.js";
import { evalSchema } from "../../eval/schema.js";
import { setName } from "../../eval/suites/index.js";
import { lastRecordedStep, readMember } from "../../sweep/curves.js";
import { type Member, membersOf } from "../../sweep/grid.js";
import { leaderboardLines } from "../../sweep/leaderboard.js";
import { type SweepConfig, sweepStageSchema } from "../schema.js";
import { inSession, type Session } from "../session.js";
import type { Stage, StageContext, StageResult } from "../stage.js";
import { versions } from "../versions.js";
import { type MemberEnd, runMember } from "./member.js";
import { sweepResults, writeSweepReport } from "./report.js";

export const sweepStage: Stage<SweepConfig> = {
  name: "sweep",
  describe: "run a stage under many settings and seeds, and compare them",
  schema: sweepStageSchema,
  plan,
  run,
};

/** Seconds between looks at what the running members have recorded. */
const POLL_MS = 3000;

async function run(config: SweepConfig, ctx: StageContext): Promise<StageResult> {
  const members = await checkedMembers(config, ctx);
  return inSession(
    {
      stage: "sweep",
      run: config.run,
      track: config.track,
      ctx,
      engine: `${config.sweep.stage} members in processes of their own`,
      sandbox: "that of the members",
      versions: versions(),
      needBytes: 50e6,
      afterwards: writeSweepReport,
    },
    (session) => work(config, ctx, session, members),
  );
}

async function work(
  config: SweepConfig,
  ctx: StageContext,
  session: Session,
  members: readonly Member[],
): Promise<StageResult & { state: "done" | "stopped"; reason?: string }> {
  const { sweep } = config;
  const { reporter } = session;
  const parallel = lanesOf(config, ctx.cores);
  reporter.line(
    `${session.dir.name}: ${members.length} members (${new Set(members.map((m) => m.arm)).size} arms), ${parallel} at a time`,
  );
  reporter.line(`run directory ${session.shown}; a log of each member in ${session.shown}/logs/members`);
  const ends = new Map<Member, MemberEnd>();
  const running = new Set<Member>();
  const durations: number[] = [];
  const describe = (): string => {
    const left = members.length - ends.size;
    const eta =
      durations.length === 0 ? "" : `, about ${compactDuration((average(durations) * left) / parallel)} left`;
    const now = [...running].map((m) => `${m.name} ${progressOf(m, session)}`).join(", ");
    return `${ends.size} of ${members.length} members done${eta}; running ${now || "none"}`;
  };
  session.waitFor(describe);
  const ticking = setInterval(() => reporter.status(describe()), POLL_MS);
  const queue = [...members];
  const devices = laneDevices(ctx.env.CUDA_VISIBLE_DEVICES, (await gpus()).length);
  const lane = async (_: unknown, number: number): Promise<void> => {
    for (let member = queue.shift(); member !== undefined && !ctx.stop.aborted; member = queue.shift()) {
      running.add(member);
      const began = ctx.clock.now();
      const end = await runMember(
        member,
        {
          self: ctx.self,
          env: { ...ctx.env, ...devices(number) },
          stage: sweep.stage,
          config: sweep.config,
          cwd: ctx.cwd,
          membersDir: session.dir.file("members"),
          logsDir: session.dir.file("logs", "members"),
          cores: sweep.cores,
          retries: sweep.retries,
          clock: ctx.clock,
        },
        ctx.stop,
      );
      running.delete(member);
      if (end.kind === "stopped") return;
      ends.set(member, end);
      const seconds = (ctx.clock.now() - began) / 1000;
      if (end.kind === "done" && !end.skipped) durations.push(seconds);
      reporter.line(endLine(member, end, ends.size, members.length, seconds, session, sweep.eval_set));
      session.dir.update({ step: ends.size });
    }
  };
  try {
    await Promise.all(Array.from({ length: parallel }, lane));
  } finally {
    clearInterval(ticking);
  }
  return finish(config, ctx, session, members, ends);
}

function finish(
  config: SweepConfig,
  ctx: StageContext,
  session: Session,
  members: readonly Member[],
  ends: ReadonlyMap<Member, MemberEnd>,
): StageResult & { state: "done" | "stopped"; reason?: string } {
  const results = sweepResults(session.dir.path, config.sweep);
  session.reporter.line("");
  for (const line of leaderboardLines(results.rows, results.target)) session.reporter.line(line);
  const failed = [...ends].filter(([, end]) => end.kind === "failed").map(([m]) => m.name);
  const stopped = ctx.stop.aborted;
  const again = `scripts/train --stage sweep --config ${ctx.configName}.yaml --name ${session.dir.name} --resume`;
  const summary = {
    run: session.shown,
    state: stopped ? "stopped" : failed.length > 0 ? "failed" : "done",
    members: members.length,
    done: [...ends.values()].filter((e) => e.kind === "done").length,
    failed,
    baseline: results.baseline,
    target: Number.isFinite(results.target) ? results.target : null,
    arms: results.rows.map((r) => ({
      arm: r.arm,
      seeds: r.done,
      pass1: r.pass1?.mean ?? null,
      lo: r.pass1?.lo ?? null,
      hi: r.pass1?.hi ?? null,
      tokens: Number.isFinite(r.tokens) ? r.tokens : null,
      tokensToTarget: r.target?.tokens ?? null,
      ratio: r.target?.ratio ?? null,
    })),
  };
  return {
    summary,
    exitCode: stopped ? 75 : failed.length > 0 ? 8 : 0,
    next: stopped || failed.length > 0 ? [again] : [`open ${session.shown}/report.html`],
    // Members that failed are tried again by --resume, so the sweep is not over.
    state: stopped || failed.length > 0 ? "stopped" : "done",
    ...(failed.length > 0
      ? { reason: `${failed.length} members failed: ${failed.slice(0, 4).join(", ")}` }
      : {}),
  };
}

/**
 * The GPU of each lane, in turn, as environment of its members; nothing where there are fewer than two to share out.
 * @param visible CUDA_VISIBLE_DEVICES of the sweep: it uses no others
 */
export function laneDevices(
  visible: string | undefined,
  count: number,
): (lane: number) => Readonly<Record<string, string>> {
  const named = visible?.split(",").filter((d) => d.trim() !== "");
  const devices = named ?? Array.from({ length: count }, (_, i) => String(i));
  return (lane) => (devices.length < 2 ? {} : { CUDA_VISIBLE_DEVICES: devices[lane % devices.length]! });
}

const average = (xs: readonly number[]): number => xs.reduce((a, b) => a + b, 0) / xs.length;

const lanesOf = (config: SweepConfig, cores: number): number =>
  config.sweep.parallel ??
  Math.max(1, Math.floor(Math.min(cores, availableParallelism()) / config.sweep.cores));

/** Only the end of the file is read: this is asked every few seconds, for every member at work. */
function progressOf(member: Member, session: Session): string {
  const step = lastRecordedStep(session.dir.file("members", member.name, "metrics.jsonl"));
  return step === null ? "starting" : `step ${step}`;
}

function endLine(
  member: Member,
  end: MemberEnd,
  at: number,
  of: number,
  seconds: number,
  session: Session,
  set: string,
): string {
  const where = `[${String(at).padStart(String(of).length)}/${of}] ${member.name}`;
  if (end.kind === "failed")
    return `${where}: failed with exit code ${end.exit ?? "none (killed)"}; see ${end.log}`;
  const { points } = readMember(member, session.dir.file("members", member.name), set);
  const score = points.length === 0 ? "" : `, pass@1 ${points.at(-1)!.pass1.toFixed(3)}`;
  const how = end.kind === "done" && end.skipped ? "was done already" : `done in ${compactDuration(seconds)}`;
  return `${where}: ${how}${score}`;
}

/** Every stage that a sweep runs evaluates. */
const evaluating = z.looseObject({ eval: evalSchema });

/** @throws TrainError config when the members do not measure what the sweep compares */
function requireSet(set: string, measured: readonly string[]): void {
  if (measured.includes(set)) return;
  throw new TrainError("config", `sweep.eval_set is ${set}, and eval.sets has only ${measured.join(", ")}`, {
    hint: `write sweep.eval_set=${measured[0]}, or add ${set} to the members' eval.sets`,
  });
}

/** Every member's config is loaded before anything starts, so that a typo in the last arm costs nothing. */
async function checkedMembers(config: SweepConfig, ctx: StageContext): Promise<readonly Member[]> {
  const members = membersOf(config.sweep);
  const arms = new Set<string>();
  for (const m of members) {
    if (arms.has(m.arm)) continue;
    arms.add(m.arm);
    try {
      const member = await ctx.resolve(config.sweep.stage, [config.sweep.config], m.overrides);
      requireSet(config.sweep.eval_set, evaluating.parse(member.config).eval.sets.map(setName));
    } catch (thrown) {
      if (!(thrown instanceof TrainError)) throw thrown;
      throw new TrainError(thrown.code, `arm ${m.arm} of the sweep: ${thrown.message}`, {
        details: thrown.details,
        ...(thrown.hint === undefined ? {} : { hint: thrown.hint }),
      });
    }
  }
  const { baseline } = config.sweep;
  if (baseline !== null && !arms.has(baseline)) {
    throw new TrainError("config", `sweep.baseline: there is no arm ${baseline}`, {
      hint: `name one of: ${[...arms].join(", ")}`,
    });
  }
  return members;
}

async function plan(config: SweepConfig, ctx: StageContext): Promise<readonly string[]> {
  const members = await checkedMembers(config, ctx);
  return [
    `members    ${members.length}, ${lanesOf(config, ctx.cores)} at a time, ${config.sweep.cores} core(s) each`,
    ...members.slice(0, 40).map((m) => `  ${m.name.padEnd(28)} ${m.overrides.join(" ")}`),
    ...(members.length > 40 ? [`  … and ${members.length - 40} more`] : []),
  ];
}
