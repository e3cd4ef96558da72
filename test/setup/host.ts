/** A host made up for tests: programs that answer from a table, and no others. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { TrainError } from "../../src/core/errors.js";
import type { Effects, Ran } from "../../src/setup/effects.js";

export function temporary(): string {
  const dir = mkdtempSync(join(tmpdir(), "gpu-setup-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

export type Program = (
  words: readonly string[],
  env: Readonly<Record<string, string>>,
) => Partial<Ran> | Promise<Partial<Ran>>;

export function fakeHost(programs: Readonly<Record<string, Program>>, free = 1e12) {
  const said: string[] = [];
  const ran: string[][] = [];
  const effects: Effects = {
    libraryPath: "",
    say: (line) => void said.push(line),
    freeBytes: () => free,
    async run(program, words, options) {
      ran.push([program, ...words]);
      const answer = await programs[program]?.(words, options?.env ?? {});
      return {
        code: answer === undefined ? null : (answer.code ?? 0),
        ...(answer?.signal !== undefined && { signal: answer.signal }),
        output: answer?.output ?? "",
      };
    },
  };
  return { effects, said, ran };
}

/** The TrainError that `act` ends with. */
export async function refusal(act: () => unknown): Promise<TrainError> {
  try {
    await act();
  } catch (error) {
    if (error instanceof TrainError) return error;
    throw error;
  }
  throw new Error("expected a TrainError, got success");
}
