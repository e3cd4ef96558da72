/** The evaluation sets that `eval.sets` may name. One more set = one file beside this one and one line here. */

import type { Problem } from "../../core/types.js";
import { rtllmSuite } from "./rtllm.js";
import type { Suite } from "./suite.js";
import { testSuite } from "./test.js";
import { verilogEvalSuite } from "./verilog-eval.js";

export const SUITES: readonly Suite[] = [testSuite, verilogEvalSuite, rtllmSuite];

/** An entry of `eval.sets`: a name alone, or a name with the folder to read. */
export type SetEntry = string | { readonly suite: string; readonly path: string };

/** The problems of one evaluation, under the set's name in metrics and files. */
export interface EvalSet {
  readonly name: string;
  readonly problems: readonly Problem[];
}

/** Name of the set that an entry asks for. */
export const setName = (entry: SetEntry): string => (typeof entry === "string" ? entry : entry.suite);

/** The mistake in an entry, in the words of the config's errors; null when it names a known set the right way. */
export function entryMistake(entry: SetEntry): string | null {
  const name = setName(entry);
  const suite = SUITES.find((s) => s.name === name);
  if (suite === undefined) {
    return `there is no evaluation set ${JSON.stringify(name)}; known are ${SUITES.map((s) => `${s.name} (${s.describe})`).join(", ")}`;
  }
  if (suite.from === "folder" && typeof entry === "string") {
    return `${name} is read from a folder: write {suite: ${name}, path: DIR}`;
  }
  if (suite.from === "split" && typeof entry !== "string") return `${name} takes no path: write ${name}`;
  return null;
}

/**
 * Loads the sets in the order named.
 * @param entries without a mistake (`entryMistake`)
 * @param heldOut test split of the config's problems
 * @param resolve path in a config -> path on this machine
 * @throws TrainError data when a folder does not hold its benchmark
 */
export function loadSets(
  entries: readonly SetEntry[],
  heldOut: readonly Problem[],
  resolve: (path: string) => string,
): readonly EvalSet[] {
  return entries.map((entry) => {
    const name = setName(entry);
    const suite = SUITES.find((s) => s.name === name)!;
    if (suite.from === "split") return { name, problems: suite.load(heldOut) };
    return { name, problems: suite.load(resolve(typeof entry === "string" ? entry : entry.path)) };
  });
}
