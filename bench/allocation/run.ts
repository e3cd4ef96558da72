/**
 * The allocators against synthetic populations:
 *
 *   npx tsx bench/allocation/run.ts [--problems 2000] [--steps 50] [--groups 32] [--size 8] [--seeds 3]
 *     [--population NAME ...] [--arm ARM ...]
 *
 * ARM is a strategy, with changes after it: `adaptive,keep=mixed,nMin=2,groups=96,groupSize=2`, and `label=NAME` for what the table
 * calls it (`Change` in arms.ts has the keys). The default arms are all strategies in batches of --groups x --size, and adaptive
 * in the batch of configs/adaptive-dapo.yaml, 96 x 2. One table a population (snr: SNR^2 of the gradients per 1,000 rollouts and
 * per 100,000 tokens; useful: groups with an advantage per 100 rollouts; solved, failed: rollouts of all-equal groups that have none
 * or were not kept; lost: rollouts of useful groups that were never used; regret: against an oracle that knows every pass
 * rate; rate: mean pass rate of the population after as many tokens as the thriftiest arm spent), then one JSON object.
 * Simulated populations: no evidence of learning.
 */

import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { ARMS, type ArmName, makeArm } from "./arms.js";
import { POPULATIONS, type PopulationName } from "./populations.js";
import { type NamedArm, type Row, runStudy } from "./study.js";
import { tableOf } from "./table.js";

const WIDE = "adaptive,label=adaptive 96x2,groups=96,groupSize=2";

const { values } = parseArgs({
  options: {
    problems: { type: "string", default: "2000" },
    steps: { type: "string", default: "50" },
    groups: { type: "string", default: "32" },
    size: { type: "string", default: "8" },
    seeds: { type: "string", default: "3" },
    population: { type: "string", multiple: true, default: [...POPULATIONS] },
    arm: { type: "string", multiple: true, default: [...ARMS.filter((a) => a !== "oracle"), WIDE] },
  },
});

/** `adaptive,kappa=1` -> an arm with that label. @throws Error on a name or key that does not exist */
function armOf(text: string): NamedArm {
  const [name, ...changes] = text.split(",");
  if (!ARMS.includes(name as ArmName)) throw new Error(`unknown arm ${name}; one of ${ARMS.join(", ")}`);
  const pairs = changes.map((c) => {
    const [key, value] = c.split("=");
    if (key === undefined || value === undefined) throw new Error(`expected key=value, got ${c}`);
    return [key, value] as const;
  });
  const change = Object.fromEntries(pairs.filter(([k]) => k !== "label").map(([k, v]) => [k, parsed(v)]));
  const given = pairs.find(([k]) => k === "label")?.[1];
  const label = given ?? (changes.length === 0 ? name! : changes.join(","));
  return { label, make: (population, setup) => makeArm(name as ArmName, population, setup, change) };
}

const parsed = (text: string): unknown =>
  text === "null"
    ? null
    : text === "true"
      ? true
      : text === "false"
        ? false
        : Number.isNaN(Number(text))
          ? text
          : Number(text);

for (const name of values.population) {
  if (!POPULATIONS.includes(name as PopulationName))
    throw new Error(`unknown population ${name}; one of ${POPULATIONS.join(", ")}`);
}
const arms = values.arm.map(armOf);
if (new Set(arms.map((a) => a.label)).size < arms.length)
  throw new Error("two arms have one name: add label=NAME");
const options = {
  problems: Number(values.problems),
  steps: Number(values.steps),
  groups: Number(values.groups),
  groupSize: Number(values.size),
  seeds: Number(values.seeds),
};
const began = performance.now();
const rows = runStudy(values.population as PopulationName[], arms, options);
for (const line of tableOf(rows)) console.log(line);
const of = (label: string, population: string): Row | undefined =>
  rows.find((r) => r.label === label && r.population === population);
const first = values.population[0]!;
const figure = of("adaptive", first)?.snrPerTokens ?? null;
const baseline = of("dynamic", first)?.snrPerTokens ?? null;
console.log(
  JSON.stringify({
    figure,
    unit: `SNR^2 of the gradient per 100,000 generated tokens, adaptive, simulated ${first} population`,
    baseline,
    ratio: figure !== null && baseline !== null ? figure / baseline : null,
    ...options,
    rows,
    seconds: (performance.now() - began) / 1000,
    machine: `${cpus().length} x ${cpus()[0]?.model ?? "unknown cpu"}`,
    versions: { node: process.version },
  }),
);
