/**
 * The trackers that a run may have besides its own record (jsonl.ts), which is always kept. One more tracker = one file
 * beside this one and one line in `TRACKERS`; its name there is its key in the config section `track`.
 */

import { z } from "zod";
import type { Tracker } from "../../core/ports.js";
import type { Named } from "./multi.js";
import { tensorboard } from "./tensorboard.js";

/** Name -> schema of its settings, and how to open it; `open` returns null where the settings turn it off. */
export const TRACKERS = { tensorboard };

type Schemas = { [K in keyof typeof TRACKERS]: (typeof TRACKERS)[K]["schema"] };

export const trackSchema = z
  .strictObject(
    Object.fromEntries(Object.entries(TRACKERS).map(([name, { schema }]) => [name, schema])) as Schemas,
  )
  .prefault({});

export type TrackSection = z.infer<typeof trackSchema>;
type Name = keyof TrackSection;

const OPENERS: {
  readonly [K in Name]: { open(settings: TrackSection[K], runDir: string): Tracker | null };
} = TRACKERS;

/** Opens the trackers that the config turns on, in the order of the table. */
export function openTrackers(section: TrackSection, runDir: string): Named[] {
  const open = <K extends Name>(name: K): Named[] => {
    const tracker = OPENERS[name].open(section[name], runDir);
    return tracker === null ? [] : [{ name, tracker }];
  };
  return (Object.keys(TRACKERS) as Name[]).flatMap(open);
}
