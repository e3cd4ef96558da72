import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach } from "vitest";
import { TrainError } from "../../src/core/errors.js";
import { type Host, systemHost } from "../../src/run/host.js";

const made: string[] = [];

/** A folder of its own, deleted after the test. */
export function scratch(): string {
  const dir = mkdtempSync(join(tmpdir(), "run-test-"));
  made.push(dir);
  return dir;
}

afterEach(() => {
  for (const dir of made.splice(0)) rmSync(dir, { recursive: true, force: true });
});

export function errorOf(call: () => unknown): TrainError {
  try {
    call();
  } catch (error) {
    if (error instanceof TrainError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

export async function rejectionOf(promise: Promise<unknown>): Promise<TrainError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof TrainError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

export const fakeHost = (over: Partial<Host> = {}): Host => ({
  ...systemHost(),
  birthmark: () => null,
  ...over,
});

/** A host whose disk is not waited for: syncing every file is what makes tests of checkpoints slow. */
export const hastyHost = (): Host => fakeHost({ fsync: () => {} });

/** Every path below `dir`, folders with a trailing slash. */
export function tree(dir: string, prefix = ""): string[] {
  return readdirSync(join(dir, prefix))
    .sort()
    .flatMap((name) => {
      const path = `${prefix}${name}`;
      return statSync(join(dir, path)).isDirectory() ? [`${path}/`, ...tree(dir, `${path}/`)] : [path];
    });
}
