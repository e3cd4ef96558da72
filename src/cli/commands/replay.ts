/** `train replay RUN --step N`: a step done again, beside what was recorded. */

import { TrainError } from "../../core/errors.js";
import type { Replayed } from "../../stages/rl/replay.js";
import { interruptible } from "../interrupt.js";
import { runsDirOption } from "../runs-dir.js";
import { table } from "../text.js";
import { single } from "../usage.js";
import { type Command, flag, text } from "./command.js";

export const replay: Command = {
  name: "replay <run>",
  describe: "Do a step of a run again and compare it with the record",
  positionals: { run: { type: "string", describe: "Name of the run, or its folder" } },
  options: () => ({
    step: text("The step"),
    ...runsDirOption,
    json: flag("Print the comparison as one JSON object"),
  }),
  /** 0 = every value is what was recorded, 1 = some differ. */
  async run(shell, parts, args) {
    const name = String(args.run);
    const given = single("step", args.step);
    const step = Number(given);
    if (given === undefined || !Number.isSafeInteger(step) || step < 1) {
      throw new TrainError("usage", `--step: expected the number of a step, got ${given ?? "nothing"}`, {
        hint: `${shell.program} replay ${name} --step 1`,
      });
    }
    const [{ findRun }, { makeReporter }, { clock, configResolver }, stage] = await Promise.all([
      import("../find-run.js"),
      import("../reporter.js"),
      import("../run-stage.js"),
      import("../../stages/rl/replay.js"),
    ]);
    const run = findRun(shell, { run: name, dir: single("dir", args.dir) }, "replay");
    const json = args.json === true;
    const reporter = makeReporter(shell.stderr, { quiet: json });
    try {
      const result = await interruptible((signal) =>
        stage.replay(
          { run, step, clock, onStep: (k) => reporter.status(`step ${k} of ${step}`) },
          { ...shell, reporter, resolve: configResolver(shell, parts) },
          signal,
        ),
      );
      reporter.close();
      shell.stdout.write(json ? `${JSON.stringify(result)}\n` : replayedText(result));
      return result.differences.length === 0 ? 0 : 1;
    } finally {
      reporter.close();
    }
  },
};

function replayedText(r: Replayed): string {
  const where = `step ${r.step} of ${r.run}, done again from ${r.from === 0 ? "the base policy" : `checkpoint ${r.from}`}`;
  if (r.differences.length === 0) return `${where}: all ${r.compared} values are what was recorded\n`;
  const show = (x: number | null): string => (x === null ? "-" : String(x));
  const rows = r.differences.map((d) => [d.key, show(d.recorded), show(d.replayed)]);
  return `${where}: ${rows.length} of ${r.compared} values differ\n${table([["value", "recorded", "replayed"], ...rows])}\n`;
}
