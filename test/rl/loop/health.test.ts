import { describe, expect, it } from "vitest";
import { Health, type Sign, type Vitals } from "../../../src/rl/loop/health.js";

const well: Omit<Vitals, "step"> = {
  passRate: 0.5,
  rewardStd: 0.5,
  entropy: 0.4,
  clipped: 0.01,
  meanLength: 100,
  truncated: 0.02,
  gap: 1e-6,
  lag: 0,
  yield: 0.7,
  quarantined: [],
};

/** Runs `steps` steps; `at` changes the vitals of a step. Returns what was said, by step. */
function course(steps: number, at: (step: number) => Partial<Vitals>, health = new Health(), from = 1) {
  const said: (readonly [number, Sign, string])[] = [];
  for (let step = from; step < from + steps; step++)
    for (const w of health.observe({ ...well, step, ...at(step) })) said.push([step, w.sign, w.text]);
  return said;
}
const signs = (said: ReturnType<typeof course>) => new Set(said.map(([, sign]) => sign));

describe("health", () => {
  it("says nothing of a run that is well, noise included", () => {
    const wobble = (step: number) => ({
      passRate: 0.5 + 0.1 * Math.sin(step),
      meanLength: 100 + 10 * Math.cos(step * 2),
    });
    expect(course(200, wobble)).toEqual([]);
  });

  it.each<[Sign, (step: number) => Partial<Vitals>, RegExp]>([
    ["entropy", (s) => ({ entropy: 0.4 * 0.9 ** s }), /eps_high/],
    ["clipping", () => ({ clipped: 0.3 }), /learner\.lr/],
    ["length", (s) => ({ meanLength: 100 + 5 * s }), /overlong/],
    ["length", (s) => ({ meanLength: 100 * 0.97 ** s }), /shrunk/],
    ["truncation", () => ({ truncated: 0.5 }), /max_tokens/],
    ["variance", () => ({ rewardStd: 0 }), /rollouts-only/],
    ["gap", () => ({ gap: 0.2 }), /same weights/],
    ["yield", () => ({ yield: 0.05 }), /adaptive/],
  ])("warns of %s with what to try", (sign, at, tip) => {
    const said = course(60, at);
    expect(signs(said)).toEqual(new Set([sign]));
    expect(said[0]![2]).toMatch(tip);
  });

  it("a stale sampler's gap is not called a disagreement of engines", () => {
    expect(course(20, () => ({ gap: 0.2, lag: 1 }))).toEqual([]);
  });

  it("repeats a warning after 25 steps, not at every step", () => {
    expect(course(60, () => ({ truncated: 0.5 })).map(([step]) => step)).toEqual([3, 28, 53]);
  });

  it("names every quarantined problem when it happens", () => {
    const said = course(4, (s) => ({ quarantined: s === 2 || s === 3 ? [`p${s}`] : [] }));
    expect(said.map(([step, sign]) => [step, sign])).toEqual([
      [2, "quarantine"],
      [3, "quarantine"],
    ]);
    expect(said[0]![2]).toContain("p2");
  });

  it("calls it a collapse after ten falling steps and a good part lost, and not before", () => {
    const health = new Health();
    course(20, () => ({ passRate: 0.6 }), health);
    expect(health.collapsed).toBe(false);
    course(9, (s) => ({ passRate: 0.6 * 0.9 ** (s - 20) }), health, 21);
    expect(health.collapsed).toBe(false);
    const said = course(6, (s) => ({ passRate: 0.6 * 0.9 ** (s - 20) }), health, 30);
    expect(health.collapsed).toBe(true);
    expect(signs(said)).toContain("collapse");
  });

  it("a slow drift down of a few points is no collapse", () => {
    const health = new Health();
    course(60, (s) => ({ passRate: 0.6 - 0.001 * s }), health);
    expect(health.collapsed).toBe(false);
  });

  it("goes on after restore as if nothing had happened", () => {
    const at = (s: number) => ({ entropy: 0.4 * 0.93 ** s, passRate: s > 15 ? 0.6 * 0.9 ** (s - 15) : 0.6 });
    const whole = course(50, at);
    const first = new Health();
    const said = course(22, at, first);
    const second = new Health();
    second.restore(JSON.parse(JSON.stringify(first.state())));
    expect([...said, ...course(28, at, second, 23)]).toEqual(whole);
  });
});
