/** Whether proofs about a golden can be hoped for: asked once, when it is first wanted, and kept on disk. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { Proof } from "../../../src/equiv/formal/proof.js";
import { makeGoldens } from "../../../src/equiv/golden/in-use.js";
import { PrepareFault } from "../../../src/equiv/golden/prepare.js";
import { isRefused } from "../../../src/equiv/golden/prepared.js";
import { makeStore } from "../../../src/equiv/golden/store.js";
import { secretNames } from "../../../src/equiv/testbench/names.js";
import { DEFAULT_LIMITS } from "../../../src/sim/simulator.js";
import { makeSpawnSimulator } from "../../../src/sim/spawn.js";
import { signal, tools } from "../../reward/harness.js";

const dir = mkdtempSync(join(tmpdir(), "provable-test-"));
const simulator = makeSpawnSimulator({
  tools: tools(),
  scratchDir: join(dir, "sim"),
  limits: DEFAULT_LIMITS,
});
afterAll(async () => {
  await simulator.close();
  rmSync(dir, { recursive: true, force: true });
});

/** Goldens over one folder, with a prover that answers as told and counts. */
function opened(answer: () => Proof, cache: string) {
  let asked = 0;
  const goldens = makeGoldens({
    simulator,
    names: secretNames,
    stimulus: { vectors: 64, exhaustiveBits: 10 },
    seed: 1,
    icarus: tools().iverilog.version,
    mutants: 0,
    prover: {
      prove: async () => {
        asked++;
        return answer();
      },
      close: async () => {},
    },
    store: makeStore(join(dir, cache)),
    scratchDir: join(dir, cache),
    readInterfaces: async (jobs) => jobs.map(() => null),
    batch: 8,
  });
  return { goldens, asked: () => asked };
}

const task = { golden: "module m(input a, b, output y); assign y = a ^ b; endmodule", top: "m" };
const prepared = async (goldens: ReturnType<typeof opened>["goldens"]) => {
  const { preparation } = await goldens.ensure(task);
  if (isRefused(preparation)) throw new Error(preparation.refused);
  return preparation;
};
const equal: Proof = { kind: "equal", ms: 1 };

describe("provability of a golden", () => {
  it("is not asked by preparing it, once by many who want to know, and never again by later processes", async () => {
    const first = opened(() => equal, "once");
    const p = await prepared(first.goldens);
    expect([p.provable, first.asked()]).toEqual([null, 0]);
    const answers = await Promise.all([1, 2, 3].map(() => first.goldens.provable(task, p, signal())));
    expect([...answers, first.asked()]).toEqual([true, true, true, 1]);

    const later = opened(() => equal, "once");
    const q = await prepared(later.goldens);
    expect([q.provable, await later.goldens.provable(task, q, signal()), later.asked()]).toEqual([
      true,
      true,
      0,
    ]);
  });

  it("is denied when the engine does not decide", async () => {
    const { goldens } = opened(() => ({ kind: "undecided", reason: "too deep", ms: 1 }), "denied");
    expect(await goldens.provable(task, await prepared(goldens), signal())).toBe(false);
  });

  it("stays open when the engine fails", async () => {
    let broken = true;
    const fault: Proof = { kind: "infra", code: "spawn", retryable: true, log: "no yosys" };
    const { goldens, asked } = opened(() => (broken ? fault : equal), "fault");
    const p = await prepared(goldens);
    await expect(goldens.provable(task, p, signal())).rejects.toThrow(PrepareFault);
    broken = false;
    expect([await goldens.provable(task, p, signal()), asked()]).toEqual([true, 2]);
  });
});
