/** What every pair of a learner and a sampler must do when weights are handed over, in one process or through files. */

import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Way, wayBetween } from "../../src/core/handover.js";
import type { Learner, Sampler } from "../../src/core/ports.js";
import { policyVersion } from "../../src/core/units.js";
import { type EmbeddedEngines, type Opening, openEmbedded } from "../../src/engine/engines.js";
import { fakeLearner } from "../../src/learner/fake.js";
import { LEARNERS, learnerEngine } from "../../src/learner/index.js";
import { learnerSchema } from "../../src/learner/schema.js";
import { fakeSampler } from "../../src/sampler/fake.js";
import { SAMPLERS, samplerEngine } from "../../src/sampler/index.js";
import { samplerSchema } from "../../src/sampler/schema.js";
import { makeHandover, type OpenedHandover } from "../../src/stages/handover.js";
import { CLIP, HYPER, tinyBatch, tinyConfig, tinyRequests, tinyWeights } from "../engine/tiny.js";
import { writeTinyTokenizer } from "../engine/tiny-tokenizer.js";

const none = new AbortController().signal;
const config = { ...tinyConfig, maxPositionEmbeddings: 64 };
const batch = tinyBatch([20, 15], CLIP);
const requests = tinyRequests(6, { temperature: 0, maxTokens: 4 });
let root: string;
const opened: EmbeddedEngines[] = [];

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "handover-"));
  await writeTinyTokenizer(root, config.vocabSize);
});
afterAll(async () => {
  for (const engines of opened) await engines.close();
  await rm(root, { recursive: true });
});

interface Pair {
  readonly learner: Learner;
  readonly sampler: Sampler;
  readonly handover: OpenedHandover;
}

/** A pair of the tables on a tiny model. @param gives the learner's, where it must use fewer than its row has */
async function pairOf(
  learnerName: keyof typeof LEARNERS,
  samplerName: keyof typeof SAMPLERS,
  apart: boolean,
  gives: readonly Way[] = LEARNERS[learnerName].gives,
): Promise<Pair> {
  const embedded = await openEmbedded({
    learner: LEARNERS.embedded.schema.parse({}),
    sampler: SAMPLERS.embedded.schema.parse({}),
    config,
    weights: tinyWeights(),
    rowTokens: 64,
    cores: 1,
    apart,
    warn: () => {},
  });
  opened.push(embedded);
  const opening: Opening = { dir: root, config, embedded, warn: () => {} };
  const learner = learnerSchema.parse({ engine: learnerName });
  const sampler = samplerSchema.parse({ engine: samplerName });
  const from = await learnerEngine(learner).open(learner, opening);
  const to = await samplerEngine(sampler).open(sampler, opening);
  const { takes, weightType } = SAMPLERS[samplerName];
  return {
    learner: from.learner,
    sampler: to.sampler,
    handover: makeHandover({ ...from, gives }, { ...to, takes, weightType }, root),
  };
}

async function draw(sampler: Sampler) {
  const all = [];
  for await (const c of sampler.generate(requests, none))
    all.push([c.id, Number(c.policyVersion), [...c.logprobs]] as const);
  return all.sort();
}
const versions = (drawn: Awaited<ReturnType<typeof draw>>) => [...new Set(drawn.map(([, v]) => v))];
const values = (drawn: Awaited<ReturnType<typeof draw>>) => drawn.map(([id, , logprobs]) => [id, logprobs]);

const PAIRS: [string, () => Promise<Pair>][] = [
  ["embedded in one worker", () => pairOf("embedded", "embedded", false)],
  ["embedded in two workers, copied", () => pairOf("embedded", "embedded", true)],
  ["embedded in two workers, by directory", () => pairOf("embedded", "embedded", true, ["model-directory"])],
  ["fake", () => pairOf("fake", "fake", false)],
];

describe.each(PAIRS)("the pair: %s", (_name, open) => {
  it("draws what is asked for after a publication with its version, also after another restore", async () => {
    const { learner, sampler, handover } = await open();
    expect(versions(await draw(sampler))).toEqual([0]);
    await learner.step(batch, HYPER, none);
    await learner.step(batch, HYPER, none);
    // Two updates, one publication: the version is the caller's.
    await handover.publish(policyVersion(1), none);
    expect(versions(await draw(sampler))).toEqual([1]);
    // A resumed run goes on with its own count.
    await handover.publish(policyVersion(7), none);
    expect(versions(await draw(sampler))).toEqual([7]);
    await handover.close();
    expect((await readdir(root)).filter((name) => name.startsWith("weights-"))).toEqual([]);
  });
});

