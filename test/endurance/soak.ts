/** Many verdicts, good, wrong and hostile, on one rewarder, and what they leave behind: processes, files, descriptors, memory. */

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GOLDEN } from "../../designs/hostile/base.js";
import { hostile } from "../../designs/hostile/index.js";
import { makeRng } from "../../src/core/rng.js";
import type { Problem } from "../../src/core/types.js";
import { problemId, seed } from "../../src/core/units.js";
import { makeRewarder } from "../../src/reward/rewarder.js";
import { DEFAULT_LIMITS } from "../../src/sim/simulator.js";
import type { Tools } from "../../src/sim/tools.js";

export interface SoakOptions {
  readonly verdicts: number;
  readonly tools: Tools;
  readonly concurrency: number;
  readonly scratch?: string;
  readonly report?: (line: string) => void;
}

export interface SoakResult {
  readonly verdicts: number;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly infra: number;
  /** Verdicts that were not what the candidate's kind asks for. */
  readonly surprises: readonly string[];
  readonly seconds: number;
  /** Open descriptors of this process while it ran. */
  readonly descriptors: { readonly least: number; readonly most: number };
  /** Resident memory of this process, MB: after the first tenth and at the end. */
  readonly residentMb: { readonly early: number; readonly end: number };
  /** Descendants seen while running, at most. */
  readonly mostProcesses: number;
  /** After closing. */
  readonly left: {
    readonly processes: readonly string[];
    readonly scratch: readonly string[];
    readonly outside: boolean;
  };
}

const answer = (code: string): string =>
  `<think></think>\n<answer>\n\`\`\`verilog\n${code}\n\`\`\`\n</answer>`;

const DESIGNS: readonly string[] = [
  GOLDEN,
  "module top_module(input [7:0] a, b, output [8:0] s); assign s = a + b; endmodule",
  "module top_module(input clk, rst, x, output z); reg [1:0] s; always @(posedge clk) if (rst) s <= 0; else s <= x ? s + 1 : 0; assign z = s == 3; endmodule",
];
const FAULTS: readonly (readonly [RegExp, string])[] = [
  [/\+/, "-"],
  [/assign (\w+) = /, "assign $1 = ~"],
  [/posedge clk/, "negedge clk"],
  [/;/, ""],
];

