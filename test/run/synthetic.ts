import { mkdirSync, writeFileSync } from "node:fs";
import { makeRng } from "../../src/core/rng.js";
import { openRun } from "../../src/run/directory.js";
import { jsonlTracker } from "../../src/run/trackers/jsonl.js";
import { opening } from "./opening.js";

/** A run directory as `--stage rl` leaves it, with made-up numbers; `evalEvery` 0 = no evaluations. */
export function syntheticRun(
  root: string,
  options: { name?: string; steps?: number; evalEvery?: number; close?: boolean; hostile?: string } = {},
): string {
  const {
    name = "adaptive-dapo-20250102-030405",
    steps = 60,
    evalEvery = 20,
    close = true,
    hostile = "",
  } = options;
  const rng = makeRng("synthetic");
  const run = openRun(
    opening(root, {
      name,
      versions: { veriloop: "0.1.0", node: "20.19.0", iverilog: "11.0", yosys: "0.23" },
      engine: "embedded (learner ort-cpu, sampler ort-cpu)",
      sandbox: "bubblewrap",
      choices: { "rl.advantage": "history: groups are of unequal size" },
      configText: `run:\n  name: ${name}\n  seed: 1\nlearner:\n  lr: 0.0001\n# ${hostile.replaceAll("\n", " ")}\n`,
    }),
  );
  const t = jsonlTracker({ runDir: run.path, warn: () => {}, now: () => 1.73e12 });
  const families = ["adder", "counter", "edge_detector", "fsm", "mux", "parity"];
  let tokens = 0;
  let rollouts = 0;
  for (let step = 0; step <= steps; step++) {
    const skill = 0.32 + 0.22 * (1 - Math.exp(-step / 25));
    if (step > 0) {
      const n = 256 + rng.int(60);
      tokens += n * 110;
      rollouts += n;
      const drawn = 36 + rng.int(14);
      t.metrics(step, {
        "train/reward/mean": 0.45 + 0.05 * rng.normal(),
        "train/pass_rate": 0.42 + 0.05 * rng.normal(),
        "train/len/mean": 105 + 4 * rng.normal(),
        "train/len/p95": 190 + 8 * rng.normal(),
        "train/kept_groups": 32,
        "train/drawn_groups": drawn,
        "train/tokens_total": tokens,
        "train/rollouts_total": rollouts,
        "train/rollouts_per_problem/min": 4,
        "train/rollouts_per_problem/mean": n / drawn,
        "train/rollouts_per_problem/max": 20 + rng.int(28),
        "train/rollouts_per_problem/hist/2": 20 + rng.int(5),
        "train/rollouts_per_problem/hist/3": 8 + rng.int(5),
        ...Object.fromEntries(
          [1, 4, 8].flatMap((k) => [
            [`adaptive/reliability/${k}/predicted`, k / 10 + 0.05],
            [`adaptive/reliability/${k}/observed`, k / 10 + 0.02 * rng.uniform()],
          ]),
        ),
        "waste/all_solved": rng.int(30),
        "waste/all_failed": rng.int(40),
        "waste/stale": rng.int(6),
        "waste/surplus": rng.int(20),
        "waste/infra": rng.int(2),
        "policy/loss": -0.02 + 0.01 * rng.normal(),
        "policy/entropy": 0.35 - 0.001 * step + 0.01 * rng.normal(),
        "policy/grad_norm": 0.4 + 0.1 * rng.uniform(),
        "policy/clip_frac_low": 0.004 * rng.uniform(),
        "policy/clip_frac_high": 0.008 * rng.uniform(),
        "timing/sample_s": 3.5 + rng.uniform(),
        "timing/score_s": 0.6 + 0.5 * rng.uniform(),
        "timing/learn_s": 2 + 0.3 * rng.uniform(),
        "timing/publish_s": 0.1,
        "timing/step_s": 7,
      });
    }
    if (evalEvery > 0 && step % evalEvery === 0) {
      const problems = Array.from({ length: 120 }, (_, i) => {
        const bucket = families[i % families.length]!;
        const p = Math.min(
          0.98,
          Math.max(0.02, skill + 0.3 * Math.sin(i * 7.3) + (bucket === "fsm" ? -0.1 : 0)),
        );
        let passed = 0;
        for (let k = 0; k < 8; k++) if (rng.uniform() < p) passed++;
        return { id: `${bucket}/w${(i % 13) + 2}-${i}`, bucket, n: 8, passed };
      });
      t.counts({ step, set: "test", problems });
      const mean = problems.reduce((s, p) => s + p.passed / p.n, 0) / problems.length;
      t.metrics(step, {
        "eval/test/pass@1": mean,
        "eval/test/pass@1/lo": mean - 0.045,
        "eval/test/pass@1/hi": mean + 0.045,
        "eval/test/pass@8": mean + 0.2,
        "eval/test/problems": 120,
        "eval/test/samples": 8,
      });
      const pass = step > 0;
      t.samples(
        step,
        { set: "test" },
        problems.map((p) => ({
          step,
          problemId: p.id,
          kind: "eval",
          reward: pass ? 1 : 0,
          outcome: pass ? "pass" : "mismatch",
          advantage: null,
          prompt: `Write a module \`${p.bucket}\` with an active-low reset.${hostile}`,
          text: `<think>${hostile}</think>\n<answer>\n\`\`\`verilog\nmodule ${p.bucket}(input clk, input rst_n, output reg [3:0] q);\n  always @(posedge clk) q <= rst_n ? q + 1 : 0;\nendmodule\n\`\`\`\n</answer>`,
          log: pass ? "" : `mismatch at cycle 3: q is 4'b0010, expected 4'b0011${hostile}`,
        })),
      );
    }
  }
  void t.close();
  run.update({ step: steps });
  mkdirSync(run.file("export"), { recursive: true });
  writeFileSync(run.file("export", "config.json"), "{}");
  if (close) run.close("done", 0);
  return run.path;
}
