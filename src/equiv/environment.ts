/** What a checker works with on this machine, in words that run manifests record and `doctor` prints. */

export interface Environment {
  /** What stands between a candidate and the machine. */
  readonly sandbox: string;
  /** What the sandbox lacks and what to type; null when it lacks nothing. */
  readonly missing: { readonly reason: string; readonly hint: string } | null;
  /** How simulator processes start. */
  readonly engine: "forked" | "spawn" | "other";
  readonly why: string;
  /** The formal engine, for example "Yosys 0.23"; null without one. */
  readonly formal: string | null;
}
