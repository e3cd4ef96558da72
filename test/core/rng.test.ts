/** Everything random rests on this: a restored stream goes on as it would have, and streams know nothing of each other. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { makeRng, type Rng, type RngState } from "../../src/core/rng.js";

/** One draw of each kind. */
const DRAWS: readonly ((rng: Rng) => unknown)[] = [
  (rng) => rng.uint32(),
  (rng) => rng.uniform(),
  (rng) => rng.int(7),
  (rng) => rng.normal(),
  (rng) => rng.pick(["a", "b", "c"]),
  (rng) => rng.shuffle([1, 2, 3, 4, 5]),
];
const draw = (rng: Rng, kinds: readonly number[]): unknown[] => kinds.map((k) => DRAWS[k]!(rng));
const kinds = fc.array(fc.nat(DRAWS.length - 1), { maxLength: 40 });
const label = fc.oneof(fc.integer(), fc.stringMatching(/^[a-z0-9.:-]{1,12}$/));
const labels = fc.array(label, { minLength: 1, maxLength: 4 });

describe("a stream", () => {
  it("goes on after a restore as it would have gone on, through JSON too", () => {
    fc.assert(
      fc.property(fc.string(), kinds, kinds, (root, before, after) => {
        const rng = makeRng(root);
        draw(rng, before);
        const saved = JSON.parse(JSON.stringify(rng.state())) as RngState;
        const went = draw(rng, after);
        const other = makeRng(`not ${root}`);
        for (const restored of [rng, other]) {
          restored.restore(saved);
          expect(draw(restored, after)).toEqual(went);
        }
      }),
    );
  });

  it("is the same for the same labels, whatever else was drawn or forked", () => {
    fc.assert(
      fc.property(fc.string(), labels, kinds, kinds, (root, path, before, after) => {
        const plain = draw(makeRng(root).fork(...path), after);
        const busy = makeRng(root);
        draw(busy, before);
        draw(busy.fork("other", ...path), before);
        expect(draw(busy.fork(...path), after)).toEqual(plain);
        expect(busy.seedFor(...path)).toBe(makeRng(root).seedFor(...path));
      }),
    );
  });

  it("is not moved by its forks", () => {
    fc.assert(
      fc.property(fc.string(), labels, kinds, (root, path, after) => {
        const forked = makeRng(root);
        forked.fork(...path).uint32();
        forked.seedFor(...path);
        expect(draw(forked, after)).toEqual(draw(makeRng(root), after));
      }),
    );
  });
});

/** Pearson's correlation of two lists of equal length. */
function correlation(xs: readonly number[], ys: readonly number[]): number {
  const mean = (of: readonly number[]): number => of.reduce((a, b) => a + b, 0) / of.length;
  const [mx, my] = [mean(xs), mean(ys)];
  let [xy, xx, yy] = [0, 0, 0];
  for (let i = 0; i < xs.length; i++) {
    xy += (xs[i]! - mx) * (ys[i]! - my);
    xx += (xs[i]! - mx) ** 2;
    yy += (ys[i]! - my) ** 2;
  }
  return xy / Math.sqrt(xx * yy);
}

describe("streams of unlike labels", () => {
  const DRAWN = 2000;
  const drawn = (rng: Rng): number[] => Array.from({ length: DRAWN }, () => rng.uniform());
  const root = makeRng("independence");

  it("do not correlate, neighbours least of all", () => {
    const streams = [
      drawn(root),
      ...Array.from({ length: 12 }, (_, i) => drawn(root.fork("sample", i))),
      drawn(root.fork("sample")),
      drawn(root.fork("Sample", 0)),
    ];
    // Of independent streams, |r| has a standard deviation of 0.022 here; 105 pairs stay below 0.1 (4.5 of it).
    for (let i = 0; i < streams.length; i++)
      for (let j = 0; j < i; j++)
        expect(Math.abs(correlation(streams[i]!, streams[j]!)), `${i}, ${j}`).toBeLessThan(0.1);
  });

  it("do not run into each other, a place later neither", () => {
    const seen = new Map<string, string>();
    for (let i = 0; i < 2000; i++) {
      const rng = root.fork("run", i);
      for (let k = 0; k < 4; k++) {
        const state = rng.state().join(" ");
        expect(seen.get(state), `stream ${i}, draw ${k}`).toBeUndefined();
        seen.set(state, `stream ${i}, draw ${k}`);
        rng.uint32();
      }
    }
  });

  it("give seeds that do not repeat more than chance has them do", () => {
    // 20,000 of 2^32: 0.05 pairs are expected.
    const seeds = new Set(Array.from({ length: 20_000 }, (_, i) => root.seedFor("problem", i)));
    expect(seeds.size).toBeGreaterThanOrEqual(19_999);
  });
});

describe("draws", () => {
  it("keep to their ranges, and a shuffle keeps what it shuffles", () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: 1000 }), (root, n) => {
        const rng = makeRng(root);
        const whole = rng.int(n);
        expect(Number.isInteger(whole) && whole >= 0 && whole < n).toBe(true);
        const uniform = rng.uniform();
        expect(uniform >= 0 && uniform < 1).toBe(true);
        expect(Number.isFinite(rng.normal())).toBe(true);
        const items = Array.from({ length: n % 20 }, (_, i) => i);
        const given = [...items];
        expect(rng.shuffle(items).sort((a, b) => a - b)).toEqual(given);
        expect(items).toEqual(given);
      }),
    );
  });

  it("never change: every run that is repeated stands on these", () => {
    const rng = makeRng(1);
    expect([rng.uint32(), rng.uniform(), rng.int(100), rng.seedFor("a", 2)]).toMatchInlineSnapshot(`
      [
        986517678,
        0.6222820441853073,
        15,
        761713032,
      ]
    `);
    expect(rng.fork("sample", 3, "adder-8", 0).uint32()).toMatchInlineSnapshot(`4017820774`);
  });
});
