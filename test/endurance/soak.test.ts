/**
 * Ten thousand mixed verdicts on one rewarder: a third right, a third wrong, a third hostile. Afterwards no process is
 * left, the scratch is empty, descriptors and memory have stayed put, and nothing was an infrastructure fault. Run by
 * `scripts/test --nightly`; SOAK_VERDICTS changes how many.
 */

import { availableParallelism } from "node:os";
import { expect, it } from "vitest";
import { tools } from "../reward/harness.js";
import { soak } from "./soak.js";

const VERDICTS = Number(process.env.SOAK_VERDICTS ?? 10_000);

it(`leaves nothing behind after ${VERDICTS} verdicts`, { timeout: 3 * 3600_000 }, async () => {
  const result = await soak({
    verdicts: VERDICTS,
    tools: tools(),
    concurrency: availableParallelism(),
    report: (line) => console.error(line),
  });
  console.error(JSON.stringify(result));
  expect(result.verdicts).toBe(VERDICTS);
  expect(result.infra).toBe(0);
  expect(result.surprises).toEqual([]);
  expect(result.left).toEqual({ processes: [], scratch: [], outside: false });
  expect(result.descriptors.most - result.descriptors.least).toBeLessThanOrEqual(4);
  expect(result.residentMb.end).toBeLessThan(result.residentMb.early + 200);
});
