/** Yosys as it is run on untrusted designs: what stops at a design, and what is the machine's fault. */

import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readInterfaces } from "../../src/equiv/golden/netlists.js";
import { moduleOf, netlistsScript } from "../../src/sim/yosys.js";
import { signal, tools } from "../reward/harness.js";

const dir = mkdtempSync(join(tmpdir(), "yosys-test-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const script = (name: string, text: string): string => {
  const path = join(dir, name);
  writeFileSync(path, `#!/bin/sh\n${text}\n`);
  chmodSync(path, 0o755);
  return path;
};
const read = (yosys: string, sources: readonly string[]) =>
  readInterfaces(
    sources.map((source) => ({ source, top: "m" })),
    { yosys, scratchDir: dir },
    signal(),
  );
const GOOD = "module m(input a, output y); assign y = a; endmodule";

it("names one design after the other in a script, each reset away", () => {
  const jobs = [
    { source: "0.sv", top: "a", out: "0.json" },
    { source: "1.sv", top: "b", out: "1.json" },
  ];
  expect(netlistsScript(jobs, ["proc"])).toBe(
    "read_verilog -sv 0.sv\nhierarchy -top a\nproc\nwrite_json 0.json\ndesign -reset\n" +
      "read_verilog -sv 1.sv\nhierarchy -top b\nproc\nwrite_json 1.json\ndesign -reset\n",
  );
});

it("finds a module in a netlist, or says that it is not there", () => {
  const json = '{"modules": {"m": {"ports": {}, "cells": {}, "netnames": {}}}}';
  expect([moduleOf(json, "m")?.ports, moduleOf(json, "n")]).toEqual([{}, null]);
  expect(() => moduleOf(json.slice(0, 20), "m")).toThrow(SyntaxError);
});

describe("interfaces of a batch", () => {
  it.skipIf(tools().yosys === null)("go on after a design that stops Yosys", async () => {
    const found = await read(tools().yosys!.path, [GOOD, "module m(input a; endmodule", GOOD]);
    expect(found.map((f) => f?.ok ?? null)).toEqual([true, null, true]);
  });

  it("are refused as a whole when Yosys does not start, is killed, or finds the disk full", async () => {
    const missing = join(dir, "absent");
    await expect(read(missing, [GOOD])).rejects.toMatchObject({ code: "ENOENT", retryable: false });
    const killed = script("killed", "kill -9 $$");
    await expect(read(killed, [GOOD])).rejects.toMatchObject({ code: "killed", retried: false });
    const full = script("full", "echo 'write: No space left on device'; exit 1");
    await expect(read(full, [GOOD])).rejects.toMatchObject({ code: "ENOSPC", retryable: true });
  });

  it("are left out, design by design, when Yosys crashes on them", async () => {
    expect(await read(script("crash", "kill -SEGV $$"), [GOOD, GOOD])).toEqual([null, null]);
  });
});
