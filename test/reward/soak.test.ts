/** A few hundred mixed verdicts leave nothing behind; test/endurance/soak.ts does the same for ten thousand. */

import { expect, it } from "vitest";
import { soak } from "../endurance/soak.js";
import { tools } from "./harness.js";

it("leaves no process, no file, no descriptor and no unexplained verdict", async () => {
  const r = await soak({ verdicts: 240, tools: tools(), concurrency: 2 });
  expect(r.verdicts).toBe(240);
  expect(r.infra).toBe(0);
  expect(r.surprises).toEqual([]);
  expect(r.left).toEqual({ processes: [], scratch: [], outside: false });
  // A verdict in flight holds a file or two.
  expect(r.descriptors.most - r.descriptors.least).toBeLessThanOrEqual(4);
  expect(r.residentMb.end).toBeLessThan(r.residentMb.early + 200);
  expect(r.outcomes.pass).toBe(80);
  for (const kind of ["mismatch", "compile", "timeout", "gate", "format"])
    expect(r.outcomes[kind], kind).toBeGreaterThan(0);
  expect(Object.values(r.outcomes).reduce((a, b) => a + b, 0)).toBe(240);
}, 180_000);
