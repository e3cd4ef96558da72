import { describe, expect, it } from "vitest";
import { policyVersion } from "../../../src/core/units.js";
import { stepMetrics } from "../../../src/rl/loop/metrics.js";
import { type RunHooks, type RunState, runLoop } from "../../../src/rl/loop/run.js";
import { build } from "./harness.js";

const base = { steps: 7, saveEvery: 3, evalEvery: 4, maxGeneratedTokens: null, maxSeconds: null };

function hooks(log: string[], over: Partial<RunHooks> = {}): RunHooks & { saved: RunState[] } {
  const saved: RunState[] = [];
  return {
    saved,
    seconds: () => 0,
    onStep: (o) => log.push(`step ${o.step} ${JSON.stringify(stepMetrics(o))}`) > 0,
    evaluate: async (step, kind) => {
      log.push(`eval ${step} ${kind}`);
      return 0.5;
    },
    save: async (state) => {
      saved.push(JSON.parse(JSON.stringify(state)));
      log.push(`save ${state.trainer.counters.step}`);
    },
    saveRequested: () => false,
    progress: () => {},
    ...over,
  };
}
const never = new AbortController().signal;
const short = (log: string[]): string[] => log.map((l) => l.split(" {")[0]!);

describe("the course of a run", () => {
  it("evaluates before, in between and after, and saves behind every evaluation", async () => {
    const log: string[] = [];
    expect(await runLoop(build("adaptive").trainer, base, hooks(log), null, never)).toBe("done");
    expect(short(log)).toEqual([
      "eval 0 before",
      "save 0",
      "step 1",
      "step 2",
      "step 3",
      "save 3",
      "step 4",
      "eval 4 during",
      "save 4",
      "step 5",
      "step 6",
      "save 6",
      "step 7",
      "eval 7 after",
      "save 7",
    ]);
  });

  it("ends as collapsed, without another checkpoint, when a step says so", async () => {
    const log: string[] = [];
    const h = hooks(log, { onStep: ({ step }) => step < 5 });
    expect(await runLoop(build("adaptive").trainer, base, h, null, never)).toBe("collapsed");
    expect(log.at(-1)).toBe("save 4");
  });

  it("continues from every save to the very run that would have been", async () => {
    const whole: string[] = [];
    const h = hooks(whole);
    const first = build("adaptive");
    await runLoop(first.trainer, base, h, null, never);
    for (const from of h.saved) {
      const log: string[] = [];
      const again = build("adaptive");
      again.sampler.label(policyVersion(from.trainer.counters.version));
      await runLoop(again.trainer, base, hooks(log), from, never);
      expect(log).toEqual(whole.slice(whole.lastIndexOf(`save ${from.trainer.counters.step}`) + 1));
    }
  });

  it("stops on request: saves the last whole step and leaves", async () => {
    const stop = new AbortController();
    const log: string[] = [];
    const { trainer } = build("dynamic");
    const h = hooks(log, {
      progress: (_phase, p) => {
        if (trainer.progress.step === 4 && p !== null && p.sampled > 2) stop.abort();
      },
    });
    expect(await runLoop(trainer, base, h, null, stop.signal)).toBe("stopped");
    expect(short(log).at(-1)).toBe("save 4");
  });

  it("ends at the token limit with a final evaluation", async () => {
    const log: string[] = [];
    const end = await runLoop(
      build("fixed").trainer,
      { ...base, maxGeneratedTokens: 150 },
      hooks(log),
      null,
      never,
    );
    expect(end).toBe("limit");
    expect(short(log).slice(-2)).toEqual(["eval 3 after", "save 3"]);
  });

  it("a save on request comes at the next step", async () => {
    const log: string[] = [];
    let asked = true;
    const once = () => {
      const now = asked;
      asked = false;
      return now;
    };
    await runLoop(
      build("fixed").trainer,
      { ...base, steps: 2 },
      hooks(log, { saveRequested: once }),
      null,
      never,
    );
    expect(short(log)).toContain("save 1");
  });

  it("passes other errors on", async () => {
    const h = hooks([], { evaluate: () => Promise.reject(new Error("no simulator")) });
    await expect(runLoop(build("fixed").trainer, base, h, null, never)).rejects.toThrow("no simulator");
  });
});
