import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { makeRng } from "../../../src/core/rng.js";
import { chooseRuns, coverable, runLength, stillRegisters } from "../../../src/equiv/stimulus/deep.js";
import { deBruijn } from "../../../src/equiv/stimulus/modes.js";
import {
  makeStimulus,
  moreEpisodes,
  type Stimulus,
  stepWords,
} from "../../../src/equiv/stimulus/stimulus.js";
import type { DesignInterface } from "../../../src/verilog/interface.js";
import { constantOf } from "../../../src/verilog/numbers.js";

const iface = (over: Partial<DesignInterface>): DesignInterface => ({
  inputs: [],
  outputs: [{ name: "y", width: 1 }],
  clocks: [],
  resets: [],
  enables: [],
  registers: [],
  stateBits: 0,
  memoryWords: 0,
  stateful: false,
  derivedClock: false,
  source: "yosys",
  ...over,
});

const anyInterface: fc.Arbitrary<DesignInterface> = fc
  .record({
    widths: fc.array(fc.integer({ min: 1, max: 70 }), { minLength: 1, maxLength: 5 }),
    clocks: fc.integer({ min: 0, max: 3 }),
    resets: fc.integer({ min: 0, max: 2 }),
    active: fc.constantFrom<0 | 1>(0, 1),
    derivedClock: fc.boolean(),
  })
  .map(({ widths, clocks, resets, active, derivedClock }) => {
    const c = Array.from({ length: clocks }, (_, k) => `clk${k}`);
    const r = Array.from({ length: clocks > 0 ? resets : 0 }, (_, k) => `rst${k}`);
    return iface({
      inputs: [
        ...widths.map((width, k) => ({ name: `d${k}`, width })),
        ...[...c, ...r].map((name) => ({ name, width: 1 })),
      ],
      clocks: c.map((name) => ({ name, edge: "pos" })),
      resets: r.map((name) => ({ name, active, style: "async" })),
      stateful: clocks > 0,
      derivedClock: derivedClock && clocks > 0,
      stateBits: 40,
    });
  });

const make = (d: DesignInterface, seed: number): Stimulus =>
  makeStimulus(
    d,
    [
      { value: 37n, width: 8 },
      { value: 9n, width: null },
    ],
    makeRng(seed),
    { vectors: 120, exhaustiveBits: 10 },
  );

describe("every stimulus", () => {
  it("depends on the seed alone", () => {
    fc.assert(
      fc.property(anyInterface, fc.nat(1000), (d, seed) => {
        expect(stepWords(make(d, seed))).toBe(stepWords(make(d, seed)));
      }),
      { numRuns: 30 },
    );
  });

  it("changes a clock alone, keeps values in range and starts after the resets were active", () => {
    fc.assert(
      fc.property(anyInterface, fc.nat(1000), (d, seed) => {
        const s = make(d, seed);
        const mask = (name: string): bigint => {
          const f = s.fields.find((x) => x.name === name)!;
          return ((1n << BigInt(f.width)) - 1n) << BigInt(f.offset);
        };
        const clocks = d.clocks.reduce((m, c) => m | mask(c.name), 0n);
        for (let i = 0; i < s.steps.length; i++) {
          const v = s.steps[i]!.value;
          expect(v >> BigInt(s.bits)).toBe(0n);
          if (i === 0) continue;
          const changed = v ^ s.steps[i - 1]!.value;
          // One clock, and nothing else, in a step that moves a clock.
          if ((changed & clocks) !== 0n) expect(changed & (changed - 1n)).toBe(0n);
          if (d.derivedClock && changed !== 0n && i > s.start && (changed & clocks) === 0n) {
            expect(s.fields.filter((f) => (changed & mask(f.name)) !== 0n).length).toBe(1);
          }
        }
        for (const r of d.resets) {
          const bit = mask(r.name);
          const active = s.steps
            .slice(0, s.start)
            .filter((x) => ((x.value & bit) !== 0n) === (r.active === 1));
          expect(active.length).toBe(s.start);
          expect(s.start).toBeGreaterThan(2 * d.clocks.length);
        }
      }),
      { numRuns: 40 },
    );
  });
});

it("enumerates small combinational designs completely", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 8 }), (bits) => {
      const s = make(iface({ inputs: [{ name: "a", width: bits }] }), 1);
      expect(s.exhaustive).toBe(true);
      expect(new Set(s.steps.map((x) => x.value)).size).toBe(2 ** bits);
    }),
  );
});

it("takes the golden's constants as input values", () => {
  const s = makeStimulus(
    iface({ inputs: [{ name: "a", width: 16 }] }),
    [{ value: 0xbeefn, width: 16 }],
    makeRng(1),
  );
  expect(s.steps.filter((x) => x.value === 0xbeefn).length).toBeGreaterThan(10);
  expect(s.steps.some((x) => x.value === 0xbef0n) && s.steps.some((x) => x.value === 0xbeeen)).toBe(true);
});

