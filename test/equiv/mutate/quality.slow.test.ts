/** The measure of a bench: what it says of good and weak stimuli, what spoils it, what it refuses, what it costs. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { makeRng } from "../../../src/core/rng.js";
import { checkCandidate } from "../../../src/equiv/check.js";
import type { Proof, Prover } from "../../../src/equiv/formal/proof.js";
import { jobOf, openOrNone } from "../../../src/equiv/golden/measure.js";
import { admitGolden, benchOf, goldenKey, prepareGolden } from "../../../src/equiv/golden/prepare.js";
import { isRefused, type Prepared } from "../../../src/equiv/golden/prepared.js";
import { type GoldenDeps, traceGolden, type Work } from "../../../src/equiv/golden/simulate.js";
import { race } from "../../../src/equiv/mutate/lockstep.js";
import { makeMutants } from "../../../src/equiv/mutate/mutants.js";
import { judge } from "../../../src/equiv/mutate/quality.js";
import { makeStimulus, type Stimulus } from "../../../src/equiv/stimulus/stimulus.js";
import { secretNames } from "../../../src/equiv/testbench/names.js";
import { signatureOf } from "../../../src/equiv/testbench/signature.js";
import { DEFAULT_LIMITS, type SimJob, type Simulator } from "../../../src/sim/simulator.js";
import { makeSpawnSimulator } from "../../../src/sim/spawn.js";
import type { Admitted } from "../../../src/verilog/gate.js";
import { readHeader } from "../../../src/verilog/header.js";
import { render } from "../../../src/verilog/lexer.js";
import { signal, tools } from "../../reward/harness.js";

const dir = mkdtempSync(join(tmpdir(), "quality-test-"));
mkdirSync(join(dir, "words"));
const spawned = makeSpawnSimulator({ tools: tools(), scratchDir: join(dir, "sim"), limits: DEFAULT_LIMITS });
afterAll(async () => {
  await spawned.close();
  rmSync(dir, { recursive: true, force: true });
});

const deps = (over: Partial<GoldenDeps> = {}): GoldenDeps => ({
  simulator: spawned,
  names: secretNames,
  place: (key, parts) => {
    const put = (kind: string, text: string): string => {
      const path = join(dir, "words", `${key}.${kind}`);
      if (text !== "") writeFileSync(path, text);
      return text === "" ? "" : path;
    };
    return { steps: put("steps", parts.steps), runs: put("runs", parts.runs), mask: put("mask", parts.mask) };
  },
  stimulus: { vectors: 300, exhaustiveBits: 10 },
  seed: 1,
  icarus: tools().iverilog.version,
  mutants: 14,
  ...over,
});

const admitted = (golden: string): Admitted => {
  const gated = admitGolden({ golden, top: "m" });
  if (!gated.ok) throw new Error(gated.reason);
  return gated.admitted;
};
const prepare = (golden: string, over: Partial<GoldenDeps> = {}) => {
  const task = { golden, top: "m" };
  const d = deps(over);
  return prepareGolden(
    task,
    goldenKey(task, d.seed, d.stimulus, d.icarus, d),
    admitted(golden),
    null,
    d,
    signal(),
  );
};
const good = async (golden: string, over: Partial<GoldenDeps> = {}): Promise<Prepared> => {
  const p = await prepare(golden, over);
  if (isRefused(p)) throw new Error(p.refused);
  return p;
};
const counting = () => {
  const jobs: SimJob[] = [];
  const simulator: Simulator = {
    run: (job, s) => {
      jobs.push(job);
      return spawned.run(job, s);
    },
    close: async () => {},
  };
  return { jobs, simulator };
};

const accumulator = `module m(input clk, input rst, input en, input [7:0] d, output reg [7:0] q, output full);
  always @(posedge clk or posedge rst)
    if (rst) q <= 8'd0;
    else if (en) q <= (q == 8'd77) ? d : q + d;
  assign full = q > 8'd250 && en;
endmodule`;
/** The same as `q + d` in any simulation; only a proof could tell `|` from `^` here. */
const disjoint =
  "module m(input [15:0] a, output [15:0] y); assign y = (a & 16'hff00) | (a & 16'h00ff); endmodule";

