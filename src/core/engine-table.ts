/** The config section of a table of engines: a union keyed on `engine`, so that each engine has keys of its own. */

import { z } from "zod";

/** A row's schema has `engine: z.literal(NAME)`; the one row that gives it a default is taken where no engine is named. */
export type EngineTable = Readonly<Record<string, { readonly schema: z.ZodObject }>>;

/** The section of whichever engine it names. */
export type SectionOf<T extends EngineTable> = z.output<T[keyof T]["schema"]>;

export function engineSection<T extends EngineTable>(table: T): z.ZodPrefault<z.ZodType<SectionOf<T>>> {
  type Schema = T[keyof T]["schema"];
  const schemas = Object.values(table).map((row) => row.schema) as [Schema, ...Schema[]];
  const section: z.ZodType<SectionOf<T>> = z.discriminatedUnion("engine", schemas);
  return section.prefault({});
}