it("every pair that has a way in common is in the list above", () => {
  const pairs = Object.entries(LEARNERS).flatMap(([l, { gives }]) =>
    Object.entries(SAMPLERS).flatMap(([s, { takes }]) => (wayBetween(gives, takes) === null ? [] : [[l, s]])),
  );
  expect(pairs).toEqual([
    ["embedded", "embedded"],
    ["fake", "fake"],
  ]);
});

describe("weights of the embedded learner", () => {
  it("arrive the same way however they travel", async () => {
    const drawn = [];
    for (const [, open] of PAIRS.slice(0, 3)) {
      const { learner, sampler, handover } = await open();
      const before = values(await draw(sampler));
      await learner.step(batch, { ...HYPER, lr: 0.1 }, none);
      await handover.publish(policyVersion(1), none);
      drawn.push(values(await draw(sampler)));
      expect(drawn.at(-1)).not.toEqual(before);
      await handover.close();
    }
    expect(drawn[1]).toEqual(drawn[0]);
    expect(drawn[2]).toEqual(drawn[0]);
  });
});

describe("a sampler that is far away and slow", () => {
  function slowPair() {
    let loaded: () => void = () => {};
    let loads = 0;
    const learner = fakeLearner({ vocabSize: 9 });
    const sampler = fakeSampler({
      vocabSize: 9,
      loading: () => {
        loads++;
        return new Promise((resolve) => {
          loaded = resolve;
        });
      },
    });
    const handover = makeHandover(
      { learner, gives: ["fake-directory"] },
      { intake: { "fake-directory": sampler.take }, takes: ["fake-directory"], weightType: "F32" },
      root,
    );
    const loading = async (n: number) => {
      while (loads < n) await new Promise((r) => setTimeout(r, 1));
    };
    return { learner, sampler, handover, loading, finish: () => loaded() };
  }

  it("goes on with the old version until it has loaded the new one; what is under way keeps its version", async () => {
    const { learner, sampler, handover, loading, finish } = slowPair();
    await learner.step(batch, HYPER, none);
    const before = sampler.generate(requests, none)[Symbol.asyncIterator]();
    expect((await before.next()).value.policyVersion).toBe(0);
    let published = false;
    const publishing = handover.publish(policyVersion(1), none).then(() => {
      published = true;
    });
    await loading(1);
    expect(versions(await draw(sampler))).toEqual([0]);
    expect(published).toBe(false);
    finish();
    await publishing;
    expect((await before.next()).value.policyVersion).toBe(0);
    expect(versions(await draw(sampler))).toEqual([1]);
    expect(sampler.weights).toEqual(learner.state);
    await handover.close();
  });

  it("finds the newest version alone on disk, and nothing after the end", async () => {
    const { learner, handover, loading, finish } = slowPair();
    const kept = async () => {
      const [base] = (await readdir(root)).filter((name) => name.startsWith("weights-"));
      return base === undefined ? [] : readdir(join(root, base));
    };
    for (const v of [1, 2]) {
      await learner.step(batch, HYPER, none);
      const publishing = handover.publish(policyVersion(v), none);
      await loading(v);
      finish();
      await publishing;
    }
    expect(await kept()).toEqual(["v000002"]);
    await handover.close();
    expect(await kept()).toEqual([]);
  });

  it("stays at the old version when the publication is aborted, and takes the next", async () => {
    const { sampler, handover, loading, finish } = slowPair();
    const stop = new AbortController();
    const reason = new Error("enough");
    const publishing = handover.publish(policyVersion(1), stop.signal);
    await loading(1);
    stop.abort(reason);
    finish();
    await expect(publishing).rejects.toBe(reason);
    expect(versions(await draw(sampler))).toEqual([0]);
    const next = handover.publish(policyVersion(2), none);
    await loading(2);
    finish();
    await next;
    expect(versions(await draw(sampler))).toEqual([2]);
    await handover.close();
  });
});