describe("quality of a prepared golden", () => {
  it("is high under our stimuli, and tells what survives by operator and line", async () => {
    const { quality } = await good(accumulator);
    expect(quality).not.toBeNull();
    const { mutants, killed, equivalent, undecided, survivors, seed } = quality!;
    expect(mutants).toBeGreaterThanOrEqual(12);
    expect(killed / (mutants - equivalent)).toBeGreaterThan(0.95);
    expect([killed + equivalent + survivors.length, undecided, seed]).toEqual([mutants, survivors.length, 1]);
    const other = await good(disjoint);
    expect(other.quality!.survivors.length).toBeGreaterThan(0);
    for (const s of other.quality!.survivors) expect([s.line, s.proof]).toEqual([1, "none"]);
  });

  it("is low under stimuli that hold still", async () => {
    const gold = admitted(accumulator);
    const header = readHeader(gold.tokens, "m");
    if (!header.ok) throw new Error(header.reason);
    const d = deps();
    const work: Work = {
      task: { golden: accumulator, top: "m" },
      key: "weak",
      admitted: gold,
      iface: header.iface,
      deps: d,
      signal: signal(),
    };
    const strong = makeStimulus(header.iface, [], makeRng(1), d.stimulus);
    const mutants = makeMutants(gold, makeRng(5), 30);
    const rate = async (stimulus: Stimulus): Promise<number> => {
      const traced = await traceGolden(work, stimulus);
      const made = await benchOf(work, stimulus);
      if (!traced.ok || !made.ok) throw new Error("golden");
      const job = jobOf(work, traced, [], makeRng(1), 30);
      const judged = await judge(job, { stimulus, open: openOrNone(made.open) }, mutants, d, signal());
      if ("kind" in judged) throw new Error(judged.log);
      return judged.status.filter((s) => s === "killed").length / mutants.length;
    };
    const data = strong.fields.filter((f) => f.width > 1 || f.name === "en");
    const off = data.reduce((m, f) => m | (((1n << BigInt(f.width)) - 1n) << BigInt(f.offset)), 0n);
    const weak = { ...strong, steps: strong.steps.map((s) => ({ ...s, value: s.value & ~off })) };
    const [low, high] = [await rate(weak), await rate(strong)];
    expect(low).toBeLessThan(0.5);
    expect(high).toBeGreaterThan(0.85);
  });

  it("judges every mutant as a candidate is judged", async () => {
    // So few vectors that some mutants live.
    const few = { stimulus: { vectors: 12, exhaustiveBits: 0 } };
    const p = await good(accumulator, { mutants: 0, ...few });
    const d = deps(few);
    const files = d.place(p.key, { steps: p.steps, runs: p.runs, mask: "" });
    expect(p.ignore.kind).toBe("none");
    const inputs = (1n << BigInt(p.stimulus.bits)) - 1n;
    const stimulus: Stimulus = {
      ...p.stimulus,
      steps: p.steps.split("\n").map((w) => ({
        value: BigInt(`0x${w}`) & inputs,
        quiet: BigInt(`0x${w}`) > inputs,
      })),
      runs: [],
    };
    const gold = admitted(accumulator);
    const mutants = makeMutants(gold, makeRng(9), 48);
    const work: Work = {
      task: { golden: accumulator, top: "m" },
      key: "candidates",
      admitted: gold,
      iface: p.iface,
      deps: d,
      signal: signal(),
    };
    const job = jobOf(work, { awake: true, ms: 20 }, [], makeRng(1), 48);
    const judged = await judge(job, { stimulus, open: null }, mutants, d, signal());
    if ("kind" in judged) throw new Error(judged.log);
    const status: Record<string, string> = { pass: "alive", mismatch: "killed", compile: "dropped" };
    for (const [k, m] of mutants.entries()) {
      const alone = await checkCandidate(p, files, m.admitted, d, signal());
      if (alone.kind !== "judged") throw new Error(alone.log);
      expect(status[alone.outcome], `${m.operator} ${m.line} ${m.before} => ${m.after}`).toBe(
        judged.status[k],
      );
    }
    expect(new Set(judged.status).size).toBeGreaterThan(1);
  });

  it("takes in further vectors where the first ones were too few", async () => {
    const few = { vectors: 6, exhaustiveBits: 4 };
    const [plain, measured] = [
      await good(accumulator, { mutants: 0, stimulus: few }),
      await good(accumulator, { stimulus: few }),
    ];
    expect(plain.quality).toBeNull();
    expect(measured.stimulus.numSteps).toBeGreaterThan(plain.stimulus.numSteps);
    expect(measured.steps.startsWith(plain.steps)).toBe(true);
    expect(measured.quality!.killed / measured.quality!.mutants).toBeGreaterThan(0.8);
  });

  it("is the same twice, and plain JSON", async () => {
    const [a, b] = [await good(accumulator), await good(accumulator)];
    expect(a).toEqual(b);
    expect(JSON.parse(JSON.stringify(a))).toEqual(a);
  });

  it("counts survivors of an exhaustive bench as the same design", async () => {
    const twice = "module m(input a, b, output y); assign y = (a & b) | (a & b); endmodule";
    const { quality } = await good(twice);
    expect([quality!.survivors, quality!.undecided]).toEqual([[], 0]);
    expect(quality!.equivalent).toBeGreaterThan(0);
  });

  it("costs two simulations where every mutant dies, and none when switched off", async () => {
    const [off, on] = [counting(), counting()];
    const adder = "module m(input [7:0] a, b, output [8:0] s); assign s = a + b; endmodule";
    await good(adder, { mutants: 0, simulator: off.simulator });
    const { quality } = await good(adder, { simulator: on.simulator });
    expect(quality!.survivors).toEqual([]);
    expect(on.jobs.length - off.jobs.length).toBeLessThanOrEqual(2);
  });
});

