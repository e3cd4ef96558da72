/** One shape of arguments for every bench: `--name value`, each with a default. */

import { parseArgs } from "node:util";

type Value = number | string | boolean;
type Widened<T> = T extends number ? number : T extends boolean ? boolean : string;

/**
 * The command line by the names of `defaults`; a default's type is the argument's type, and `false` makes a flag.
 *
 * @throws for an unknown name, for a word without a name, and for a number that is none
 */
export function readArgs<T extends Readonly<Record<string, Value>>>(
  defaults: T,
  words: readonly string[] = process.argv.slice(2),
): { readonly [K in keyof T]: Widened<T[K]> } {
  const options = Object.fromEntries(
    Object.entries(defaults).map(([name, value]) => [
      name,
      { type: typeof value === "boolean" ? ("boolean" as const) : ("string" as const) },
    ]),
  );
  const { values } = parseArgs({ args: [...words], options });
  const read = Object.entries(defaults).map(([name, value]) => {
    const given = values[name];
    if (given === undefined || typeof value !== "number") return [name, given ?? value];
    const number = given === "" ? Number.NaN : Number(given);
    if (Number.isNaN(number)) throw new Error(`--${name} ${given}: expected a number, like ${value}`);
    return [name, number];
  });
  return Object.fromEntries(read);
}
