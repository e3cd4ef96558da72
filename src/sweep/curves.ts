/** What the members of a sweep measured, read from their run directories. */

import { closeSync, fstatSync, openSync, readdirSync, readSync } from "node:fs";
import { join } from "node:path";
import { readRun, type StepMetrics } from "../report/read.js";
import { readRecord } from "../run/record.js";
import type { Member } from "./grid.js";

export type MemberState = "waiting" | "running" | "done" | "stopped" | "failed";

/** One evaluation: a point of the learning curve. */
export interface CurvePoint {
  readonly step: number;
  /** Completion tokens sampled for training until then. */
  readonly tokens: number;
  readonly seconds: number;
  readonly pass1: number;
  /** Share passed of each problem of the set, by problem id; empty when the counts were not kept. */
  readonly byProblem: ReadonlyMap<string, number>;
}

export interface MemberCurve {
  readonly member: Member;
  readonly state: MemberState;
  readonly reason: string | null;
  readonly steps: readonly StepMetrics[];
  readonly points: readonly CurvePoint[];
}

/** @param set evaluation set of the curve; other sets of the member are not looked at */
export function readMember(member: Member, dir: string, set: string): MemberCurve {
  const record = readRecord(dir);
  if (record === null) return { member, state: "waiting", reason: null, steps: [], points: [] };
  const run = readRun(dir);
  const counts = new Map(
    run.counts
      .filter((c) => c.set === set)
      .map((c) => [c.step, new Map(c.problems.filter((p) => p.n > 0).map((p) => [p.id, p.passed / p.n]))]),
  );
  const points: CurvePoint[] = [];
  let tokens = 0;
  let seconds = 0;
  for (const { step, values } of run.steps) {
    tokens = values.get("train/tokens_total") ?? tokens;
    seconds += values.get("timing/step_s") ?? 0;
    const pass1 = values.get(`eval/${set}/pass@1`);
    if (pass1 === undefined) continue;
    points.push({ step, tokens, seconds, pass1, byProblem: counts.get(step) ?? new Map() });
  }
  return { member, state: record.state, reason: record.reason, steps: run.steps, points };
}

/** The step of the last whole record of a metrics file; null without one. */
export function lastRecordedStep(path: string): number | null {
  const TAIL = 32_768;
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch {
    return null;
  }
  try {
    const size = fstatSync(fd).size;
    const tail = Buffer.alloc(Math.min(size, TAIL));
    readSync(fd, tail, 0, tail.length, size - tail.length);
    const steps = [...tail.toString("utf8").matchAll(/^\{"step":(\d+)/gm)];
    return steps.length === 0 ? null : Number(steps.at(-1)![1]);
  } finally {
    closeSync(fd);
  }
}

/** Arms in order, each with its members. */
export function byArm<T extends { readonly member: Member }>(curves: readonly T[]): Map<string, T[]> {
  const arms = new Map<string, T[]>();
  for (const c of curves) {
    const list = arms.get(c.member.arm) ?? [];
    list.push(c);
    arms.set(c.member.arm, list);
  }
  return arms;
}

/** Folders below `dir` that no member owns: left by an earlier form of the sweep. */
export function strangers(dir: string, members: readonly Member[]): string[] {
  const names = new Set(members.map((m) => m.name));
  try {
    return readdirSync(dir).filter(
      (n) => !n.startsWith(".") && !names.has(n) && readRecord(join(dir, n)) !== null,
    );
  } catch {
    return [];
  }
}
