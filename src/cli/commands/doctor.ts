/** `train doctor`: the findings as lines, or as JSON for a bug report. */

import { EXIT_CODES } from "../../core/errors.js";
import type { Check } from "../../stages/doctor/check.js";
import { type Shell, versionOf } from "../shell.js";
import { paint, printable, wrap } from "../text.js";
import { type Command, flag } from "./command.js";

export const doctor: Command = {
  name: "doctor",
  describe: "Check what training needs on this machine",
  options: () => ({ json: flag("Print the findings as one JSON object") }),
  run: (shell, _parts, args) => findings(shell, args.json === true),
};

async function findings(shell: Shell, json: boolean): Promise<number> {
  const { examine } = await import("../../stages/doctor/doctor.js");
  const { root, cwd, cacheDir, cores, searchPath } = shell;
  const checks = await examine({
    root,
    cwd,
    cacheDir,
    cores,
    searchPath,
    version: versionOf(root),
    env: {
      telemetryOff: process.env.ORT_DISABLE_TELEMETRY === "1",
      visibleDevices: process.env.CUDA_VISIBLE_DEVICES,
      libraryPath: process.env.LD_LIBRARY_PATH ?? "",
    },
  });
  const ready = checks.every((f) => f.state !== "missing");
  if (json) shell.stdout.write(`${JSON.stringify({ ready, checks })}\n`);
  else shell.stdout.write(doctorText(checks, ready, shell));
  return ready ? 0 : EXIT_CODES.tool;
}

const MARK = { ok: "ok", note: "note", missing: "MISSING" } as const;

function doctorText(checks: readonly Check[], ready: boolean, shell: Shell): string {
  const width = Math.max(...checks.map((f) => f.name.length));
  const { colour } = shell.stdout;
  const margin = " ".repeat(MARK.missing.length + 2);
  const lines = checks.flatMap((f) => {
    const mark = MARK[f.state].padEnd(MARK.missing.length);
    const shown = f.state === "ok" ? mark : paint(colour, f.state === "note" ? "yellow" : "red", mark);
    return [
      `${shown}  ${f.name.padEnd(width)}  ${printable(f.value)}`,
      ...(f.fix === undefined
        ? []
        : wrap(`-> ${f.fix}`, 80, "   ")
            .split("\n")
            .map((line) => margin + line)),
    ];
  });
  const last = ready
    ? `training can run here\n\nnext:\n  ${shell.program} --stage rl --config adaptive-dapo.yaml`
    : "training cannot run yet: mend what is MISSING, then run this again";
  return `${lines.join("\n")}\n\n${last}\n`;
}
