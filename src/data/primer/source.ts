/** The built-in problems as a `ProblemSource`, and the stream of the teacher's samples for distillation. */

import { TrainError } from "../../core/errors.js";
import type { ProblemSource } from "../../core/ports.js";
import { hash128, makeRng } from "../../core/rng.js";
import type { Message, Problem } from "../../core/types.js";
import type { ProblemId } from "../../core/units.js";
import { type Instance, instances } from "./instance.js";
import type { Level } from "./level.js";
import { promptOf, teach } from "./teacher.js";

export interface PrimerOptions {
  /** Chooses the phrasing of each problem; splits and goldens do not depend on it. */
  readonly seed?: number;
  /** Default `basic`. */
  readonly level?: Level;
}

/** All problems of a level with their prompts, in their splits. */
export function primerSource({ seed = 0, level = "basic" }: PrimerOptions = {}): ProblemSource {
  const root = makeRng(`primer/${seed}`);
  const problems = instances(level).map((instance): Problem => {
    const phrasing = root.fork("phrasing", instance.id).int(instance.circuit.say.length);
    return {
      id: instance.id,
      prompt: promptOf(instance, phrasing),
      task: { golden: instance.golden, top: "top_module" },
      meta: {
        source: "primer",
        split: instance.split,
        bucket: instance.family.name,
        difficulty: instance.difficulty,
      },
    };
  });
  return {
    name: "primer",
    train: problems.filter((p) => p.meta.split === "train"),
    test: problems.filter((p) => p.meta.split === "test"),
  };
}

export interface PrimerTextsOptions {
  readonly seed: number;
  /** Number of samples. */
  readonly count: number;
  /** Share of the train problems that is never distilled, so that only reinforcement learning sees it. */
  readonly rlOnlyShare?: number;
  /** Multiplies every family's slip rate; 0 is a teacher that never errs. */
  readonly slipScale?: number;
  /** Default `basic`. */
  readonly level?: Level;
}

export interface DistillText {
  readonly prompt: readonly Message[];
  readonly completion: string;
  readonly problemId: ProblemId;
  readonly fault: string | null;
}

/** Whether a train problem is kept out of distillation at this share; a larger share keeps out a superset. */
export const isRlOnly = (id: ProblemId, share: number): boolean =>
  hash128(`rl-only/${id}`)[0] < share * 2 ** 32;

/**
 * Samples of the teacher on train problems: passes over all of them in a fresh order, each sample with a phrasing and
 * a slip of its own.
 */
export function* primerTexts(options: PrimerTextsOptions): Generator<DistillText> {
  const { seed, count, rlOnlyShare = 0, slipScale = 1, level = "basic" } = options;
  if (!(rlOnlyShare >= 0 && rlOnlyShare < 1)) {
    throw new TrainError("config", `rlOnlyShare must be at least 0 and less than 1, got ${rlOnlyShare}`);
  }
  const root = makeRng(`primer-texts/${seed}`);
  const eligible = instances(level).filter((i) => i.split === "train" && !isRlOnly(i.id, rlOnlyShare));
  for (let done = 0, pass = 0; done < count; pass++) {
    for (const instance of root.fork("pass", pass).shuffle<Instance>(eligible)) {
      if (done === count) return;
      const rng = root.fork("sample", done++);
      const prompt = promptOf(instance, rng.int(instance.circuit.say.length));
      const { text, fault } = teach(instance, rng, slipScale);
      yield { prompt, completion: text, problemId: instance.id, fault };
    }
  }
}
