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
import { makeCalls } from "../rpc/calls.js";
import type { Answer } from "../rpc/wire.js";
import type { EngineCalls, EngineFacts, WorkerSettings } from "./protocol.js";
import { flatLayout, packWeights, viewsOf } from "./qwen2/flat.js";

/** Settings of the worker thread that may be left out, and what they then are. */
const DEFAULTS = {
  learner: ["ort-cpu"],
  sampler: ["ort-cpu"],
  checkpointing: "auto",
  tf32: false,
  deviceBytes: null,
  trainThreads: 1,
  sampleThreads: 1,
  slots: null,
} as const satisfies Omit<WorkerSettings, "config" | "weights" | "maxLength">;

export interface EngineOptions
  extends Partial<Pick<WorkerSettings, keyof typeof DEFAULTS>>,
    Pick<WorkerSettings, "maxLength"> {
  readonly model: Pick<WorkerSettings, "config" | "weights">;
  /** Told what the engine had to do otherwise than asked, in a sentence. */
  readonly note?: (text: string) => void;
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
  const { model, note, ...given } = options;
  const { config } = model;
  const maxLength = checkedLength(options.maxLength, config);
  const rpc = startWorker({ ...DEFAULTS, ...given, ...model });
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
        ...(note !== undefined && { item: note }),
      });
      updates = report.updates;
      return report;
    },
    gradients: (batch, microBatchTokens) => rpc.call("gradients", [batch, microBatchTokens]),
    logprobs: (batch, signal) => rpc.call("logprobs", [batch, LOGPROB_TOKENS], { signal }),
    async *generate(requests, signal, version = policyVersion(0)) {
      for await (const item of rpc.stream("generate", [requests, version], signal)) {
        if ("note" in item) note?.(item.note);
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

function startWorker(settings: WorkerSettings) {
  const worker = spawnWorker(settings);
  let over = false;
  const calls = makeCalls<EngineCalls>({
    send: (message, transfer) => worker.postMessage(message, transfer),
    hold: (on) => (on ? worker.ref() : worker.unref()),
    onAbort: "wait",
  });
  const die = (error: TrainError): void => {
    over = true;
    calls.end(error);
  };
  worker.on("message", (answer: Answer) => void calls.hear(answer));
  worker.on("error", (cause) =>
    die(new TrainError("worker", `the embedded engine's thread died: ${cause.message}`, { cause })),
  );
  worker.on("exit", (code) =>
    die(new TrainError("worker", `the embedded engine is not running (its thread ended with code ${code})`)),
  );
  worker.unref();
  return {
    ...calls,
    async stop(): Promise<void> {
      if (over) return;
      await calls.call("close", []).catch(() => {});
      await worker.terminate();
    },
  };
}

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
