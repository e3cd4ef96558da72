/** The problems a config asks for. */

import { TrainError } from "../core/errors.js";
import type { ProblemSource } from "../core/ports.js";
import type { Problem } from "../core/types.js";
import { readProblems } from "../data/jsonl.js";
import { primerSource } from "../data/primer/index.js";
import type { DataSection } from "../data/schema.js";
import type { EvalSection } from "../eval/schema.js";
import { type EvalSet, loadSets } from "../eval/suites/index.js";
import { resolvePath } from "./policy.js";
import type { StageContext } from "./stage.js";

/** @throws TrainError data when nothing is left to train on or to test on */
export async function loadProblems(
  section: DataSection,
  ctx: Pick<StageContext, "cwd" | "root">,
): Promise<ProblemSource> {
  const source =
    section.source === "primer"
      ? primerSource({ level: section.level })
      : await readProblems(resolvePath(section.path!, ctx), { testShare: section.test_share });
  if (section.families.length === 0) return nonEmpty(source);
  const wanted = new Set(section.families);
  const known = new Set([...source.train, ...source.test].map(bucketOf));
  const unknown = section.families.filter((f) => !known.has(f));
  if (unknown.length > 0) {
    throw new TrainError("config", `data.families: ${source.name} has no ${unknown.join(", ")}`, {
      hint: `it has ${[...known].sort().join(", ")}`,
    });
  }
  const keep = (p: Problem): boolean => wanted.has(bucketOf(p));
  return nonEmpty({ name: source.name, train: source.train.filter(keep), test: source.test.filter(keep) });
}

/** The problems of `data`, and the evaluation sets that `eval.sets` names, in its order. */
export interface StageProblems extends ProblemSource {
  /** Never trained on; the first ranks checkpoints. */
  readonly sets: readonly EvalSet[];
}

/** @throws TrainError data when `data` lacks problems, or a folder of `eval.sets` does not hold its benchmark */
export async function loadStageProblems(
  config: { readonly data: DataSection; readonly eval: EvalSection },
  ctx: Pick<StageContext, "cwd" | "root">,
): Promise<StageProblems> {
  const source = await loadProblems(config.data, ctx);
  return { ...source, sets: loadSets(config.eval.sets, source.test, (path) => resolvePath(path, ctx)) };
}

const bucketOf = (p: Problem): string => p.meta.bucket ?? p.meta.source;

function nonEmpty(source: ProblemSource): ProblemSource {
  for (const split of ["train", "test"] as const) {
    if (source[split].length > 0) continue;
    throw new TrainError("data", `${source.name} has no ${split} problems`, {
      hint:
        split === "test"
          ? 'mark some lines with "split": "test", or set data.test_share above 0'
          : "add problems, or widen data.families",
    });
  }
  return source;
}
