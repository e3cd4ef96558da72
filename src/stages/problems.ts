/** The problems a config asks for, with the system prompt that it gives them. */

import { TrainError } from "../core/errors.js";
import type { ProblemSource } from "../core/ports.js";
import type { Problem } from "../core/types.js";
import { readProblems } from "../data/jsonl.js";
import { primerSource } from "../data/primer/index.js";
import type { DataSection } from "../data/schema.js";
import type { EvalSection } from "../eval/schema.js";
import { type EvalSet, loadSets } from "../eval/suites/index.js";
import { systemPromptOf, withSystemPrompt } from "../text/system-prompt.js";
import { resolvePath } from "./policy.js";
import type { StageContext } from "./stage.js";

/**
 * Every stage takes its problems from here, so distil, rl and eval send the same prompts.
 * @throws TrainError data when nothing is left to train on or to test on
 */
export async function loadProblems(
  section: DataSection,
  ctx: Pick<StageContext, "cwd" | "root">,
): Promise<ProblemSource> {
  const source =
    section.source === "primer"
      ? primerSource({ level: section.level })
      : await readProblems(resolvePath(section.path!, ctx), { testShare: section.test_share });
  return nonEmpty(prompted(chosen(source, section), section));
}

function chosen(source: ProblemSource, section: DataSection): ProblemSource {
  if (section.families.length === 0) return source;
  const wanted = new Set(section.families);
  const known = new Set([...source.train, ...source.test].map(bucketOf));
  const unknown = section.families.filter((f) => !known.has(f));
  if (unknown.length > 0) {
    throw new TrainError("config", `data.families: ${source.name} has no ${unknown.join(", ")}`, {
      hint: `it has ${[...known].sort().join(", ")}`,
    });
  }
  const keep = (p: Problem): boolean => wanted.has(bucketOf(p));
  return { name: source.name, train: source.train.filter(keep), test: source.test.filter(keep) };
}

/** Puts the system prompt of the config before a problem's messages; one that is there already stays. */
function prompter(section: DataSection): (p: Problem) => Problem {
  const system = systemPromptOf(section.system_prompt);
  return system === null ? (p) => p : (p) => ({ ...p, prompt: withSystemPrompt(p.prompt, system) });
}

function prompted(source: ProblemSource, section: DataSection): ProblemSource {
  const add = prompter(section);
  return { name: source.name, train: source.train.map(add), test: source.test.map(add) };
}

/** The setting as a dry run shows it, with the prompts that it leaves alone. */
export function systemPromptLine(section: DataSection, { train, test }: ProblemSource): string {
  const system = systemPromptOf(section.system_prompt);
  const all = [...train, ...test];
  const own = all.filter(({ prompt }) =>
    prompt.some((m) => m.role === "system" && m.content !== system),
  ).length;
  const kept = own === 0 ? "" : `; ${own} of ${all.length} prompts have a system message of their own`;
  if (system === null) return `system     none added${kept}`;
  const named = section.system_prompt === system ? "" : `${section.system_prompt}: `;
  return `system     ${named}${JSON.stringify(system)}${kept}`;
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
  const sets = loadSets(config.eval.sets, source.test, (path) => resolvePath(path, ctx));
  const add = prompter(config.data);
  return { ...source, sets: sets.map((set) => ({ ...set, problems: set.problems.map(add) })) };
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