export async function soak(options: SoakOptions): Promise<SoakResult> {
  const dir = mkdtempSync(join(options.scratch ?? tmpdir(), "soak-"));
  const outside = join(dir, "secret.txt");
  writeFileSync(outside, "secret\n");
  const rewarder = makeRewarder({
    tools: options.tools,
    cacheDir: join(dir, "cache"),
    scratchDir: join(dir, "scratch"),
    concurrency: options.concurrency,
    limits: { ...DEFAULT_LIMITS, compileCpuSeconds: 1, runCpuSeconds: 1, wallMs: 10_000 },
  });
  const signal = new AbortController().signal;
  const problems = DESIGNS.map(
    (golden, k): Problem => ({
      id: problemId(`soak-${k}`),
      prompt: [],
      task: { golden, top: "top_module" },
      meta: { source: "bench", split: "train" },
    }),
  );
  try {
    const refused = await rewarder.prepare(problems, () => {}, signal);
    if (refused.size > 0) throw new Error(`refused: ${[...refused.values()].join("; ")}`);
    const cases = hostile(dir);
    const rng = makeRng("soak");
    const outcomes: Record<string, number> = {};
    const surprises: string[] = [];
    const seen = { least: Number.POSITIVE_INFINITY, most: 0, processes: 0, early: 0 };
    let infra = 0;
    let done = 0;
    let asked = 0;
    const began = performance.now();
    /** Every third is right, every third wrong, every third hostile; a comment's wire makes each text new. */
    const one = async (): Promise<void> => {
      const n = asked++;
      const kind = n % 3;
      const k = rng.int(DESIGNS.length);
      const fresh = (code: string): string => code.replace(/endmodule\s*$/, `wire fresh_${n} = 0; endmodule`);
      let code = fresh(DESIGNS[k]!);
      let problem = problems[k]!;
      let allowed: readonly string[] = ["pass"];
      if (kind === 1) {
        const faults = FAULTS.map(([from, to]) => DESIGNS[k]!.replace(from, to)).filter(
          (c) => c !== DESIGNS[k],
        );
        code = fresh(faults[rng.int(faults.length)]!);
        allowed = ["mismatch", "compile"];
      } else if (kind === 2) {
        const c = cases[(Math.floor(n / 3) * 37) % cases.length]!;
        problem = problems[0]!;
        code =
          `${c.code}`.length < 60_000
            ? c.code.replace("endmodule", `wire fresh_${n} = 0; endmodule`)
            : c.code;
        // The wire may stand in what the case leaves open; all that counts then is that it does not pass.
        allowed = ["mismatch", "compile", "timeout", "crash", "gate", "format"];
      }
      // Now and then without the tags.
      const bare = kind === 2 && n % 30 === 29;
      const v = await rewarder.score({ problem, text: bare ? code : answer(code), seed: seed(n) }, signal);
      done++;
      if (v.kind === "infra") infra++;
      const outcome = v.kind === "infra" ? `infra ${v.code}` : v.outcome;
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      if (!allowed.includes(outcome) && surprises.length < 20)
        surprises.push(`${outcome}: ${code.slice(0, 300)}`);
    };
    const look = (): void => {
      const open = readdirSync("/proc/self/fd").length;
      // The workers have all been started by then.
      if (done >= Math.min(200, options.verdicts / 10)) {
        seen.least = Math.min(seen.least, open);
        seen.most = Math.max(seen.most, open);
      }
      seen.processes = Math.max(seen.processes, descendants().length);
      if (seen.early === 0 && done >= options.verdicts / 10) seen.early = resident();
    };
    let said = 0;
    const timer = setInterval(() => {
      look();
      if (++said % 20 === 0) options.report?.(`${done} of ${options.verdicts}: ${JSON.stringify(outcomes)}`);
    }, 500);
    try {
      await Promise.all(
        Array.from({ length: options.concurrency * 2 }, async () => {
          while (asked < options.verdicts) await one();
        }),
      );
      look();
    } finally {
      clearInterval(timer);
    }
    const seconds = (performance.now() - began) / 1000;
    const end = resident();
    await rewarder.close();
    // What goes with its sandbox goes a moment later.
    for (let k = 0; k < 40 && descendants().length > 0; k++) await new Promise((r) => setTimeout(r, 50));
    return {
      verdicts: done,
      outcomes,
      infra,
      surprises,
      seconds,
      descriptors: { least: seen.least, most: seen.most },
      residentMb: { early: seen.early, end },
      mostProcesses: seen.processes,
      left: {
        processes: descendants(),
        scratch: readdirSync(join(dir, "scratch"), { recursive: true }) as string[],
        outside:
          readdirSync(dir).some((f) => !["cache", "scratch", "secret.txt"].includes(f)) ||
          readFileSync(outside, "utf8") !== "secret\n",
      },
    };
  } finally {
    await rewarder.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

const resident = (): number => Math.round(process.memoryUsage.rss() / 1024 ** 2);

/** Names of living descendants that a rewarder could have started. */
function descendants(): string[] {
  const parents = new Map<number, { parent: number; name: string }>();
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, "utf8");
      const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      if (state === "Z") continue;
      parents.set(Number(entry), {
        parent: Number(parent),
        name: stat.slice(stat.indexOf("(") + 1, stat.lastIndexOf(")")),
      });
    } catch {
      // it ended while we looked
    }
  }
  const below = (pid: number): boolean => {
    for (let at = parents.get(pid)?.parent ?? 0, hops = 0; at > 1 && hops < 64; hops++) {
      if (at === process.pid) return true;
      at = parents.get(at)?.parent ?? 0;
    }
    return false;
  };
  return [...parents].filter(([pid, p]) => p.name !== "esbuild" && below(pid)).map(([, p]) => p.name);
}
