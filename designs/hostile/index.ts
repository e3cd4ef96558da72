/**
 * Candidates that cheat or harm. None of them is the golden, so none may pass; each says what may come of it instead.
 * `outside` is a folder that no candidate has any business in.
 */

import type { Outcome } from "../../src/core/types.js";
import type { Case } from "./base.js";
import { peeks, prints, times } from "./cheats.js";
import { compilers, files, floods, simulators } from "./harms.js";
import { ports, texts } from "./texts.js";

export interface Hostile {
  readonly family: string;
  readonly name: string;
  readonly code: string;
  readonly allowed: readonly Outcome[];
}

export function hostile(outside: string): Hostile[] {
  const families: Readonly<Record<string, readonly Case[]>> = {
    prints: prints(),
    peeks: peeks(),
    times: times(),
    files: files(outside),
    compilers: compilers(),
    simulators: simulators(),
    floods: floods(),
    texts: texts(),
    ports: ports(),
  };
  return Object.entries(families).flatMap(([family, cases]) =>
    cases.map(([name, code, allowed]) => ({ family, name, code, allowed })),
  );
}
