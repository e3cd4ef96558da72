/** The reward a config asks for, with what a run records about it. */

import { existsSync as pathExists } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Rewarder } from "../core/ports.js";
import { makeFakeRewarder } from "../reward/fake.js";
import { makeRewarderProcess } from "../reward/process/rewarder-process.js";
import { type RewardSection, rewarderOptions } from "../reward/schema.js";
import { locateTools } from "../sim/tools.js";
import type { StageContext } from "./stage.js";

export interface OpenedRewarder {
  readonly rewarder: Rewarder;
  readonly versions: Readonly<Record<string, string>>;
  /** What stands between a candidate and the machine. */
  readonly sandbox: string;
  /** What settings left open came to, and why: key -> sentence. */
  readonly choices: Readonly<Record<string, string>>;
}

/** Where simulations have their files: memory where the system offers it. */
export const scratchRoot = (): string => (pathExists("/dev/shm") ? "/dev/shm" : tmpdir());

/** @throws TrainError tool, with what to type, when the simulator is missing or what the config demands cannot be had */
export async function openRewarder(
  section: RewardSection,
  ctx: Pick<StageContext, "cacheDir" | "cores" | "reporter" | "searchPath">,
): Promise<OpenedRewarder> {
  if (section.engine === "fake")
    return { rewarder: makeFakeRewarder(), versions: {}, sandbox: "none (fake reward)", choices: {} };
  const tools = locateTools(ctx.searchPath);
  const rewarder = makeRewarderProcess({
    tools,
    cacheDir: join(ctx.cacheDir, "goldens"),
    scratchDir: scratchRoot(),
    nativeDir: join(ctx.cacheDir, "native"),
    searchPath: ctx.searchPath,
    ...rewarderOptions({ ...section, concurrency: section.concurrency ?? ctx.cores }),
  });
  try {
    const { sandbox, missing, engine, why, formal } = await rewarder.environment();
    return {
      rewarder,
      versions: {
        iverilog: tools.iverilog.version,
        ...(tools.yosys === null ? {} : { yosys: tools.yosys.version }),
      },
      sandbox,
      choices: {
        "reward.sandbox": missing === null ? sandbox : `${sandbox}; ${missing.reason}`,
        "reward.simulator": `${engine}: ${why}`,
        "reward.formal": formal ?? "no formal engine",
      },
    };
  } catch (error) {
    await rewarder.close();
    throw error;
  }
}
