import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { z } from "zod";
import { type Checkpoint, makeCheckpointStore } from "../../src/run/checkpoints.js";
import { readState, writeState } from "../../src/run/state-file.js";
import { hastyHost, rejectionOf, scratch } from "./help.js";

const schema = z.object({ counters: z.object({ step: z.int() }) });
const read = (checkpoint: Checkpoint, stage = "rl") =>
  readState(checkpoint, stage, ({ json, arrays }) => ({ ...schema.parse(json), arrays }));

async function saved(arrays: Record<string, Int32Array>): Promise<Checkpoint> {
  const store = makeCheckpointStore({
    runDir: scratch(),
    keepLast: 1,
    keepBest: 0,
    version: "0.1.0",
    configHash: "h",
    warn: () => {},
    host: hastyHost(),
  });
  return store.save(3, {}, (dir) => writeState(dir, "rl", { json: { counters: { step: 3 } }, arrays }));
}
const change = (checkpoint: Checkpoint, text: (old: string) => string) => {
  const path = join(checkpoint.dir, "state.json");
  writeFileSync(path, text(readFileSync(path, "utf8")));
};

it("the state of a stage comes back with its arrays, which the manifest lists", async () => {
  const checkpoint = await saved({ tokens: Int32Array.of(1, 2, 3) });
  expect(await read(checkpoint)).toEqual({
    counters: { step: 3 },
    arrays: { tokens: Int32Array.of(1, 2, 3) },
  });
  expect(Object.keys(checkpoint.manifest.files)).toEqual(["state.json", "state.safetensors"]);
  const without = await saved({});
  expect(await read(without)).toEqual({ counters: { step: 3 }, arrays: {} });
  expect(Object.keys(without.manifest.files)).toEqual(["state.json"]);
});

it.each([
  ["an unknown format", '"format":2', '"format":7', "expected a state of format 2, found format 7"],
  [
    "another stage",
    '"stage":"rl"',
    '"stage":"distill"',
    "expected the state of stage rl, found that of stage distill",
  ],
  [
    "a wrong type",
    '"step":3',
    '"step":"3"',
    "expected the state of stage rl in format 2: counters.step: Invalid input: expected number, received string",
  ],
  ["no format", '"format":2,', "", "expected {format, stage, state}: format: Invalid input"],
  ["half a file", '"state":', "", "expected the state of stage rl as JSON: "],
])("%s is refused with the file's name and what to type", async (_what, from, to, message) => {
  const checkpoint = await saved({});
  change(checkpoint, (old) => {
    expect(old).toContain(from);
    return old.replace(from, to);
  });
  const error = await rejectionOf(read(checkpoint));
  expect(error.code).toBe("data");
  expect(error.message).toContain(`${join(checkpoint.dir, "state.json")}: ${message}`);
  expect(error.hint).toBe(
    "resume the run with veriloop 0.1.0, which wrote it, or start another run with run.name=OTHER",
  );
});
