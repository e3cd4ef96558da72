/** The backends by name: what each runs on, and what to type where it is missing. */

import { TrainError } from "../../core/errors.js";
import type { Provider } from "../onnx/provider.js";

export const LEARNER_BACKENDS = ["ort-cpu", "ort-webgpu", "ort-cuda", "tfjs-node-gpu", "tfjs-node"] as const;
export const SAMPLER_BACKENDS = ["ort-cpu", "ort-cuda", "ort-webgpu"] as const;

export type LearnerBackend = (typeof LEARNER_BACKENDS)[number];
export type SamplerBackend = (typeof SAMPLER_BACKENDS)[number];
export type OrtBackend = SamplerBackend;
export type TfjsBackend = Exclude<LearnerBackend, OrtBackend>;

export const isTfjs = (backend: LearnerBackend): backend is TfjsBackend => backend.startsWith("tfjs");
export const providerOf = (backend: OrtBackend): Provider => backend.slice("ort-".length) as Provider;

/** What to type where the backend does not load. */
export const INSTALL: Readonly<Record<LearnerBackend, string>> = {
  "ort-cpu": "ONNXRUNTIME_NODE_INSTALL=skip npm ci",
  "ort-webgpu": "install the GPU's Vulkan driver; scripts/train doctor shows what is there",
  "ort-cuda": "scripts/setup --gpu",
  "tfjs-node-gpu": "scripts/setup --gpu",
  "tfjs-node": "scripts/setup --cpu-tfjs",
};

/** @param key `learner.backend` or `sampler.backend`  @param why the loader's own words */
export const cannotLoad = (
  key: string,
  backend: LearnerBackend,
  why: string,
  hint: string = INSTALL[backend],
): TrainError => new TrainError("tool", `${key}=${backend} cannot be used on this machine: ${why}`, { hint });