it("gives small designs fewer vectors", () => {
  const flop = iface({
    inputs: [
      { name: "clk", width: 1 },
      { name: "d", width: 1 },
    ],
    clocks: [{ name: "clk", edge: "pos" }],
    stateful: true,
    stateBits: 1,
  });
  expect(makeStimulus(flop, [], makeRng(1)).steps.length).toBeLessThan(1600);
  expect(makeStimulus({ ...flop, stateBits: 100 }, [], makeRng(1)).steps.length).toBeGreaterThan(2000);
});

it("drives designs with few inputs through every short word of values", () => {
  const two = iface({
    inputs: [
      { name: "clk", width: 1 },
      { name: "x", width: 1 },
      { name: "y", width: 1 },
    ],
    clocks: [{ name: "clk", edge: "pos" }],
    stateful: true,
    stateBits: 3,
  });
  const s = makeStimulus(two, [], makeRng(1));
  const at = (name: string): bigint => BigInt(s.fields.find((f) => f.name === name)!.offset);
  const edges = s.steps.filter((x, i) => i > 0 && x.value & 1n && !(s.steps[i - 1]!.value & 1n));
  const values = edges.map((x) => Number((x.value >> at("x")) & 1n) * 2 + Number((x.value >> at("y")) & 1n));
  const words = new Set(values.slice(2, 68).map((_, i) => values.slice(i, i + 3).join("")));
  expect(words.size).toBe(64);
});

it("makes de Bruijn sequences", () => {
  expect(deBruijn(2, 3).join("")).toBe("00010111");
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 8 }), fc.integer({ min: 1, max: 3 }), (values, order) => {
      const cycle = deBruijn(values, order);
      const turned = [...cycle, ...cycle];
      const words = new Set(cycle.map((_, i) => turned.slice(i, i + order).join(",")));
      expect([cycle.length, words.size]).toEqual([values ** order, values ** order]);
    }),
  );
});

it("waits as long as the golden's constants say, and then slips", () => {
  const timed = iface({
    inputs: [
      { name: "clk", width: 1 },
      { name: "go", width: 1 },
      { name: "d", width: 16 },
    ],
    clocks: [{ name: "clk", edge: "pos" }],
    stateful: true,
    stateBits: 60,
  });
  const s = makeStimulus(timed, [{ value: 17n, width: 5 }], makeRng(1));
  const go = BigInt(s.fields.find((f) => f.name === "go")!.offset);
  const levels = s.steps
    .filter((x, i) => i > 0 && x.value & 1n && !(s.steps[i - 1]!.value & 1n))
    .map((x) => Number((x.value >> go) & 1n))
    .join("");
  expect(levels).toMatch(/01{16,19}0/);
});

/** Values of an input at the rising edges of the clock; without one, at every step. */
const played = (s: Stimulus, name: string): bigint[] => {
  const f = s.fields.find((x) => x.name === name)!;
  const clk = s.fields.find((x) => x.name === "clk");
  const at = (x: { value: bigint }, field = f): bigint =>
    (x.value >> BigInt(field.offset)) & ((1n << BigInt(field.width)) - 1n);
  return s.steps
    .filter((x, i) => clk === undefined || (i > 0 && at(x, clk) === 1n && at(s.steps[i - 1]!, clk) === 0n))
    .map((x) => at(x));
};

it("meets both corners, and every bit by which two words of one width can differ", () => {
  const words = iface({
    inputs: [
      { name: "a", width: 40 },
      { name: "b", width: 40 },
    ],
  });
  const top = (1n << 40n) - 1n;
  fc.assert(
    fc.property(fc.nat(1000), (seed) => {
      const s = makeStimulus(words, [{ value: 0xc0ffeen, width: 40 }], makeRng(seed));
      const [a, b] = [played(s, "a"), played(s, "b")];
      const pairs = new Set(a.map((v, k) => (v === b[k] ? `${v}` : "")));
      expect(pairs.has("0") && pairs.has(`${top}`)).toBe(true);
      const apart = new Set(a.map((v, k) => v ^ b[k]!));
      for (let k = 0n; k < 40n; k++) expect(apart.has(1n << k)).toBe(true);
      expect(s.steps.length).toBeLessThanOrEqual(1001);
    }),
    { numRuns: 10 },
  );
});

it("tries a key with each control low and each word wrong, from a reset", () => {
  const lock = iface({
    inputs: [
      { name: "clk", width: 1 },
      { name: "rst", width: 1 },
      { name: "valid", width: 1 },
      { name: "code", width: 8 },
    ],
    clocks: [{ name: "clk", edge: "pos" }],
    resets: [{ name: "rst", active: 1, style: "sync" }],
    stateful: true,
    stateBits: 3,
  });
  const key = [0xden, 0xadn, 0xben];
  fc.assert(
    fc.property(fc.nat(1000), (seed) => {
      const s = makeStimulus(
        lock,
        key.map((value) => ({ value, width: 8 })),
        makeRng(seed),
      );
      const [rst, valid, code] = [played(s, "rst"), played(s, "valid"), played(s, "code")];
      const turns = rst.flatMap((r, k) => {
        const words = code.slice(k + 1, k + 4);
        const calm = !rst.slice(k + 1, k + 4).includes(1n);
        return r === 1n && calm && words.length === 3
          ? [
              `${words.map((w, i) => (w === key[i] ? "k" : w === key[i]! + 1n ? "+" : "x")).join("")} ${valid.slice(k + 1, k + 4).join("")}`,
            ]
          : [];
      });
      for (const turn of ["kkk 111", "kkk 000", "+kk 111", "k+k 111", "kk+ 111", "kkx 111"])
        expect(turns).toContain(turn);
    }),
    { numRuns: 10 },
  );
});

