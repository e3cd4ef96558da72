/** What stands between a candidate and the machine, in the words that runs record and `doctor` prints. */

export const SANDBOX_LEVEL = "lexical gate, resource limits, process groups";
