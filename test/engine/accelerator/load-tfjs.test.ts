/** With the real library, where `scripts/setup --cpu-tfjs` or `--gpu` was run. */

import { describe, expect, it } from "vitest";
import { TrainError } from "../../../src/core/errors.js";
import { acceleratorRoot, readInstalled } from "../../../src/engine/accelerator/installed.js";
import { loadTfjs } from "../../../src/engine/accelerator/load-tfjs.js";
import {
  providerProblem,
  requireProvider,
  tryProvider,
} from "../../../src/engine/accelerator/ort-providers.js";
import { realEffects } from "../../../src/setup/effects.js";
import { selfTest } from "../../../src/setup/self-test.js";

const root = acceleratorRoot();
const found = readInstalled(root);
const installed = found.kind === "there" && found.manifest.tfjs !== undefined;
const title = installed
  ? "tfjs with TensorFlow's kernels"
  : "tfjs is not installed (scripts/setup --cpu-tfjs)";

describe.skipIf(!installed)(title, () => {
  it("loads on the CPU, once, and differentiates", async () => {
    const { tf, package: name, device, versions } = await loadTfjs({ want: "tfjs-node" });
    expect([name, device, tf.getBackend()]).toEqual(["tfjs-node", "cpu", "tensorflow"]);
    expect(versions.tensorflow).toMatch(/^2\.\d+\.\d+$/);
    expect((await loadTfjs()).tf).toBe(tf);
    // d/dx of sum(x³) is 3x².
    const gradient = tf.grad((x) => tf.sum(tf.pow(x, 3)))(tf.tensor1d([1, 2, -3]));
    expect([...(await gradient.data())]).toEqual([3, 12, 27]);
    gradient.dispose();
  });

  it("refuses a second backend in the same process", async () => {
    await loadTfjs({ want: "tfjs-node" });
    const error = await loadTfjs({ want: "tfjs-node-gpu" }).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(TrainError);
    expect((error as TrainError).message).toMatch(/^expected one tfjs backend in a process/);
  });

  it("tests itself in a child, which may crash without harm", async () => {
    const effects = realEffects(() => {}, "");
    expect(await selfTest(root, "tfjs-node", {}, effects)).toMatchObject({ ok: true });
    const result = await selfTest("/nowhere/.gpu", "tfjs-node", {}, effects);
    expect(result).toEqual({
      ok: false,
      value: "expected @tensorflow/tfjs-node, got none installed",
      hint: "scripts/setup --cpu-tfjs",
    });
    const crash = { ...effects, run: () => Promise.resolve({ code: 139, output: "Segmentation fault" }) };
    expect(await selfTest(root, "tfjs-node", {}, crash)).toEqual({
      ok: false,
      value: "the test process ended with exit code 139: Segmentation fault",
    });
  });
});

describe.skipIf(providerProblem("cuda") === null)("onnxruntime's CUDA provider, where it is absent", () => {
  it("is an error with the command that installs it, never a fallback", async () => {
    expect(() => requireProvider("cuda")).toThrow(/^expected onnxruntime's cuda provider, got none: /);
    const error = await tryProvider("cuda").catch((e: unknown) => e);
    expect(error).toMatchObject({ code: "tool", hint: "scripts/setup --gpu" });
  });
});
