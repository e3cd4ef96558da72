/**
 * Starts the embedded engine in a worker thread and gives its calls as promises. The learner and the sampler share the
 * worker and the weights in it: an update is seen by the next token drawn.
 */

import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { SHARE_ENV, Worker, type WorkerOptions } from "node:worker_threads";
import { TrainError } from "../core/errors.js";
import type { Batch, Completion, SampleRequest, StepHyper, StepReport } from "../core/types.js";
import { type PolicyVersion, policyVersion } from "../core/units.js";
import type { Qwen2Config } from "../model/config.js";
import type { Weights } from "../model/parameters.js";
import type { LearnerBackend, SamplerBackend } from "./accelerator/backends.js";
import {
  type CallName,
  type Calls,
  type EngineFacts,
  type FromWorker,
  fromWire,
  type WorkerSettings,
} from "./protocol.js";
import { flatLayout, packWeights, viewsOf } from "./qwen2/flat.js";
import type { CheckpointingMode } from "./tfjs/checkpointing.js";

export interface EngineOptions {
  readonly model: { readonly config: Qwen2Config; readonly weights: Weights };
  /** Backends to try in order; default onnxruntime on the CPU. */
  readonly learner?: readonly LearnerBackend[];
  readonly sampler?: readonly SamplerBackend[];
  /** Whether a tfjs learner makes activations again in the backward pass; default auto: where memory is short. */
  readonly checkpointing?: CheckpointingMode;
  /** Whether CUDA may round the factors of products to 10 bits, in all engines of the process; default false. */
  readonly tf32?: boolean;
  /** Bytes of the learner's device; default unknown. */
  readonly deviceBytes?: number | null;
  /** Told what a step had to do otherwise than asked, in a sentence. */
  readonly note?: (text: string) => void;
  /** ORT intra-op threads while training and while sampling; default 1 each. */
  readonly trainThreads?: number;
  readonly sampleThreads?: number;
  /** Rows that are sampled side by side; null or absent = by the backend. */
  readonly slots?: number | null;
  /** Prompt and completion tokens of one row at most. */
  readonly maxLength: number;
}

export interface Engine {
  readonly config: Qwen2Config;
  readonly maxLength: number;
  readonly facts: EngineFacts;
  /** Optimizer updates behind the weights, over restores too. */
  readonly updates: number;
  /** One optimizer step; when `signal` aborts before the update, rejects and leaves the weights alone. */
  train(batch: Batch, hyper: StepHyper, signal?: AbortSignal): Promise<StepReport>;
  /** The step's summed gradient, flat in the order of `flatLayout`, without an update. */
  gradients(batch: Batch, microBatchTokens: number): Promise<{ loss: number; gradient: Float32Array }>;
  /** Log-probs [N] at the batch's temperature; 0 at the first token of each row. */
  logprobs(batch: Batch, signal?: AbortSignal): Promise<Float32Array>;
  /**
   * Completions as they finish. When `signal` aborts, what is unfinished is dropped and the iteration throws the
   * signal's reason; leaving the loop early stops the sampling too.
   * @param version goes into the completions; default 0
   */
  generate(
    requests: readonly SampleRequest[],
    signal?: AbortSignal,
    version?: PolicyVersion,
  ): AsyncIterable<Completion>;
  /** A copy of the weights, HF names and layout. */
  weights(): Promise<Weights>;
  /** The same in one array, in the order of `flatLayout`. */
  flatWeights(): Promise<Float32Array>;
  /** Takes over another engine's `flatWeights`, and their buffer; the optimizer state stays what it was. */
  adopt(weights: Float32Array): Promise<void>;
  /** The same from weights by name; the call is made at once. @throws TrainError data when they are another model's */
  adoptModel(weights: Weights): Promise<void>;
  /** Writes weights and optimizer state into an existing directory; `restore` reads them back bit for bit. */
  save(dir: string): Promise<void>;
  restore(dir: string): Promise<void>;
  close(): Promise<void>;
}

/** Padded tokens per forward pass of `logprobs`. */
const LOGPROB_TOKENS = 4096;

/** @throws TrainError "worker" when the runtime cannot be loaded, "data" when weights and config do not fit */
export async function startEngine(options: EngineOptions): Promise<Engine> {
  const { config, weights } = options.model;
  const threads = { train: options.trainThreads ?? 1, sample: options.sampleThreads ?? 1 };
  const maxLength = checkedLength(options.maxLength, config);
  const rpc = startWorker({
    config,
    weights,
    trainThreads: threads.train,
    sampleThreads: threads.sample,
    slots: options.slots ?? null,
    maxLength,
    learner: options.learner ?? ["ort-cpu"],
    sampler: options.sampler ?? ["ort-cpu"],
    checkpointing: options.checkpointing ?? "auto",
    tf32: options.tf32 ?? false,
    deviceBytes: options.deviceBytes ?? null,
  });
  let updates = 0;
  let facts: EngineFacts;
  try {
    facts = await rpc.call("facts", []);
  } catch (thrown) {
    await rpc.stop();
    throw thrown;
  }
  const adopt = async (weights: Float32Array): Promise<void> => {
    await rpc.call("adopt", [weights], { transfer: [weights.buffer as ArrayBuffer] });
  };
  return {
    config,
    maxLength,
    facts,
    get updates() {
      return updates;
    },
    async train(batch, hyper, signal) {
      const report = await rpc.call("train", [batch, hyper], {
        signal,
        ...(options.note !== undefined && { item: options.note }),
      });
      updates = report.updates;
      return report;
    },
    gradients: (batch, microBatchTokens) => rpc.call("gradients", [batch, microBatchTokens]),
    logprobs: (batch, signal) => rpc.call("logprobs", [batch, LOGPROB_TOKENS], { signal }),
    async *generate(requests, signal, version = policyVersion(0)) {
      for await (const item of rpc.stream("generate", [requests, version], signal)) {
        if ("note" in item) options.note?.(item.note);
        else yield item;
      }
    },
    async weights() {
      return viewsOf(flatLayout(config), await rpc.call("flat", []));
    },
    flatWeights: () => rpc.call("flat", []),
    adopt,
    adoptModel(weights) {
      const layout = flatLayout(config);
      const flat = new Float32Array(layout.size);
      packWeights(layout, weights, flat);
      return adopt(flat);
    },
    async save(dir) {
      await rpc.call("save", [dir]);
    },
    async restore(dir) {
      updates = await rpc.call("restore", [dir]);
    },
    close: () => rpc.stop(),
  };
}

