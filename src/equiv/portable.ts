/** The testbench of a golden: its stimuli written out, its outputs recorded, and the result tried on it. */

import { TrainError } from "../core/errors.js";
import { type Admitted, withSuffix } from "../verilog/gate.js";
import type { CheckDeps } from "./check.js";
import type { Prepared } from "./golden/prepared.js";
import { tbPlanOf } from "./portable-plan.js";
import { cleanLog } from "./testbench/messages.js";
import { type Expected, testbenchText } from "./testbench/portable-bench.js";

export interface Made {
  readonly text: string;
  /** Comparisons it makes: steps, and stretches of long runs. */
  readonly samples: number;
}

/** @throws TrainError data when the golden cannot be recorded or fails its own testbench; tool when nothing could run */
export async function makeTestbench(
  p: Prepared,
  golden: Admitted,
  head: readonly string[],
  deps: CheckDeps,
  signal: AbortSignal,
): Promise<Made> {
  const plan = tbPlanOf(p);
  const module = freeName(`${p.top}_tb`, golden.modules);
  const names = deps.names();
  const run = async (bench: string): Promise<string> => {
    const source = `${bench}\`default_nettype wire\n${withSuffix(golden, names.suffix)}`;
    const result = await deps.simulator.run({ source, root: module, cpuSeconds: null }, signal);
    if (result.kind === "ran") return result.output;
    const why = result.kind === "infra" ? result.log : cleanLog(result.log, names);
    if (result.kind === "infra") throw new TrainError("tool", `the testbench could not be tried: ${why}`);
    throw new TrainError("data", `the testbench could not be made (${result.kind}): ${why}`, {
      hint: "fewer stimuli make a smaller one: --vectors 500",
    });
  };
  const dut = p.top + names.suffix;
  const mark = names.verdict;
  const recorded = readRecord(
    await run(testbenchText(plan, null, { head: [], module, dut, mode: { kind: "record", mark } })),
    mark,
    plan,
  );
  const tried = await run(
    testbenchText(plan, recorded, { head: [], module, dut, mode: { kind: "check", plain: true } }),
  );
  const passed = /^PASS: (\d+) samples$/m.exec(tried);
  if (passed === null) {
    throw new TrainError("data", "the golden fails its own testbench: its outputs differ from run to run", {
      details: tried.trimEnd().split("\n").slice(-5),
    });
  }
  const text = testbenchText(plan, recorded, { head, module, dut: p.top, mode: { kind: "check" } });
  return { text, samples: Number(passed[1]) };
}

function readRecord(output: string, mark: string, plan: ReturnType<typeof tbPlanOf>): Expected {
  const values = output
    .split("\n")
    .filter((l) => l.startsWith(`${mark} `))
    .map((l) =>
      l
        .slice(mark.length + 1)
        .trim()
        .toLowerCase(),
    );
  const numSteps = plan.parts.reduce((n, part) => n + part.steps.length, 0);
  let at = numSteps;
  const runs = plan.runs.map((run) => run.stretches.map(() => values[at++] ?? ""));
  if (values.length !== at) throw new TrainError("data", "the golden ends the simulation itself");
  return { steps: values.slice(0, numSteps), runs };
}

function freeName(wanted: string, taken: readonly string[]): string {
  let name = wanted;
  while (taken.includes(name)) name += "_";
  return name;
}
