/** Makes the `Handover` of a learner and a sampler that were opened. */

import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { TrainError } from "../core/errors.js";
import { type Intake, type TakeDirectory, type TakeMemory, type Way, wayBetween } from "../core/handover.js";
import type { Handover, Learner, WeightType } from "../core/ports.js";
import type { PolicyVersion } from "../core/units.js";

export interface HandoverFrom {
  readonly learner: Learner;
  /** All parameters in the embedded engine's order; null: the sampler reads the learner's own memory. */
  readonly memory?: () => Promise<Float32Array | null>;
  /** Ways in which the learner gives its weights, best first. */
  readonly gives: readonly Way[];
}

export interface HandoverTo {
  readonly intake: Intake;
  /** Ways in which the sampler takes weights. */
  readonly takes: readonly Way[];
  /** Type of the numbers in what is written for it. */
  readonly weightType: WeightType;
}

export interface OpenedHandover extends Handover {
  /** Deletes what was written for it. */
  close(): Promise<void>;
}

/**
 * @param root an existing directory that both sides see, for pairs whose weights go through files
 * @throws TrainError config when the two have no way in common
 */
export function makeHandover(from: HandoverFrom, to: HandoverTo, root: string): OpenedHandover {
  const way = wayBetween(from.gives, to.takes);
  if (way === "memory" && from.memory !== undefined && to.intake.memory !== undefined)
    return byMemory(from.memory, to.intake.memory);
  if (way !== null && way !== "memory") {
    const take = to.intake[way];
    if (take !== undefined) return byDirectory(from.learner, take, root, to.weightType);
  }
  throw new TrainError("bug", "this learner and this sampler have no way to hand weights over");
}

const byMemory = (give: () => Promise<Float32Array | null>, take: TakeMemory): OpenedHandover => ({
  async publish(version) {
    await take(version, await give());
  },
  async close() {},
});

/** Each version in a directory of its own. The newest stays: a sampler that restarts can load it again. */
function byDirectory(learner: Learner, take: TakeDirectory, root: string, dtype: WeightType): OpenedHandover {
  let base: string | null = null;
  let current: string | null = null;
  const write = async (version: PolicyVersion): Promise<string> => {
    base ??= await mkdtemp(join(root, "weights-"));
    const dir = join(base, `v${String(version).padStart(6, "0")}`);
    await rm(dir, { recursive: true, force: true });
    await mkdir(dir);
    await learner.exportTo(dir, { dtype });
    return dir;
  };
  return {
    async publish(version, signal) {
      signal.throwIfAborted();
      const dir = await write(version);
      await take(version, dir, signal);
      if (current !== null && current !== dir) await rm(current, { recursive: true, force: true });
      current = dir;
    },
    async close() {
      if (base !== null) await rm(base, { recursive: true, force: true });
    },
  };
}
