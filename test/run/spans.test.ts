import { appendFileSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Clock } from "../../src/core/ports.js";
import { makeSpans, readTrace } from "../../src/run/spans.js";
import { scratch } from "./help.js";

const clockAt = (times: { now: number }): Clock => ({ now: () => times.now, sleep: async () => {} });
const fail = (text: string) => {
  throw new Error(text);
};

describe("the trace", () => {
  it("has a complete event for every span, with names for its tracks", () => {
    const dir = scratch();
    const t = { now: 1000 };
    const spans = makeSpans({ runDir: dir, attempt: 1, clock: clockAt(t), warn: fail });
    const end = spans.span("sample", "loop", { step: 3 });
    t.now = 1002.5;
    end({ rollouts: 8 });
    spans.instant("saved", "loop");
    spans.counter("queue", { waiting: 4 });
    spans.close();
    expect(readTrace(join(dir, "trace.json"))).toEqual([
      { ph: "M", pid: 1, tid: 0, name: "process_name", args: { name: "attempt 1" } },
      { ph: "M", pid: 1, tid: 1, name: "thread_name", args: { name: "loop" } },
      { ph: "X", pid: 1, tid: 1, name: "sample", ts: 0, dur: 2500, args: { step: 3, rollouts: 8 } },
      { ph: "i", s: "t", pid: 1, tid: 1, name: "saved", ts: 2500, args: {} },
      { ph: "C", pid: 1, tid: 0, name: "queue", ts: 2500, args: { waiting: 4 } },
    ]);
  });

  it("goes on in the next attempt, even after a torn line", () => {
    const dir = scratch();
    const path = join(dir, "trace.json");
    const clock = clockAt({ now: 0 });
    const first = makeSpans({ runDir: dir, attempt: 1, clock, warn: fail });
    first.instant("one", "loop");
    first.flush();
    appendFileSync(path, '{"ph":"X","na');
    expect(readTrace(path)).toHaveLength(3); // readable while torn
    const second = makeSpans({ runDir: dir, attempt: 2, clock, warn: fail });
    second.instant("two", "loop");
    second.close();
    expect(readTrace(path).flatMap((e) => (e.ph === "i" ? [[e.pid, e.name]] : []))).toEqual([
      [1, "one"],
      [2, "two"],
    ]);
    expect(readFileSync(path, "utf8").startsWith("[\n{")).toBe(true);
  });

  it("stays within its bound and keeps the newest", () => {
    const dir = scratch();
    const spans = makeSpans({
      runDir: dir,
      attempt: 1,
      clock: clockAt({ now: 0 }),
      warn: fail,
      maxBytes: 4000,
    });
    for (let i = 0; i < 500; i++) {
      spans.instant(`event ${i}`, "loop");
      spans.flush();
    }
    spans.close();
    expect(readdirSync(dir)).toEqual(["trace.1.json", "trace.json"]);
    for (const name of readdirSync(dir)) expect(statSync(join(dir, name)).size).toBeLessThanOrEqual(4000);
    expect(readTrace(join(dir, "trace.json")).at(-1)).toMatchObject({ name: "event 499" });
  });

  it("warns once and stops when it cannot be written", () => {
    const warnings: string[] = [];
    const spans = makeSpans({
      runDir: join(scratch(), "absent"),
      attempt: 1,
      clock: clockAt({ now: 0 }),
      warn: (text) => warnings.push(text),
    });
    for (let i = 0; i < 3; i++) {
      spans.instant("x", "loop");
      spans.flush();
    }
    spans.close();
    expect(warnings).toHaveLength(1);
  });
});
