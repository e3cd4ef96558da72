/**
 * A deterministic stand-in: no simulator, no files. A completion passes when its code is the golden's up to blanks
 * and comments; everything else is a mismatch. For dry runs and tests of the loop.
 */

import type { Rewarder } from "../core/ports.js";
import type { Outcome, Reached, Verdict } from "../core/types.js";
import { extractAnswer } from "../text/format.js";
import { lex, normalForm } from "../verilog/lexer.js";
import { DEFAULT_SHAPE, type ShapeOptions, shapeReward } from "./shape.js";

export function makeFakeRewarder(shape: ShapeOptions = DEFAULT_SHAPE): Rewarder {
  const verdict = (outcome: Outcome, reached: Reached, log: string): Verdict => ({
    kind: "scored",
    ...shapeReward(shape, outcome, null),
    passed: outcome === "pass",
    outcome,
    reached,
    proof: outcome === "pass" ? "simulated" : "none",
    wallMs: 0,
    cached: false,
    log,
  });
  const form = (source: string): string | null => {
    const lexed = lex(source);
    return lexed.ok ? normalForm(lexed.tokens) : null;
  };
  return {
    async prepare(problems, progress, signal) {
      signal.throwIfAborted();
      progress(problems.length, problems.length);
      return new Map();
    },
    async score({ problem, text }, signal) {
      signal.throwIfAborted();
      const answer = extractAnswer(text);
      if (!answer.ok) return verdict("format", "extract", answer.reason);
      const code = form(answer.code);
      if (code === null) return verdict("gate", "lint", "the code does not lex");
      return code === form(problem.task.golden)
        ? verdict("pass", "match", "")
        : verdict("mismatch", "simulate", "the code is not the golden's text");
    },
    waiting: () => ({ queued: 0, running: 0, oldestMs: 0 }),
    stats: async () => ({
      latency: { count: 0, p50: 0, p95: 0, max: 0 },
      byProblem: new Map(),
      audits: { made: 0, unmade: 0 },
      formal: { equal: 0, undecided: 0, unconfirmed: 0, refuted: 0 },
      quarantined: new Map(),
    }),
    async close() {},
  };
}
