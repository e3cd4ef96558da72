import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { WheelPin } from "../../src/setup/pins.js";
import { obtainWheel } from "../../src/setup/wheels.js";
import { fakeHost, type Program, refusal, temporary } from "./host.js";

const CONTENT = Buffer.from("a wheel");
const pin: WheelPin = {
  name: "thing",
  version: "1.0",
  file: "thing-1.0.whl",
  sha256: createHash("sha256").update(CONTENT).digest("hex"),
  bytes: CONTENT.length,
  python: "3.12",
  platform: "manylinux_2_27_x86_64",
};
const pip =
  (content: Buffer): Program =>
  (words) => {
    const to = words.find((w) => w.startsWith("--dest="))?.slice("--dest=".length);
    if (to !== undefined) writeFileSync(join(to, pin.file), content);
    return {};
  };

describe("a pinned wheel", () => {
  it("is downloaded once: a whole one is kept, a half one is replaced", async () => {
    const downloads = temporary();
    const { effects, ran, said } = fakeHost({ python3: pip(CONTENT) });
    const path = await obtainWheel(pin, { downloads }, effects);
    expect(path).toBe(join(downloads, pin.file));
    expect(ran.filter((r) => r.includes("download"))).toHaveLength(1);
    expect(await obtainWheel(pin, { downloads }, effects)).toBe(path);
    expect(ran.filter((r) => r.includes("download"))).toHaveLength(1);
    writeFileSync(path, CONTENT.subarray(0, 3));
    await obtainWheel(pin, { downloads }, effects);
    expect(said).toContain("thing-1.0.whl is damaged or half there; downloading it again");
    expect(ran.filter((r) => r.includes("download"))).toHaveLength(2);
    expect(readdirSync(downloads)).toEqual([pin.file]);
  });

  it("is refused when its hash is another, and does not take the place of a good one", async () => {
    const downloads = temporary();
    const { effects } = fakeHost({ python3: pip(Buffer.from("a wheeL")) });
    const error = await refusal(() => obtainWheel(pin, { downloads }, effects));
    expect(error.code).toBe("data");
    expect(error.message).toContain(`with sha256 ${pin.sha256}, got `);
    expect(existsSync(join(downloads, pin.file))).toBe(false);
  });

  it("is taken from a folder that was brought along, checked all the same", async () => {
    const given = join(temporary(), "wheels");
    mkdirSync(given);
    writeFileSync(join(given, pin.file), CONTENT);
    const { effects, ran } = fakeHost({});
    const downloads = temporary();
    expect(await obtainWheel(pin, { downloads, given }, effects)).toBe(join(given, pin.file));
    expect(ran).toEqual([]);
    writeFileSync(join(given, pin.file), "other");
    expect((await refusal(() => obtainWheel(pin, { downloads, given }, effects))).message).toContain(
      "a file of 5 bytes",
    );
  });

  it("needs pip: the error says how to get it and how to do without", async () => {
    const error = await refusal(() => obtainWheel(pin, { downloads: temporary() }, fakeHost({}).effects));
    expect(error).toMatchObject({
      code: "tool",
      exitCode: 4,
      message: "expected pip to download thing 1.0, got none",
    });
    expect(error.hint).toBe(
      "install pip (apt-get install python3-pip), or download thing-1.0.whl on another machine (pip download --no-deps thing==1.0) and give its folder: --wheels DIR",
    );
  });

  it("without a network ends with pip's last words", async () => {
    const offline: Program = (words) =>
      words.includes("download")
        ? { code: 1, output: "ERROR: No matching distribution found for thing==1.0" }
        : {};
    const error = await refusal(() =>
      obtainWheel(pin, { downloads: temporary() }, fakeHost({ python3: offline }).effects),
    );
    expect([error.message, error.details]).toEqual([
      "thing 1.0 could not be downloaded",
      ["ERROR: No matching distribution found for thing==1.0"],
    ]);
  });
});
