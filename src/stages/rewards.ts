/** The reward a config asks for, with what a run records about it. */

import { existsSync as pathExists } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Rewarder } from "../core/ports.js";
import { makeFakeRewarder } from "../reward/fake.js";
import { makeRewarder } from "../reward/rewarder.js";
import { SANDBOX_LEVEL } from "../reward/sandbox.js";
import { type RewardSection, rewarderOptions } from "../reward/schema.js";
import { locateTools } from "../reward/tools.js";
import type { StageContext } from "./stage.js";

export interface OpenedRewarder {
  readonly rewarder: Rewarder;
  readonly versions: Readonly<Record<string, string>>;
  /** What stands between a candidate and the machine. */
  readonly sandbox: string;
}

/** @throws TrainError tool, with what to type, when the simulator is missing */
export function openRewarder(section: RewardSection, ctx: StageContext): OpenedRewarder {
  if (section.engine === "fake")
    return { rewarder: makeFakeRewarder(), versions: {}, sandbox: "none (fake reward)" };
  const tools = locateTools(ctx.searchPath);
  const scratch = pathExists("/dev/shm") ? "/dev/shm" : tmpdir();
  const rewarder = makeRewarder({
    tools,
    cacheDir: join(ctx.cacheDir, "goldens"),
    scratchDir: scratch,
    ...rewarderOptions({ ...section, concurrency: section.concurrency ?? ctx.cores }),
  });
  return {
    rewarder,
    versions: {
      iverilog: tools.iverilog.version,
      ...(tools.yosys === null ? {} : { yosys: tools.yosys.version }),
    },
    sandbox: SANDBOX_LEVEL,
  };
}
