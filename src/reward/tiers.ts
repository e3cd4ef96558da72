/** How far the reward goes beyond one simulation. */

export interface AuditOptions {
  /** Of the passes, 0 to 1. */
  readonly share: number;
  readonly vectors: number;
}

export interface FormalOptions {
  readonly when: "never" | "audit" | "always";
  /** Wall-time cap of one attempt. */
  readonly seconds: number;
}

export const DEFAULT_AUDIT: AuditOptions = { share: 0.02, vectors: 10_000 };
export const DEFAULT_FORMAL: FormalOptions = { when: "audit", seconds: 3 };