it("holds a control after a reset for as long as the golden counts, and a cycle more", () => {
  const fall = iface({
    inputs: [
      { name: "clk", width: 1 },
      { name: "rst", width: 1 },
      { name: "ground", width: 1 },
    ],
    clocks: [{ name: "clk", edge: "pos" }],
    resets: [{ name: "rst", active: 1, style: "async" }],
    registers: [{ path: "n", width: 5 }],
    stateful: true,
    stateBits: 7,
  });
  const s = makeStimulus(fall, [{ value: 20n, width: null }], makeRng(3));
  const [rst, ground] = [played(s, "rst"), played(s, "ground")];
  const line = rst.map((r, k) => (r === 1n ? "R" : `${ground[k]}`)).join("");
  for (const cycles of [20, 21]) {
    expect(line).toMatch(new RegExp(`R0{${cycles}}1`));
    expect(line).toMatch(new RegExp(`R1{${cycles}}0`));
  }
  // Until the register has gone round.
  expect(line).toMatch(/R0{33,35}1/);
});

it("goes on where a stimulus ends, in episodes", () => {
  fc.assert(
    fc.property(anyInterface, fc.nat(1000), (d, seed) => {
      const s = make(d, seed);
      const more = moreEpisodes(d, [], makeRng(seed), s, 60);
      if (s.exhaustive) expect(more).toEqual([]);
      else expect(more.length).toBeGreaterThan(0);
      const clocks = s.fields.filter((f) => d.clocks.some((c) => c.name === f.name));
      const mask = clocks.reduce((m, f) => m | (1n << BigInt(f.offset)), 0n);
      let last = s.steps.at(-1)!.value;
      for (const step of more.flat()) {
        const changed = step.value ^ last;
        if ((changed & mask) !== 0n) expect(changed & (changed - 1n)).toBe(0n);
        last = step.value;
      }
    }),
    { numRuns: 20 },
  );
});

it("reads literals", () => {
  expect(constantOf("8'hA5")).toEqual({ value: 165n, width: 8 });
  expect(constantOf("4'b1x_1?")).toEqual({ value: 10n, width: 4 });
  expect(constantOf("'d12")).toEqual({ value: 12n, width: null });
  expect(constantOf("1_000")).toEqual({ value: 1000n, width: null });
  expect(constantOf("8'sd7")).toEqual({ value: 7n, width: 8 });
  expect(constantOf("1.5")).toBeNull();
});

it("asks for runs as long as the still registers need", () => {
  const r = (register: number, width = register) => ({ path: "r", width, register });
  expect(stillRegisters([r(8), r(2)], "1111111111")).toEqual([]);
  expect(stillRegisters([r(8), r(2)], "0111111111")).toEqual([r(8)]);
  // All bits moved, and yet it has not been at its end.
  expect(stillRegisters([r(8), r(8, 1)], "111111110")).toEqual([r(8, 1)]);
  expect(runLength([], [])).toBe(0);
  expect(runLength([r(8)], [])).toBe(Math.ceil(2.2 * 256));
  expect(runLength([r(12)], [])).toBe(Math.ceil(1.2 * 4096));
  expect(runLength([r(14)], [9999n])).toBe(Math.ceil(2.2 * 9999) + 64);
  expect(runLength([r(2)], [])).toBe(0);
  expect(runLength([r(32)], [])).toBe(0);
});

it("looks whether counters have been at their end", () => {
  const registers = [
    { path: "n", width: 10 },
    { path: "u.state", width: 2 },
  ];
  const paths = (constants: readonly bigint[]) =>
    coverable(iface({ registers }), constants).map((w) => `${w.path} ${w.width}`);
  expect(paths([])).toEqual(["n 10", "u.state 2", "n==10'h3ff 1"]);
  expect(paths([3n, 999n])).toEqual(["n 10", "u.state 2", "n==10'h3ff 1", "n==10'h3e7 1", "n==10'h3e6 1"]);
});

it("keeps the scenarios that move something new", () => {
  const run = (cycles: number) => [{ value: 0n, cycles, vary: false }];
  const kept = chooseRuns([run(1), run(2), run(3)], "1000", ["1000", "1100", "1100"]);
  expect(kept.runs.map((r) => r.cycles)).toEqual([2]);
  expect(kept.moved).toBe("1100");
});
