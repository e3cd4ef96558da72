/** The engine in its worker thread, run from source. */

import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Engine, startEngine } from "../../src/engine/client.js";
import { CLIP, HYPER, tinyBatch, tinyConfig, tinyRequests, tinyWeights } from "./tiny.js";

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine({
    model: { config: tinyConfig, weights: tinyWeights() },
    maxLength: 128,
    slots: 8,
  });
});
afterAll(() => engine.close());

describe("the engine's thread", () => {
  it("loads the runtime without its telemetry", async () => {
    expect(engine.facts.runtime).toMatch(/^onnxruntime-node 1\./);
    expect(process.env.ORT_DISABLE_TELEMETRY).toBe("1");
    expect(existsSync(join(homedir(), ".cache/Microsoft/DeveloperTools/.onnxruntime"))).toBe(false);
  });

  it("leaves the caller's event loop free while it works", async () => {
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    for await (const _ of engine.generate(tinyRequests(32, { maxTokens: 100 }))) {
      // drained
    }
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(5);
  });

  it("yields completions while others still run", async () => {
    const requests = [
      ...tinyRequests(1, { maxTokens: 1 }, "short"),
      ...tinyRequests(7, { maxTokens: 100, temperature: 0 }, "long"),
    ];
    const order: string[] = [];
    for await (const c of engine.generate(requests)) order.push(c.id);
    expect(order.length).toBe(8);
    expect(order[0]).toBe("short-0");
  });

  it("stops sampling when the signal aborts, and works on", async () => {
    const stop = new AbortController();
    const reason = new Error("enough");
    const seen: string[] = [];
    await expect(async () => {
      for await (const c of engine.generate(tinyRequests(400, { maxTokens: 60 }), stop.signal)) {
        seen.push(c.id);
        stop.abort(reason);
      }
    }).rejects.toBe(reason);
    expect(seen.length).toBeLessThan(400);
    const rest: string[] = [];
    for await (const c of engine.generate(tinyRequests(4))) rest.push(c.id);
    expect(rest.length).toBe(4);
  });

  it("a step that is aborted leaves the weights alone", async () => {
    const before = await engine.weights();
    const stop = new AbortController();
    const step = engine.train(
      tinyBatch([60, 60, 60, 60], CLIP),
      { ...HYPER, microBatchTokens: 64 },
      stop.signal,
    );
    stop.abort(new Error("enough"));
    await expect(step).rejects.toThrow("enough");
    expect(await engine.weights()).toEqual(before);
    await expect(engine.train(tinyBatch([9], CLIP), HYPER, stop.signal)).rejects.toThrow("enough");
  });

  it("sampling sees an update at once; save and restore bring the weights back", async () => {
    const dir = await mkdtemp(join(tmpdir(), "engine-"));
    const requests = tinyRequests(4, { temperature: 0, maxTokens: 4 });
    const sample = async () => {
      const all = [];
      for await (const c of engine.generate(requests)) all.push([c.id, [...c.logprobs]] as const);
      return all.sort();
    };
    const before = await sample();
    const updates = engine.updates;
    await engine.save(dir);
    await engine.train(tinyBatch([30, 30], CLIP), { ...HYPER, lr: 0.1 });
    expect(engine.updates).toBe(updates + 1);
    expect(await sample()).not.toEqual(before);
    await engine.restore(dir);
    expect(engine.updates).toBe(updates);
    expect(await sample()).toEqual(before);
    await rm(dir, { recursive: true });
  });

  it("passes errors through with code and hint", async () => {
    const [request] = tinyRequests(1);
    const iterate = async () => {
      for await (const _ of engine.generate([{ ...request!, promptIds: new Int32Array(200).fill(1) }])) {
        // never reached
      }
    };
    await expect(iterate()).rejects.toMatchObject({
      name: "TrainError",
      code: "data",
      hint: /maximum length/,
    });
  });
});

describe("starting", () => {
  it("refuses weights of another shape and lengths the model has no positions for", async () => {
    const weights = new Map(tinyWeights());
    weights.set("model.norm.weight", new Float32Array(3));
    await expect(
      startEngine({ model: { config: tinyConfig, weights }, maxLength: 64 }),
    ).rejects.toMatchObject({
      code: "data",
      message: "weights: expected model.norm.weight of shape [24], got 3 values",
    });
    await expect(
      startEngine({ model: { config: tinyConfig, weights: tinyWeights() }, maxLength: 129 }),
    ).rejects.toMatchObject({ code: "config" });
  });

  it("calls after close fail with a worker error", async () => {
    const short = await startEngine({ model: { config: tinyConfig, weights: tinyWeights() }, maxLength: 64 });
    await short.close();
    await expect(short.weights()).rejects.toMatchObject({ code: "worker" });
  });
});
