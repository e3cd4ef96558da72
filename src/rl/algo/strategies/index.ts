/** The sampling strategies. One more is a file beside this one and its line here. */

import { adaptive } from "./adaptive.js";
import { batchMin } from "./batch-min.js";
import { batchWindow } from "./batch-window.js";
import { dynamic } from "./dynamic.js";
import { fixed } from "./fixed.js";
import type { StrategyKind } from "./kind.js";

/** In the order of the config reference; those that estimate pass rates come last. */
export const STRATEGIES = [fixed, dynamic, batchMin, batchWindow, adaptive] as const;

export type StrategyName = (typeof STRATEGIES)[number]["name"];

export const STRATEGY_NAMES = STRATEGIES.map((s) => s.name) as [StrategyName, ...StrategyName[]];

/** The strategy of that name. */
export const strategyKind = (name: StrategyName): StrategyKind => STRATEGIES.find((s) => s.name === name)!;
