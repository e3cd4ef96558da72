/** Rows whose figures other benches make: each is run as a process of its own, and its last line is read. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { lastLine, ROOT } from "../../last-line.js";
import type { Row, Setting } from "./rows.js";

interface Other {
  readonly key: string;
  readonly script: string;
  readonly full: readonly string[];
  readonly quick: readonly string[];
  /** Rows before anything was measured, so that a failure shows as a row as well. */
  readonly rows: readonly { readonly what: string; readonly target: string }[];
  /** How the bench is told where the data lies. */
  data(root: string): readonly string[];
  read(result: never): readonly Pick<Row, "ours" | "baseline" | "met">[];
}

interface Kills {
  readonly prepared: number | null;
  readonly uniform: number | null;
  readonly baseline: number | null;
}
interface Throughput {
  readonly rows: readonly {
    readonly name: string;
    readonly perSecond: number;
    readonly ofFloor: number;
    readonly cpuMs: { readonly children: number; readonly node: number };
  }[];
}

const percent = (x: number | null | undefined): string => (x === null || x === undefined ? "-" : `${x} %`);

export const OTHERS: readonly Other[] = [
  {
    key: "rewrites",
    script: "bench/reward/rewrites/run.ts",
    full: ["--baseline"],
    quick: ["--limit", "8", "--seeds", "1", "--baseline"],
    data: (root) => ["--data", root],
    rows: [{ what: "proven-equal rewrites rejected", target: "0" }],
    read: (r: { figure: number; baseline: number | null; proven: number }) => [
      {
        ours: `${r.figure} of ${r.proven}`,
        baseline: r.baseline === null ? "-" : `${r.baseline} of ${r.proven}`,
        met: r.proven === 0 ? null : r.figure === 0,
      },
    ],
  },
  {
    key: "mutants",
    script: "bench/reward/mutants/run.ts",
    full: ["--baseline", "--proofs", "3"],
    quick: ["--limit", "6", "--per", "8", "--baseline"],
    data: (root) => ["--data", root],
    rows: [
      { what: "mutants killed, VerilogEval", target: ">= 99.5 %" },
      { what: "mutants killed, RTLLM", target: ">= 98.5 %" },
    ],
    read: ({ bySet }: { bySet: Record<string, Kills> }) =>
      (
        [
          ["verilog-eval", 99.5],
          ["rtllm", 98.5],
        ] as const
      ).map(([set, least]) => ({
        ours: percent(bySet[set]?.prepared),
        baseline: percent(bySet[set]?.baseline),
        met: bySet[set]?.prepared == null ? null : bySet[set].prepared >= least,
      })),
  },
  {
    key: "throughput",
    script: "bench/speed/rewarder/throughput/run.ts",
    full: ["--baseline"],
    quick: ["--designs", "10", "--mutants", "4", "--seconds", "1", "--rounds", "1", "--baseline"],
    data: (root) => ["--data", root],
    rows: [
      { what: "verdicts/s, plain spawning", target: ">= 100" },
      { what: "verdicts/s, pre-forked", target: ">= 300 or 0.45 floor" },
    ],
    read: ({ rows }: Throughput) => {
      const plain = rows.find((r) => r.name.startsWith("plain: "));
      const forked = rows.filter((r) => r.name.startsWith("forked")).at(-1);
      const base = rows.find((r) => r.name.startsWith("CodeV"));
      const baseline = base === undefined ? "-" : String(base.perSecond);
      return [
        {
          ours: plain === undefined ? "-" : String(plain.perSecond),
          baseline,
          met: plain === undefined ? null : plain.perSecond >= 100,
        },
        {
          ours: forked === undefined ? "-" : `${forked.perSecond} (${forked.ofFloor})`,
          baseline,
          met: forked === undefined ? null : forked.perSecond >= 300 || forked.ofFloor >= 0.45,
        },
      ];
    },
  },
  {
    key: "main-thread",
    script: "bench/speed/rewarder/main-thread/run.ts",
    full: [],
    quick: ["--verdicts", "80"],
    data: () => [],
    rows: [{ what: "main-thread CPU ms per verdict", target: "<= 0.2" }],
    read: (r: { figure: number }) => [{ ours: r.figure.toFixed(3), baseline: "-", met: r.figure <= 0.2 }],
  },
];

export async function otherRows(other: Other, s: Setting): Promise<Row[]> {
  const { script } = other;
  const args = [...other.data(s.root), ...(s.quick ? other.quick : other.full)];
  const command = `npx tsx ${script} ${args.join(" ")}`;
  const blank = (reason: string): Row[] =>
    other.rows.map((r) => ({ ...r, ours: "-", baseline: "-", met: null, command, details: { reason } }));
  if (!existsSync(join(ROOT, script))) return blank(`no ${script}`);
  try {
    const result = await lastLine(script, args);
    const figures = other.read(result as never);
    return other.rows.map((r, k) => ({ ...r, ...figures[k]!, command, details: result }));
  } catch (fault) {
    return blank((fault as Error).message);
  }
}
