import { expect, it } from "vitest";
import { laneDevices } from "../../../src/stages/sweep/stage.js";

const lanes = [0, 1, 2, 3];
const of = (visible: string | undefined, count: number) =>
  lanes.map(laneDevices(visible, count)).map((env) => env.CUDA_VISIBLE_DEVICES ?? null);

it("members of a sweep are spread over the GPUs in turn, within those that the sweep may use", () => {
  expect(of(undefined, 3)).toEqual(["0", "1", "2", "0"]);
  expect(of("2,5", 8)).toEqual(["2", "5", "2", "5"]);
  // One, none, or none allowed: nothing to share out.
  for (const env of [of(undefined, 1), of(undefined, 0), of("1", 4), of("", 4)]) {
    expect(env).toEqual([null, null, null, null]);
  }
});
