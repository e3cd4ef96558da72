import { describe, expect, it } from "vitest";
import { type Host, planLinks, requireGpu } from "../../src/setup/cuda.js";
import { lookAtHost } from "../../src/setup/look-at-host.js";
import { fakeHost, refusal } from "./host.js";

const SITE = "/opt/py/site-packages/nvidia";
const CUDA_13 = [
  "cublas.so.13",
  "cublasLt.so.13",
  "cufft.so.12",
  "cusolver.so.12",
  "cusparse.so.12",
  "cudart.so.13",
  "curand.so.10",
  "cupti.so.13",
];
const libraries = (names: readonly string[], dir: string): [string, string][] =>
  names.map((n) => [`lib${n}`, `${dir}/lib${n}`]);
const hopper: Host = {
  gpus: [{ name: "NVIDIA H200", capability: 9 }],
  driver: "580.95.05",
  libraries: new Map([
    ...libraries(CUDA_13, `${SITE}/cu13/lib`),
    ...libraries(["cudnn.so.9"], `${SITE}/cudnn/lib`),
  ]),
};

describe("links", () => {
  it("give CUDA 13 libraries the names of CUDA 12, and ask for the real runtime", () => {
    const plan = planLinks(hopper, ["tfjs", "ort-cuda"]);
    expect(plan.major).toBe(13);
    expect(plan.fetchRuntime).toBe(true);
    expect(plan.dirs).toEqual([`${SITE}/cu13/lib`, `${SITE}/cudnn/lib`]);
    const names = Object.fromEntries(plan.links.map((l) => [l.name, l.target.replace(/.*\//, "")]));
    expect(names).toMatchObject({
      "libcublas.so.12": "libcublas.so.13",
      "libcublasLt.so.12": "libcublasLt.so.13",
      "libcufft.so.11": "libcufft.so.12",
      "libcusolver.so.11": "libcusolver.so.12",
      "libcusparse.so.12": "libcusparse.so.12",
      "libcudnn.so.9": "libcudnn.so.9",
      "libcupti.so.12": "libcupti.so.13",
      "libcudart.so.13": "libcudart.so.13",
    });
    expect(names["libcudart.so.12"]).toBeUndefined();
  });

  it("prefer the real CUDA 12, whose runtime is then there too", () => {
    const twelve = ["cublas.so.12", "cublasLt.so.12", "cufft.so.11", "cusolver.so.11", "cudart.so.12"];
    const host = {
      ...hopper,
      libraries: new Map([...hopper.libraries, ...libraries(twelve, "/usr/lib/x86_64-linux-gnu")]),
    };
    const plan = planLinks(host, ["tfjs"]);
    expect(plan.fetchRuntime).toBe(false);
    expect(plan.links.find((l) => l.name === "libcublas.so.12")?.target).toBe(
      "/usr/lib/x86_64-linux-gnu/libcublas.so.12",
    );
    // The system's folder is not put on the library path, where it would hide others.
    expect(plan.dirs).not.toContain("/usr/lib/x86_64-linux-gnu");
  });

  it("on CUDA 12 alone are those of its own names, for onnxruntime's provider of CUDA 12", () => {
    const names = [
      "cublas.so.12",
      "cublasLt.so.12",
      "cufft.so.11",
      "cudart.so.12",
      "curand.so.10",
      "cudnn.so.9",
    ];
    const host = {
      ...hopper,
      driver: "550.54",
      libraries: new Map(libraries(names, "/usr/local/cuda-12/lib64")),
    };
    expect(requireGpu(host, ["ort-cuda"]).name).toBe("NVIDIA H200");
    const plan = planLinks(host, ["ort-cuda"]);
    expect([plan.major, plan.fetchRuntime, plan.links.length]).toEqual([12, false, 6]);
    for (const { name, target } of plan.links) expect(target.endsWith(`/${name}`)).toBe(true);
  });

  it("name every library that is missing, another major version, and the packages to install", async () => {
    const host: Host = {
      ...hopper,
      libraries: new Map(
        libraries(["cublas.so.11", "cudnn.so.8", "cusparse.so.12"], "/usr/local/cuda-11/lib64"),
      ),
    };
    const error = await refusal(() => planLinks(host, ["tfjs"]));
    expect(error).toMatchObject({ code: "tool", exitCode: 4 });
    expect(error.message).toBe(
      "expected CUDA 12 or 13 libraries, got none of: libcublas.so.12 or libcublas.so.13, libcublasLt.so.12 or libcublasLt.so.13, " +
        "libcufft.so.11 or libcufft.so.12, libcusolver.so.11 or libcusolver.so.12, libcudnn.so.9",
    );
    expect(error.details).toEqual(["there is another major version: libcublas.so.11, libcudnn.so.8"]);
    expect(error.hint).toContain(
      "python3 -m pip install nvidia-cublas nvidia-cufft nvidia-cusolver nvidia-cudnn-cu13",
    );
  });
});

describe("the card", () => {
  it("must be there", async () => {
    const error = await refusal(() => requireGpu({ gpus: [], libraries: new Map() }, ["tfjs"]));
    expect(error.message).toBe("expected an NVIDIA GPU with its driver, got none");
    expect(error.hint).toContain("scripts/setup --cpu-tfjs");
  });

  it("must have a driver new enough for the libraries that are used", async () => {
    const old = { ...hopper, driver: "550.54.14" };
    expect((await refusal(() => requireGpu(old, ["tfjs", "ort-cuda"]))).message).toBe(
      "expected an NVIDIA driver of 580 or newer (CUDA 13), got 550.54.14",
    );
    expect(requireGpu(old, ["tfjs"]).name).toBe("NVIDIA H200");
    expect((await refusal(() => requireGpu({ ...hopper, driver: "470.1" }, ["tfjs"]))).message).toBe(
      "expected an NVIDIA driver of 525 or newer (CUDA 12), got 470.1",
    );
  });

  it("must be one the library has code for", async () => {
    const error = await refusal(() =>
      requireGpu({ ...hopper, gpus: [{ name: "Tesla M40", capability: 5.2 }] }, ["tfjs"]),
    );
    expect(error.message).toBe("expected compute capability 6.0 or higher, got 5.2 (Tesla M40)");
  });
});

it("a host is read from nvidia-smi and the linker's cache", async () => {
  const { effects } = fakeHost({
    "nvidia-smi": () => ({ output: "NVIDIA H200, 9.0, 580.95.05\nNVIDIA H200, 9.0, 580.95.05\n" }),
    ldconfig: () => ({
      output:
        "2 libs found\n\tlibcublas.so.13 (libc6,x86-64) => /lib/x/libcublas.so.13\n\tlibm.so.6 (libc6,x86-64) => /lib/x/libm.so.6\n",
    }),
  });
  const host = await lookAtHost(effects, undefined);
  expect(host.driver).toBe("580.95.05");
  expect(host.gpus).toEqual(Array(2).fill({ name: "NVIDIA H200", capability: 9 }));
  expect(host.libraries.get("libcublas.so.13")).toBeDefined();
  expect(host.libraries.has("libm.so.6")).toBe(false);
  expect((await lookAtHost(fakeHost({}).effects, undefined)).gpus).toEqual([]);
});
