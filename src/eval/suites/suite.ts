/** What an evaluation set is: a name and a way to get its problems. Its problems are never trained on. */

import type { Problem } from "../../core/types.js";

interface Named {
  /** Name in `eval.sets`, in metric keys (`eval/<name>/pass@1`) and in file names: letters, digits and hyphens. */
  readonly name: string;
  /** One sentence for the list that an unknown name is refused with. */
  readonly describe: string;
}

/** Takes problems from the held-out split of `data`. */
export interface SplitSuite extends Named {
  readonly from: "split";
  load(heldOut: readonly Problem[]): readonly Problem[];
}

/** Reads a folder that the user names: a checkout of a public benchmark. */
export interface FolderSuite extends Named {
  readonly from: "folder";
  /** @throws TrainError data when `dir` is not such a folder, or a problem in it is incomplete */
  load(dir: string): readonly Problem[];
}

export type Suite = SplitSuite | FolderSuite;
