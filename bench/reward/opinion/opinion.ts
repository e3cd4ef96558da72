/** Asks for a second opinion on one candidate; see bench.ts. It runs text that is trusted: no cheats here. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Design } from "../../../designs/index.js";
import type { Tools } from "../../../src/sim/tools.js";
import { limited } from "../rival/limited.js";
import { type PortFactsResult, portFacts } from "../rival/ports.js";
import { codevRename } from "../rival/top.js";
import { opinionBench } from "./bench.js";

export interface Opinion {
  /** `none`: Yosys cannot read the golden, a text does not compile, or time is up. */
  readonly kind: "same" | "different" | "none";
  /** Comparisons made; the output that differs with both values; or what went wrong. */
  readonly said: string;
}

const facts = new Map<string, Promise<PortFactsResult>>();

/** `cycles` of random walk from `seed`; both designs have a module called `golden.top`. */
export async function secondOpinion(
  golden: Design,
  candidate: string,
  tools: Tools,
  { cycles = 30_000, seed = 1, wallMs = 60_000 } = {},
): Promise<Opinion> {
  if (tools.yosys === null) return { kind: "none", said: "needs Yosys" };
  const key = `${golden.top}/${golden.golden}`;
  if (!facts.has(key)) facts.set(key, portFacts(golden.golden, golden.top, tools.yosys.path, "lenient"));
  const read = await facts.get(key)!;
  if (!read.ok) return { kind: "none", said: read.reason };
  const dir = mkdtempSync(join(tmpdir(), "opinion-"));
  try {
    const plan = { facts: read.facts, constants: constantsOf(golden.golden), cycles, seed };
    writeFileSync(
      join(dir, "all.v"),
      [
        codevRename(golden.golden, "_gold"),
        codevRename(candidate, "_gate"),
        opinionBench(plan, golden.top, golden.top),
      ].join("\n"),
    );
    const options = { dir, sandbox: null, wallMs };
    const compile = [tools.iverilog.path, "-g2012", "-s", "opinion", "-o", "a.out", "all.v"];
    const compiled = await limited(compile, options);
    if (compiled.status !== 0) return { kind: "none", said: compiled.stderr.slice(0, 300) };
    const ran = await limited([tools.vvp.path, "-n", "a.out"], options);
    const line = /^(SAME|DIFF) (.*)$/m.exec(ran.stdout);
    if (line === null) return { kind: "none", said: ran.timedOut ? "timeout" : ran.stderr.slice(0, 300) };
    return { kind: line[1] === "SAME" ? "same" : "different", said: line[2]! };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Sized and plain numbers of a text; X and Z digits make a number none. */
function constantsOf(text: string): { value: bigint; width: number | null }[] {
  const plain = text.replace(/\/\/.*|\/\*[\s\S]*?\*\//g, " ");
  const radix: Record<string, string> = { h: "0x", b: "0b", o: "0o", d: "" };
  return [...plain.matchAll(/(?:(\d+)\s*)?'s?([hbod])\s*([0-9a-f_]+)\b|\b(\d+)\b/gi)].flatMap((m) => {
    try {
      const digits = (m[3] ?? m[4]!).replace(/_/g, "");
      const value = BigInt(m[2] === undefined ? digits : `${radix[m[2].toLowerCase()]}${digits}`);
      return [{ value, width: m[1] === undefined ? null : Number(m[1]) }];
    } catch {
      return [];
    }
  });
}
