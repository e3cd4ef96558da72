/** `train doctor`: the findings as lines, or as JSON for a bug report. */

import { EXIT_CODES } from "../core/errors.js";
import type { Check } from "../stages/doctor/check.js";
import { examine } from "../stages/doctor/doctor.js";
import { type Shell, versionOf } from "./shell.js";
import { paint, printable, wrap } from "./text.js";

export async function doctorCommand(shell: Shell, request: { json: boolean }): Promise<number> {
  const { root, cwd, cacheDir, cores, searchPath } = shell;
  const findings = await examine({
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
  const ready = findings.every((f) => f.state !== "missing");
  if (request.json) shell.stdout.write(`${JSON.stringify({ ready, checks: findings })}\n`);
  else shell.stdout.write(doctorText(findings, ready, shell));
  return ready ? 0 : EXIT_CODES.tool;
}

const MARK = { ok: "ok", note: "note", missing: "MISSING" } as const;

function doctorText(findings: readonly Check[], ready: boolean, shell: Shell): string {
  const width = Math.max(...findings.map((f) => f.name.length));
  const { colour } = shell.stdout;
  const margin = " ".repeat(MARK.missing.length + 2);
  const lines = findings.flatMap((f) => {
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
