/** Pinned wheels: from a folder they were put in, or from PyPI through pip. A file is used only if its hash is the pin's. */

import { existsSync, mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { TrainError } from "../core/errors.js";
import { bytesBelow, type Effects, megabytes, sha256Of } from "./effects.js";
import type { WheelPin } from "./pins.js";

export interface WheelPlaces {
  /** Where downloads are kept until the set-up is complete. */
  readonly downloads: string;
  /** A folder of wheels brought along, looked at first. */
  readonly given?: string;
}

/** How pip may be started, in order of preference. */
const PIPS: readonly (readonly string[])[] = [["python3", "-m", "pip"], ["pip3"], ["pip"]];

/**
 * Path of the wheel, verified.
 * @throws TrainError `tool`: no pip, no network, no such file; `data`: another hash than the pin's.
 */
export async function obtainWheel(pin: WheelPin, places: WheelPlaces, effects: Effects): Promise<string> {
  if (places.given !== undefined) {
    const path = join(places.given, pin.file);
    if (existsSync(path)) {
      await verify(path, pin);
      return path;
    }
  }
  const path = join(places.downloads, pin.file);
  if (existsSync(path)) {
    if (statSync(path).size === pin.bytes && (await sha256Of(path)) === pin.sha256) return path;
    effects.say(`${pin.file} is damaged or half there; downloading it again`);
    rmSync(path);
  }
  // Under another name until its hash is known.
  const part = join(places.downloads, `${pin.name}.part`);
  rmSync(part, { recursive: true, force: true });
  mkdirSync(part, { recursive: true });
  await download(pin, part, places.given, effects);
  await verify(join(part, pin.file), pin);
  renameSync(join(part, pin.file), path);
  rmSync(part, { recursive: true, force: true });
  return path;
}

async function download(
  pin: WheelPin,
  part: string,
  given: string | undefined,
  effects: Effects,
): Promise<void> {
  const pip = await findPip(effects);
  const byHand = `download ${pin.file} on another machine (pip download --no-deps ${pin.name}==${pin.version}) and give its folder: --wheels DIR`;
  if (pip === undefined)
    throw new TrainError(
      "tool",
      `expected pip to download ${pin.name} ${pin.version}, got none${given === undefined ? "" : `, and ${given} does not hold ${pin.file}`}`,
      { hint: `install pip (apt-get install python3-pip), or ${byHand}` },
    );
  effects.say(`downloading ${pin.name} ${pin.version} (${megabytes(pin.bytes)})`);
  const [program = "", ...words] = pip;
  const ran = await effects.run(
    program,
    [
      ...words,
      "download",
      "--no-deps",
      "--no-cache-dir",
      "--disable-pip-version-check",
      "--only-binary=:all:",
      `--python-version=${pin.python}`,
      "--implementation=cp",
      `--platform=${pin.platform}`,
      `--dest=${part}`,
      `${pin.name}==${pin.version}`,
    ],
    {
      env: { TMPDIR: part, PIP_PROGRESS_BAR: "off" },
      waiting: (s) =>
        effects.say(`  ${pin.name}: ${megabytes(bytesBelow(part))} of ${megabytes(pin.bytes)} (${s} s)`),
    },
  );
  if (ran.code !== 0 || !existsSync(join(part, pin.file))) {
    if (/No space left/.test(ran.output))
      throw Object.assign(new Error("pip: no space left on device"), { code: "ENOSPC" });
    throw new TrainError("tool", `${pin.name} ${pin.version} could not be downloaded`, {
      details: ran.output.trim().split("\n").slice(-3),
      hint: `run it again when the network is back, or ${byHand}`,
    });
  }
}

async function findPip(effects: Effects): Promise<readonly string[] | undefined> {
  for (const pip of PIPS) {
    const [program = "", ...words] = pip;
    if ((await effects.run(program, [...words, "--version"])).code === 0) return pip;
  }
  return undefined;
}

async function verify(path: string, pin: WheelPin): Promise<void> {
  const { size } = statSync(path);
  const found = size === pin.bytes ? await sha256Of(path) : `a file of ${size} bytes`;
  if (found === pin.sha256) return;
  throw new TrainError(
    "data",
    `expected ${path} of ${pin.bytes} bytes with sha256 ${pin.sha256}, got ${found}`,
    {
      hint: "remove it and run this again; a file that differs from the pinned one is never used",
    },
  );
}
