/**
 * The engine's worker thread. A graph run blocks its thread for as long as it takes, so the engine lives here and the
 * caller's event loop stays free for simulations. Calls run one after another; an abort reaches the running call
 * between two graph runs.
 */

import { parentPort, workerData } from "node:worker_threads";
import { messageOf, TrainError } from "../core/errors.js";
import { type Handlers, serveCalls } from "../rpc/serve.js";
import type { Answer, Request } from "../rpc/wire.js";
import { isTfjs, type LearnerBackend, providerOf } from "./accelerator/backends.js";
import { activationRoom } from "./accelerator/memory.js";
import { guardedLearner } from "./guard.js";
import type { Provider } from "./onnx/provider.js";
import { loadOrt } from "./onnx/runtime.js";
import { checkProvider, openFirst, openTfjs, type Running } from "./open.js";
import { makeGenerator } from "./ort/generator.js";
import { makeOrtLearner } from "./ort/learner.js";
import { makeRolloutGenerator } from "./ort/rollout-generator.js";
import type { EngineCalls, WorkerSettings } from "./protocol.js";
import { flatLayout, packWeights } from "./qwen2/flat.js";
import { restoreState, saveState } from "./state.js";
import { checkpointing } from "./tfjs/checkpointing.js";
import { makeTfjsLearner } from "./tfjs/learner.js";

const port = parentPort!;

const deviceOf = (provider: Provider, threads: number): string =>
  provider === "cpu" ? `cpu, ${threads} thread(s)` : provider;
const running = (backend: LearnerBackend, runtime: string, device: string): Running => ({
  backend,
  runtime,
  device,
});

let closing = false;

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

  const handlers: Handlers<EngineCalls> = {
    facts: () => ({
      parameters: layout.size,
      runtime,
      learner: running(learner.backend, learner.value.runtime, learner.value.device),
      sampler: running(sampler.backend, runtime, sampler.value.device),
      refused: [...learner.refused, ...sampler.refused],
    }),
    train: ([batch, hyper], { item, signal }) => {
      note = item;
      return trainer.step(batch, hyper, () => signal.aborted);
    },
    gradients: ([batch, tokens]) => trainer.gradients(batch, tokens),
    logprobs: ([batch, tokens]) => trainer.logprobs(batch, tokens),
    generate: async ([requests, version], { item, signal }) => {
      await trainer.pull(false);
      sampleNote = (text) => item({ note: text });
      await generator.run(requests, version, item, () => signal.aborted);
      return null;
    },
    flat: async () => {
      await trainer.pull(false);
      return weights.slice();
    },
    adopt: async ([other]) => {
      weights.set(other);
      await trainer.push(false);
      return null;
    },
    save: async ([dir]) => {
      await trainer.pull(true);
      await saveState(dir, layout, state);
      return null;
    },
    restore: async ([dir]) => {
      await restoreState(dir, layout, state);
      await trainer.push(true);
      return trainer.adam.count;
    },
    close: async () => {
      await trainer.close();
      await generator.close();
      closing = true;
      return null;
    },
  };
  return handlers;
}

/** A result's array changes its owner, so that nothing is copied on the way. */
function post(answer: Answer): void {
  const array = answer.kind === "result" && answer.value instanceof Float32Array ? answer.value : null;
  port.postMessage(answer, array === null ? [] : [array.buffer as ArrayBuffer]);
  if (closing && answer.kind !== "item") port.close();
}

function failure(thrown: unknown): unknown {
  if (thrown instanceof TrainError) return thrown;
  const error = new TrainError("worker", `the embedded engine failed: ${messageOf(thrown)}`, {
    cause: thrown,
  });
  if (thrown instanceof Error && thrown.stack !== undefined) error.stack = thrown.stack;
  return error;
}

const ready = start(workerData as WorkerSettings);
ready.catch(() => {}); // every call reports it
const take = serveCalls<EngineCalls>(ready, post, { inOrder: true, failure });
port.on("message", (request: Request<EngineCalls>) => take(request));
