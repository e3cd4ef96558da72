/**
 * The engine's worker thread. A graph run blocks its thread for as long as it takes, so the engine lives here and the
 * caller's event loop stays free for simulations. Calls run one after another; an abort reaches the running call
 * between two graph runs.
 */

import { parentPort, workerData } from "node:worker_threads";
import type { Batch, SampleRequest, StepHyper } from "../core/types.js";
import type { PolicyVersion } from "../core/units.js";
import { isTfjs, type LearnerBackend, providerOf } from "./accelerator/backends.js";
import { activationRoom } from "./accelerator/memory.js";
import { guardedLearner } from "./guard.js";
import type { Provider } from "./onnx/provider.js";
import { loadOrt } from "./onnx/runtime.js";
import { checkProvider, openFirst, openTfjs, type Running } from "./open.js";
import { makeGenerator } from "./ort/generator.js";
import { makeOrtLearner } from "./ort/learner.js";
import { makeRolloutGenerator } from "./ort/rollout-generator.js";
import type { CallName, FromWorker, ToWorker, WorkerSettings } from "./protocol.js";
import { toWire } from "./protocol.js";
import { flatLayout, packWeights } from "./qwen2/flat.js";
import { restoreState, saveState } from "./state.js";
import { checkpointing } from "./tfjs/checkpointing.js";
import { makeTfjsLearner } from "./tfjs/learner.js";

const port = parentPort!;
const post = (message: FromWorker, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer);

const deviceOf = (provider: Provider, threads: number): string =>
  provider === "cpu" ? `cpu, ${threads} thread(s)` : provider;
const running = (backend: LearnerBackend, runtime: string, device: string): Running => ({
  backend,
  runtime,
  device,
});

/** Rollouts side by side where nobody says: more rows fill a GPU's kernels, a core is full with few. */
const SLOTS = { cpu: 64, device: 1024 };

async function start(settings: WorkerSettings) {
  const { config, maxLength, tf32 } = settings;
  const ort = await loadOrt();
  const layout = flatLayout(config);
  const weights = new Float32Array(layout.size);
  packWeights(layout, settings.weights, weights);
  const shared = { config, layout, weights, maxLength };
  const runtime = `onnxruntime-node ${ort.env.versions.node ?? ort.env.versions.common}`;
  let note: (text: string) => void = () => {};
  let sampleNote: (text: string) => void = () => {};
  const learner = await openFirst(settings.learner, async (backend) => {
    if (isTfjs(backend)) {
      const kernels = await openTfjs(backend);
      const { runtime, device } = kernels;
      const again = checkpointing(
        settings.checkpointing,
        config,
        activationRoom(config, backend === "tfjs-node-gpu" ? settings.deviceBytes : null),
      );
      return { trainer: makeTfjsLearner(kernels, { ...shared, checkpointing: again }), runtime, device };
    }
    const provider = providerOf(backend);
    await checkProvider(ort, "learner.backend", backend, tf32);
    const trainer = makeOrtLearner(ort, { ...shared, threads: settings.trainThreads, provider, tf32 });
    return { trainer, runtime, device: deviceOf(provider, settings.trainThreads) };
  });
  const sampler = await openFirst(settings.sampler, async (backend) => {
    await checkProvider(ort, "sampler.backend", backend, tf32);
    const provider = providerOf(backend);
    const slots = settings.slots ?? (provider === "cpu" ? SLOTS.cpu : SLOTS.device);
    const options = { ...shared, threads: settings.sampleThreads, provider, slots };
    const generator =
      provider === "cpu"
        ? makeGenerator(ort, options)
        : makeRolloutGenerator(ort, {
            ...options,
            tf32,
            note: (text) => sampleNote(text),
          });
    return { generator, device: deviceOf(provider, settings.sampleThreads) };
  });
  const trainer = guardedLearner({ trainer: learner.value.trainer, note: (text) => note(text) });
  const { generator } = sampler.value;
  const state = { weights, adam: trainer.adam };

  type Handler = (args: readonly unknown[], emit: (item: unknown) => void, aborted: () => boolean) => unknown;
  const handlers: Record<CallName, Handler> = {
    facts: () => ({
      parameters: layout.size,
      runtime,
      learner: running(learner.backend, learner.value.runtime, learner.value.device),
      sampler: running(sampler.backend, runtime, sampler.value.device),
      refused: [...learner.refused, ...sampler.refused],
    }),
    train: ([batch, hyper], emit, aborted) => {
      note = emit;
      return trainer.step(batch as Batch, hyper as StepHyper, aborted);
    },
    gradients: ([batch, tokens]) => trainer.gradients(batch as Batch, tokens as number),
    logprobs: ([batch, tokens]) => trainer.logprobs(batch as Batch, tokens as number),
    generate: async ([requests, version], emit, aborted) => {
      await trainer.pull(false);
      sampleNote = (text) => emit({ note: text });
      await generator.run(requests as SampleRequest[], version as PolicyVersion, emit, aborted);
      return null;
    },
    flat: async () => {
      await trainer.pull(false);
      return weights.slice();
    },
    adopt: async ([other]) => {
      weights.set(other as Float32Array);
      await trainer.push(false);
      return null;
    },
    save: async ([dir]) => {
      await trainer.pull(true);
      await saveState(dir as string, layout, state);
      return null;
    },
    restore: async ([dir]) => {
      await restoreState(dir as string, layout, state);
      await trainer.push(true);
      return trainer.adam.count;
    },
    close: async () => {
      await trainer.close();
      await generator.close();
      return null;
    },
  };
  return handlers;
}

const ready = start(workerData as WorkerSettings);
const aborted = new Set<number>();
let queue: Promise<unknown> = ready.catch(() => {});

port.on("message", (message: ToWorker) => {
  if (message.kind === "abort") {
    aborted.add(message.id);
    return;
  }
  const { id, name, args } = message;
  queue = queue.then(async () => {
    try {
      const handlers = await ready;
      const value = await handlers[name](
        args,
        (item) => post({ kind: "item", id, value: item }),
        () => aborted.has(id),
      );
      post({ kind: "result", id, value }, value instanceof Float32Array ? [value.buffer as ArrayBuffer] : []);
    } catch (thrown) {
      post({ kind: "error", id, error: toWire(thrown) });
    } finally {
      aborted.delete(id);
    }
    if (name === "close") port.close();
  });
});