function checkedLength(maxLength: number, config: Qwen2Config): number {
  if (!Number.isInteger(maxLength) || maxLength < 2) {
    throw new TrainError(
      "config",
      `the engine's maximum length must be a whole number >= 2, got ${maxLength}`,
    );
  }
  if (maxLength > config.maxPositionEmbeddings) {
    throw new TrainError(
      "config",
      `the engine's maximum length ${maxLength} is beyond the model's ${config.maxPositionEmbeddings} positions`,
      { hint: `use at most ${config.maxPositionEmbeddings} tokens for prompt and completion together` },
    );
  }
  return maxLength;
}

interface Pending {
  resolve(value: unknown): void;
  reject(error: unknown): void;
  item?(value: unknown): void;
}

type Extras<N extends CallName> = {
  readonly signal?: AbortSignal | undefined;
  readonly item?: (value: Calls[N]["item"]) => void;
  readonly transfer?: readonly ArrayBuffer[];
};

function startWorker(settings: WorkerSettings) {
  const worker = spawnWorker(settings);
  const pending = new Map<number, Pending>();
  let nextId = 0;
  let dead: TrainError | null = null;
  const die = (error: TrainError): void => {
    dead ??= error;
    for (const call of pending.values()) call.reject(dead);
    pending.clear();
  };
  worker.on("message", (message: FromWorker) => {
    const call = pending.get(message.id);
    if (call === undefined) return;
    if (message.kind === "item") {
      call.item?.(message.value);
      return;
    }
    pending.delete(message.id);
    if (pending.size === 0) worker.unref();
    if (message.kind === "result") call.resolve(message.value);
    else call.reject(fromWire(message.error));
  });
  worker.on("error", (cause) =>
    die(new TrainError("worker", `the embedded engine's thread died: ${cause.message}`, { cause })),
  );
  worker.on("exit", (code) =>
    die(new TrainError("worker", `the embedded engine is not running (its thread ended with code ${code})`)),
  );
  worker.unref();

  const call = <N extends CallName>(
    name: N,
    args: Calls[N]["args"],
    { signal, item, transfer = [] }: Extras<N> = {},
  ): Promise<Calls[N]["result"]> => {
    if (dead !== null) return Promise.reject(dead);
    if (signal?.aborted) return Promise.reject(signal.reason);
    const id = nextId++;
    return new Promise<Calls[N]["result"]>((resolve, reject) => {
      const abort = (): void => worker.postMessage({ kind: "abort", id });
      const settle = (): void => signal?.removeEventListener("abort", abort);
      signal?.addEventListener("abort", abort, { once: true });
      pending.set(id, {
        resolve(value) {
          settle();
          resolve(value as Calls[N]["result"]);
        },
        reject(error) {
          settle();
          reject(signal?.aborted && isStop(error) ? signal.reason : error);
        },
        ...(item && { item: item as (value: unknown) => void }),
      });
      worker.ref();
      worker.postMessage({ kind: "call", id, name, args }, transfer);
    });
  };

  return {
    call,

    async *stream<N extends CallName>(
      name: N,
      args: Calls[N]["args"],
      signal?: AbortSignal,
    ): AsyncGenerator<Calls[N]["item"], void, undefined> {
      const leave = new AbortController();
      const stop = signal === undefined ? leave.signal : AbortSignal.any([signal, leave.signal]);
      const items: Calls[N]["item"][] = [];
      let wake: () => void = () => {};
      let ended = false;
      const done = call(name, args, {
        signal: stop,
        item(value) {
          items.push(value);
          wake();
        },
      }).finally(() => {
        ended = true;
        wake();
      });
      done.catch(() => {}); // awaited below; this keeps an early failure from counting as unhandled
      try {
        for (;;) {
          while (items.length > 0) yield items.shift()!;
          if (ended) break;
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
        await done;
        signal?.throwIfAborted();
      } finally {
        if (!ended) leave.abort();
      }
    },

    async stop(): Promise<void> {
      if (dead !== null) return;
      await call("close", []).catch(() => {});
      await worker.terminate();
    },
  };
}

const isStop = (error: unknown): boolean => error instanceof TrainError && error.code === "interrupted";

/** The built worker's file is beside this one; run from source, it needs tsx, which a worker does not inherit. */
function spawnWorker(settings: unknown): Worker {
  // The runtime reads its telemetry switch from the process's real environment, so the worker must share it.
  const options: WorkerOptions = { workerData: settings, env: SHARE_ENV, execArgv: [] };
  if (!import.meta.url.endsWith(".ts")) return new Worker(new URL("./worker.js", import.meta.url), options);
  const tsx = dirname(createRequire(import.meta.url).resolve("tsx/package.json"));
  const loader = pathToFileURL(join(tsx, "dist/esm/api/index.mjs")).href;
  const entry = new URL("./worker.ts", import.meta.url).href;
  const start = `import("${loader}").then(({ register }) => { register(); return import("${entry}"); })`;
  return new Worker(start, { ...options, eval: true });
}
