/** Settings that only some choices read, declared beside a schema; the config loader refuses those that nobody would read. */

import { z } from "zod";

/** One setting and the choice that decides whether anything reads it. */
export interface KnobRule<C> {
  /** Dotted key of the setting. */
  readonly key: string;
  /** Dotted keys of the settings that choose; the setting is refused only when it is set beside or after one of them. */
  readonly choosers: readonly string[];
  readonly read: (config: C) => boolean;
  /** Why it is not read, and what would read it. */
  readonly message: (config: C) => string;
}

export interface KnobRules {
  readonly rules: readonly KnobRule<never>[];
}

/** The rules of a stage's schema; a schema without an entry has none. */
export const KNOB_RULES = z.registry<KnobRules>();
