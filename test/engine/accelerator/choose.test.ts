import { describe, expect, it } from "vitest";
import { TrainError } from "../../../src/core/errors.js";
import { chooseLearner, chooseSampler, type Machine } from "../../../src/engine/accelerator/choose.js";
import { chooseBackends } from "../../../src/engine/choices.js";
import { openFirst } from "../../../src/engine/open.js";

const bare: Machine = {
  gpu: null,
  gpuBytes: null,
  missing: { "ort-cuda": "not installed", "tfjs-node-gpu": "not installed" },
};
const host: Machine = {
  gpu: "NVIDIA H200",
  gpuBytes: 150e9,
  missing: { "ort-cuda": null, "tfjs-node-gpu": null },
};

describe("auto", () => {
  it("is onnxruntime on the CPU where there is no GPU, whatever is installed", () => {
    for (const machine of [bare, { ...host, gpu: null }]) {
      expect(chooseLearner("auto", 1e9, machine).order).toEqual(["ort-cpu"]);
      expect(chooseSampler("auto", machine).order).toEqual(["ort-cpu"]);
    }
  });

  it("is tfjs on a GPU at every size, with the CPU last", () => {
    for (const parameters of [1.8e6, 121e6]) {
      expect(chooseLearner("auto", parameters, host).order).toEqual(["tfjs-node-gpu", "ort-cuda", "ort-cpu"]);
    }
    expect(chooseLearner("auto", 1.8e6, host).reason).toBe("NVIDIA H200, 1.80 M parameters");
    expect(chooseSampler("auto", host).order).toEqual(["ort-cuda", "ort-cpu"]);
    expect(chooseSampler("auto", host, 0.9).order).toEqual(["ort-cpu"]);
  });

  it("passes over what is not installed, and says so", () => {
    const half = { ...host, missing: { ...host.missing, "tfjs-node-gpu": "not installed" } };
    const { order, reason } = chooseLearner("auto", 121e6, half);
    expect(order).toEqual(["ort-cuda", "ort-cpu"]);
    expect(reason).toContain("tfjs-node-gpu: not installed");
    const none = { ...host, missing: bare.missing };
    expect(chooseSampler("auto", none)).toEqual({
      order: ["ort-cpu"],
      reason: "NVIDIA H200; ort-cuda: not installed",
    });
  });

  it("leaves a name as it is", () => {
    expect(chooseLearner("ort-webgpu", 1e6, bare)).toEqual({
      order: ["ort-webgpu"],
      reason: "asked for by name",
    });
  });
});

describe("a backend by name that is not there", () => {
  const auto = { backend: "auto", top_p: 1 } as const;
  const on = (machine: Machine) => async () => machine;

  it("is refused before anything starts, with what to type", async () => {
    const cardOnly = on({ ...host, missing: bare.missing });
    for (const backend of ["ort-cuda", "tfjs-node-gpu"] as const) {
      await expect(chooseBackends({ backend }, auto, 1e6, on(bare))).rejects.toMatchObject({
        code: "tool",
        exitCode: 4,
        message: `learner.backend=${backend} cannot be used on this machine: the driver's tool nvidia-smi shows no GPU`,
        hint: "install the NVIDIA driver, or leave the choice to learner.backend=auto",
      });
      await expect(chooseBackends({ backend }, auto, 1e6, cardOnly)).rejects.toMatchObject({
        exitCode: 4,
        message: expect.stringContaining(": not installed"),
        hint: "scripts/setup --gpu",
      });
    }
    await expect(chooseBackends(null, { ...auto, backend: "ort-cuda" }, 1e6, cardOnly)).rejects.toMatchObject(
      {
        message: expect.stringMatching(/^sampler\.backend=ort-cuda/),
      },
    );
  });

  it("leaves the learner on the CPU where nothing is trained", async () => {
    const { learner, sampler } = await chooseBackends(null, auto, 1e9, on(host));
    expect(learner).toEqual({ order: ["ort-cpu"], reason: "nothing is trained" });
    expect(sampler.order).toEqual(["ort-cuda", "ort-cpu"]);
  });
});

describe("opening an order", () => {
  const refuse = new TrainError("tool", "learner.backend=ort-cuda cannot be used");
  const open = async (backend: string) => {
    if (backend === "ort-cuda") throw refuse;
    if (backend === "ort-webgpu") throw new TrainError("data", "bad weights");
    return backend;
  };

  it("takes the first that loads and keeps the reasons of the others", async () => {
    expect(await openFirst(["ort-cuda", "ort-cpu"], open)).toEqual({
      value: "ort-cpu",
      backend: "ort-cpu",
      refused: [refuse.message],
    });
  });

  it("throws the refusal of the last, and anything else at once", async () => {
    await expect(openFirst(["ort-cuda"], open)).rejects.toBe(refuse);
    await expect(openFirst(["ort-webgpu", "ort-cpu"], open)).rejects.toMatchObject({ code: "data" });
  });
});
