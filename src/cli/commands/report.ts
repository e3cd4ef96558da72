/** `train report RUN`: writes a run's report again. */

import { runsDirOption } from "../runs-dir.js";
import { single } from "../usage.js";
import { type Command, flag } from "./command.js";

export const report: Command = {
  name: "report <run>",
  describe: "Write a run's report.html again",
  positionals: { run: { type: "string", describe: "Name of the run, or its folder" } },
  options: () => ({ ...runsDirOption, json: flag("Print the path as one JSON object") }),
  async run(shell, _parts, args) {
    const [{ findRun }, { readRecord }] = await Promise.all([
      import("../find-run.js"),
      import("../../run/record.js"),
    ]);
    const run = findRun(shell, { run: String(args.run), dir: single("dir", args.dir) }, "report");
    const path =
      readRecord(run)?.stage === "sweep"
        ? await (await import("../../stages/sweep/report.js")).writeSweepReport(run)
        : await (await import("../../stages/report.js")).writeReport(run);
    shell.stdout.write(args.json === true ? `${JSON.stringify({ report: path })}\n` : `${path}\n`);
    return 0;
  },
};
