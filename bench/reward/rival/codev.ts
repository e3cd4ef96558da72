/**
 * CodeV-R1's published check (arXiv 2505.24183), reproduced from its description as the baseline of this project's
 * tables: 100 sequences of 1,000 half cycles, golden beside candidate in one simulation, `===`, and a verdict read from
 * the text that the simulation prints. A bench, not product code: it can be cheated, and is here to show it.
 */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Tools } from "../../../src/sim/tools.js";
import { limited, workingSandbox } from "./limited.js";
import { type CodevPortsResult, codevPorts, type Reading } from "./ports.js";
import { CODEV_SIZE, type CodevSize, codevTestbench, PASS_LINE } from "./testbench.js";
import { codevRename, codevTop } from "./top.js";

export interface CodevOptions {
  readonly size?: CodevSize;
  readonly reading?: Reading;
  /** False leaves bubblewrap out, where a bench measures speed on texts it trusts. */
  readonly sandbox?: boolean;
}

export interface CodevVerdict {
  /** `error`: the golden cannot be used, the text does not compile, or 60 s are over; the reward is 0 like for `fail`. */
  readonly verdict: "pass" | "fail" | "error";
  /** Wall time of compiling and simulating; the golden's ports are extracted once, beforehand. */
  readonly ms: number;
  /** Share of mismatching checks, as printed; null when nothing was printed. */
  readonly errorRate: number | null;
  readonly log: string;
}

/** The description's limit for the whole subprocess. */
const WALL_MS = 60_000;
const extracted = new Map<string, Promise<CodevPortsResult>>();
const sandboxes = new Map<string, string | null>();

/** The golden's port facts; null where the published check cannot be used on it. Kept per golden. */
export function codevInterface(
  golden: string,
  top: string,
  tools: Tools,
  reading: Reading = "lenient",
): Promise<CodevPortsResult> {
  if (tools.yosys === null) return Promise.resolve({ ok: false, reason: "the published check needs Yosys" });
  const key = `${reading}/${top}/${golden}`;
  let found = extracted.get(key);
  if (found === undefined) {
    found = codevPorts(golden, top, tools.yosys.path, reading);
    extracted.set(key, found);
  }
  return found;
}

export async function codevVerdict(
  golden: string,
  candidate: string,
  top: string,
  tools: Tools,
  options: CodevOptions = {},
): Promise<CodevVerdict> {
  const error = (log: string, ms = 0): CodevVerdict => ({ verdict: "error", ms, errorRate: null, log });
  const read = await codevInterface(golden, top, tools, options.reading);
  if (!read.ok) return error(`golden: ${read.reason}`);
  const gateTop = codevTop(candidate);
  if (gateTop === null) return error("no module");
  const dir = mkdtempSync(join(tmpdir(), "codev-"));
  try {
    const sandbox = options.sandbox === false ? null : sandboxFor(tools, dir);
    const began = performance.now();
    const put = (name: string, text: string): string => {
      const path = join(dir, name);
      writeFileSync(path, text);
      return path;
    };
    const sources = [
      put("gate.v", codevRename(candidate, "_gate")),
      put("gold.v", codevRename(golden, "_gold")),
      put("testbench.v", codevTestbench(read.ports, top, gateTop, options.size ?? CODEV_SIZE)),
    ];
    const out = join(dir, "a.out");
    const compile = [tools.iverilog.path, "-g2012", "-s", "testbench", "-o", out, ...sources];
    const compiled = await limited(compile, { dir, sandbox, wallMs: WALL_MS });
    const spent = (): number => performance.now() - began;
    if (compiled.status !== 0) return error(compiled.stderr.slice(0, 2000), spent());
    const ran = await limited([tools.vvp.path, "-n", out], {
      dir,
      sandbox,
      wallMs: Math.max(1, WALL_MS - spent()),
    });
    const rate = /Error rate: (\S+)/.exec(ran.stdout);
    return {
      // The description's rule: the line anywhere in the output, whoever printed it.
      verdict: ran.stdout.includes(PASS_LINE) ? "pass" : ran.timedOut ? "error" : "fail",
      ms: spent(),
      errorRate: rate === null ? null : Number(rate[1]),
      log: ran.timedOut ? "timeout" : ran.stdout.slice(0, 2000),
    };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function sandboxFor(tools: Tools, dir: string): string | null {
  const path = tools.bwrap?.path ?? null;
  if (path === null) return null;
  if (!sandboxes.has(path)) sandboxes.set(path, workingSandbox(path, dir));
  return sandboxes.get(path)!;
}
