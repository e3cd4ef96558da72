/**
 * The RTLLM sample: every golden equals itself, and the reward beside the benchmark's own testbench, on goldens, on
 * designs with nothing in them and on small faults. The reward passes nothing that the benchmark rejects; the benchmark
 * passes some of what the reward rejects, and the list of those is exact.
 */

import { afterAll, describe, expect, it } from "vitest";
import {
  asDut,
  DATA_ROOT,
  IMPOSTORS,
  impostors,
  problemOf,
  type RtllmDesign,
  rtllm,
  rtllmVerdict,
} from "../../designs/index.js";
import { selfEquivalence } from "../../designs/self.js";
import { open, signal, tools } from "../reward/harness.js";

const versions = (["v1.1", "v2"] as const).map((version) => ({
  version,
  designs: rtllm(DATA_ROOT, version),
}));
const present = versions.every(({ designs }) => designs.length > 0);

/** One fault per design that a person might make; the text before has to be there. */
const FAULTS: Readonly<Record<string, readonly [string, string]>> = {
  adder_8bit: [".cin(c[6])", ".cin(c[5])"],
  alu: ["res <= ~(a | b);", "res <= ~(a & b);"],
  counter_12: ["4'd11", "4'd12"],
  fsm: ["ST_nt = s5", "ST_nt = s4"],
  multi_16bit: ["i == 5'd16", "i == 5'd15"],
  pulse_detect: ["data_out = 1;", "data_out = data_in;"],
  right_shifter: ["q >> 1", "q >> 2"],
  traffic_light: ["cnt <= 7'd60", "cnt <= 7'd59"],
};

describe.skipIf(!present)("RTLLM sample", () => {
  const bench = open({ mutants: 0 });
  afterAll(() => bench.close());

  it("goldens equal themselves", async () => {
    const designs = versions.flatMap(({ version, designs }) =>
      designs.map((d) => ({ ...d, name: `${version}/${d.name}` })),
    );
    expect(designs.length).toBe(16);
    const result = await selfEquivalence(designs, [1], tools(), signal());
    expect(result.rejected).toEqual([]);
    expect([...result.refused]).toEqual([]);
    expect(result.judged).toBe(16);
  });

  it("beside the benchmark's own judgement", async () => {
    const both = async (d: RtllmDesign, code: string) => {
      const [ours, theirs] = await Promise.all([
        bench.scored({ ...problemOf(d) }, code),
        rtllmVerdict(d, asDut(d, code), tools(), signal()),
      ]);
      return `${ours.passed ? "pass" : "reject"}/${theirs}`;
    };
    const table: Record<string, string> = {};
    for (const d of versions[0]!.designs) {
      table[`${d.name} golden`] = await both(d, d.golden);
      const wrong = (await impostors(d, tools(), signal()))!;
      for (const kind of IMPOSTORS) table[`${d.name} ${kind}`] = await both(d, wrong[kind]);
      const [from, to] = FAULTS[d.name]!;
      expect(d.golden, d.name).toContain(from);
      table[`${d.name} fault`] = await both(d, d.golden.replace(from, to));
    }
    const goldens = Object.entries(table).filter(([name]) => name.endsWith("golden"));
    expect(goldens.map(([, v]) => v)).toEqual(Array(8).fill("pass/pass"));
    const others = Object.entries(table).filter(([name]) => !name.endsWith("golden"));
    expect(others.filter(([, v]) => v.startsWith("pass"))).toEqual([]);
    // A counter to twelve and a light of 59 cycles: the benchmark's few vectors do not get there.
    expect(others.filter(([, v]) => v === "reject/pass").map(([name]) => name)).toEqual([
      "counter_12 fault",
      "traffic_light fault",
    ]);
  }, 60_000);
});