describe("with a prover", () => {
  const prover = (answer: (candidate: string, golden: string) => Proof): Prover => ({
    prove: async (job) => answer(render(job.candidate.tokens), render(job.golden.tokens)),
    close: async () => {},
  });
  const equal: Proof = { kind: "equal", ms: 1 };

  it("survivors that are proved equal leave the rate", async () => {
    const asked: string[] = [];
    const p = await good(disjoint, {
      prover: prover((candidate) => {
        asked.push(candidate);
        return equal;
      }),
    });
    expect([p.quality!.survivors, p.quality!.undecided]).toEqual([[], 0]);
    expect(p.quality!.equivalent).toBe(asked.length);
    expect(asked.length).toBeGreaterThan(0);
  });

  it("survivors that nothing decides are listed as such", async () => {
    const p = await good(disjoint, {
      prover: prover(() => ({ kind: "undecided", reason: "too deep", ms: 1 })),
    });
    expect(p.quality!.equivalent).toBe(0);
    expect(p.quality!.undecided).toBe(p.quality!.survivors.length);
  });

  it("a counterexample becomes vectors of the bench", async () => {
    // Six vectors miss the one value in 65536; its proof names it.
    const needle =
      "module m(input [15:0] a, output y); assign y = a[15:8] == 8'd171 && a[7:0] == 8'd198; endmodule";
    const counterexample = {
      cycles: [{ a: "1010101111000110" }],
      signal: "y",
      expected: "1",
      got: "0",
    };
    const few = { vectors: 6, exhaustiveBits: 4 };
    const p = await good(needle, {
      stimulus: few,
      prover: prover((candidate, golden) =>
        candidate === golden ? equal : { kind: "different", counterexample, replayed: true, ms: 1 },
      ),
    });
    expect(p.steps.split("\n")).toContain("abc6");
  });
});

