/** How well a testbench tells the golden from its mutants, as one line. */

import type { Bench } from "../verify/report.js";

/** One sentence: how many mutants are told from the golden, and how many could not be judged. */
export function qualityText(q: NonNullable<Bench["quality"]>): string {
  const real = q.mutants - q.equivalent;
  const extra = [
    ...(q.equivalent > 0 ? [`${q.equivalent} more are proved equal to it`] : []),
    ...(q.undecided > 0 ? [`${q.undecided} undecided`] : []),
  ];
  return `tells ${q.killed} of ${real} mutants of the golden from it${extra.length > 0 ? ` (${extra.join(", ")})` : ""}`;
}
