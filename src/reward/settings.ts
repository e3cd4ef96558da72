/** What a rewarder is made from. */

import type { CheckerOptions, CheckerSettings } from "../equiv/settings.js";
import { DEFAULT_SHAPE, type ShapeOptions } from "./shape.js";
import { type AuditOptions, DEFAULT_AUDIT, DEFAULT_FORMAL, type FormalOptions } from "./tiers.js";

/** How verdicts are made from checks. */
export interface JudgingOptions {
  readonly shape?: ShapeOptions;
  readonly audit?: AuditOptions;
  readonly formal?: FormalOptions;
}

/** What the rewarder derives from its own sections. */
type Derived = "auditVectors" | "proofSeconds";

/** Plain data, so that it can be sent to a process. */
export interface RewarderSettings extends Omit<CheckerSettings, Derived>, JudgingOptions {}

/** With another simulator or formal engine, closed with the rewarder. */
export interface RewarderOptions extends Omit<CheckerOptions, Derived>, JudgingOptions {}

export const DEFAULTS = { shape: DEFAULT_SHAPE, audit: DEFAULT_AUDIT, formal: DEFAULT_FORMAL } as const;