describe("what spoils a race is found and dropped", () => {
  const golden = "module m(input a, b, output y); wire t = a ^ b; assign y = t; endmodule";
  const texts = {
    same: "module m(input a, b, output y); assign y = b ^ a; endmodule",
    wrong: "module m(input a, b, output y); assign y = a & b; endmodule",
    unknown: "module m(input a, b, output y); reg r; assign y = a ^ b ^ (r & 1'b1); endmodule",
    syntax: "module m(input a, b, output y); assign y = a +; endmodule",
    elaboration:
      "module m(input a, b, output y); wire [1:0] w; assign w[7] = a; assign y = nothing(b); endmodule",
    hangs:
      "module m(input a, b, output y); reg r = 0; assign y = a ^ b; always @* if (a) begin : x forever r = ~r; end endmodule",
  };
  it("a syntax error, an elaboration error, an endless loop", async () => {
    const gold = admitted(golden);
    const header = readHeader(gold.tokens, "m");
    if (!header.ok) throw new Error(header.reason);
    const stimulus = makeStimulus(header.iface, [], makeRng(1), { vectors: 50, exhaustiveBits: 10 });
    const work: Work = {
      task: { golden, top: "m" },
      key: "spoil",
      admitted: gold,
      iface: header.iface,
      deps: deps(),
      signal: signal(),
    };
    const { plan, ignore } = jobOf(work, { awake: false, ms: 10 }, [], makeRng(1), 6).place(stimulus, null);
    const raced = await race(
      {
        plan,
        ignore,
        top: "m",
        golden: gold,
        awake: [],
        variants: Object.values(texts).map(admitted),
        cpuSeconds: 1,
      },
      deps(),
      signal(),
    );
    if (raced.kind !== "raced") throw new Error(raced.log);
    const said = Object.fromEntries(
      Object.keys(texts).map((name, k) => {
        const f = raced.finishes[k]!;
        if (f.kind === "dropped") return [name, f.why];
        return [name, f.differsAt !== null ? "differs" : f.unknownAt !== null ? "unknown" : "equal"];
      }),
    );
    expect(said).toEqual({
      same: "equal",
      wrong: "differs",
      unknown: "unknown",
      syntax: "compile",
      elaboration: "compile",
      hangs: "timeout",
    });
  });
});

describe("a golden that is not the same twice is refused", () => {
  /** Simulates another design at one of its calls, as a golden that depends on its surroundings would. */
  const fickle = (at: number): Simulator => {
    let calls = 0;
    return {
      run: (job, s) =>
        spawned.run(++calls === at ? { ...job, source: job.source.replaceAll("q + d", "q - d") } : job, s),
      close: async () => {},
    };
  };
  it.each([2, 3])("on another seed (call %i)", async (at) => {
    const p = await prepare(accumulator, { simulator: fickle(at), mutants: 0 });
    expect(isRefused(p) && p.refused).toBe(
      "golden fails its own check on another seed: its outputs differ from run to run",
    );
  });
  it("and what is steady is not", async () => {
    expect(isRefused(await prepare(accumulator, { simulator: fickle(99), mutants: 0 }))).toBe(false);
  });
});

it("computes the signature that a bench prints", async () => {
  const wide = "module m(input [69:0] a, output [69:0] y); assign y = a; endmodule";
  const header = readHeader(admitted(wide).tokens, "m");
  if (!header.ok) throw new Error(header.reason);
  const work: Work = {
    task: { golden: wide, top: "m" },
    key: "wide",
    admitted: admitted(wide),
    iface: header.iface,
    deps: deps(),
    signal: signal(),
  };
  const stimulus = makeStimulus(header.iface, [], makeRng("x"), { vectors: 20, exhaustiveBits: 4 });
  const made = await benchOf(work, stimulus);
  if (!made.ok) throw new Error(made.reason);
  const { signGolden } = await import("../../../src/equiv/golden/simulate.js");
  const signed = await signGolden(work, made.draft);
  expect(signed.ok && signed.line.signature).toBe(signatureOf(made.samples, made.open));
});
