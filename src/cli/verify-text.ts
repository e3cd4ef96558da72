/** `train verify` for people: what was checked, or where the candidate leaves the golden. 80 columns. */

import { type Moment, whereOf } from "../equiv/moments.js";
import type { Verified } from "../stages/verify/verify.js";
import { pictureOf, worthShowing } from "../verify/picture.js";
import type { Bench, Place, ProofReport, Report } from "../verify/report.js";
import { bitsText, differingBits, longOf } from "../verify/values.js";
import { labelOf } from "../verilog/interface.js";
import { qualityText } from "./quality-text.js";
import { paint, printable, wrap } from "./text.js";

const WIDTH = 80;
const LABEL = 10;

type Mismatch = Extract<Report, { verdict: "mismatch" }>;

/** The report as text of at most 80 columns, with a line break at the end. */
export function verifyText(v: Verified, colour: boolean): string {
  const lines = textOf(v, colour);
  if (v.vcd !== null) lines.push("", ...item("waves", v.vcd));
  if (v.noVcd !== null) lines.push("", ...item("waves", `not written: ${v.noVcd}`));
  return `${lines.join("\n")}\n`;
}

function textOf(v: Verified, colour: boolean): string[] {
  const { report } = v;
  const head = (word: string, text: string): string => {
    const code = word === "pass" ? "bold" : word === "infra" ? "yellow" : "red";
    return (
      paint(colour, code, `${word}:`) + wrap(`${word}: ${printable(text)}`, WIDTH).slice(word.length + 1)
    );
  };
  const candidate = v.candidate.name;
  switch (report.verdict) {
    case "pass":
      return [
        head("pass", `${candidate} behaves as ${v.golden.name}`),
        "",
        ...benchLines(report.bench),
        ...proofLines(report.proof),
      ];
    case "mismatch":
      return [
        head("mismatch", `${candidate} does not behave as ${v.golden.name}`),
        "",
        ...mismatchLines(report, colour),
      ];
    case "compile":
      return [head("compile", `${candidate} does not compile`), "", ...placed(report, candidate)];
    case "gate":
      return [head("gate", `${candidate} holds what no candidate may`), "", ...placed(report, candidate)];
    case "format":
      return [
        head("format", `${candidate} is not an answer in the format`),
        "",
        ...placed(report, candidate),
      ];
    case "timeout":
      return [head("timeout", `${candidate} does not finish in time`), "", ...placed(report, candidate)];
    case "crash":
      return [head("crash", `${candidate} ends the simulation`), "", ...placed(report, candidate)];
    case "refused":
      return [
        head("refused", `${v.golden.name} cannot serve as a golden`),
        "",
        ...placed(report, v.golden.name),
      ];
    case "infra":
      return [
        head("infra", `the check could not be made (${report.code}); this says nothing about ${candidate}`),
        "",
        ...indented(report.log),
      ];
    default:
      return report satisfies never;
  }
}

const item = (label: string, text: string): string[] =>
  wrap(printable(text), WIDTH - LABEL - 2)
    .split("\n")
    .map((line, i) => `  ${(i === 0 ? label : "").padEnd(LABEL)}${line}`);

const indented = (text: string): string[] =>
  wrap(printable(text.trimEnd()), WIDTH - 2)
    .split("\n")
    .map((line) => `  ${line}`);

/** `file:line: message`, then the line of source it speaks of. */
function placed(r: { readonly log: string; readonly place: Place | null }, name: string): string[] {
  const log = r.log.replace(
    /(^|\n)((?:golden[^:\n]*: )?)line (\d+): /g,
    (_, nl: string, before: string, n: string) => `${nl}${before}${name}:${n}: `,
  );
  const lines = indented(log);
  if (r.place === null || r.place.source.trim() === "") return lines;
  const number = String(r.place.line).padStart(6);
  return [...lines, "", clipped(`${number} | ${printable(r.place.source.replaceAll("\t", "  "))}`)];
}

const clipped = (text: string): string => (text.length <= WIDTH ? text : `${text.slice(0, WIDTH - 1)}…`);

const count = (n: number, what: string): string => `${n.toLocaleString("en")} ${what}${n === 1 ? "" : "s"}`;

function benchLines(b: Bench): string[] {
  const clocked = b.iface.clocks.length > 0;
  const parts = [
    b.exhaustive
      ? `all ${b.vectors.toLocaleString("en")} input values`
      : count(b.vectors, clocked ? "cycle" : "vector"),
  ];
  if (b.longRuns.length > 0) {
    const cycles = b.longRuns.reduce((s, n) => s + n, 0);
    parts.push(`${count(b.longRuns.length, "long run")} of ${count(cycles, "cycle")} in all`);
  }
  parts.push(`outputs compared ${b.samples.toLocaleString("en")} times`);
  const open = b.outputBits - b.definedBits;
  return [
    ...item("checked", parts.join("; ")),
    ...(open > 0
      ? item("open", `${count(open, "output bit")} of ${b.outputBits} that the golden never defines`)
      : []),
    ...item("design", interfaceText(b)),
    ...(b.quality === null ? [] : item("bench", qualityText(b.quality))),
  ];
}

function interfaceText(b: Bench): string {
  const { iface } = b;
  const edge = { pos: "rising edge", neg: "falling edge", both: "both edges" } as const;
  const parts = [
    ...iface.clocks.map((c) => `clock ${c.name} (${edge[c.edge]})`),
    ...iface.resets.map(
      (r) =>
        `${r.style === "async" ? "asynchronous" : "synchronous"} reset ${r.name} (active ${r.active === 1 ? "high" : "low"})`,
    ),
  ];
  const special = new Set([...iface.clocks, ...iface.resets].map((p) => p.name));
  const data = iface.inputs.filter((p) => !special.has(p.name)).length;
  parts.push(count(data, special.size > 0 ? "other input" : "input"), count(iface.outputs.length, "output"));
  return `${b.top}: ${parts.join(", ")}`;
}

function proofLines(proof: ProofReport): string[] {
  switch (proof.kind) {
    case "none":
      return item("proof", "none: simulation is evidence, --formal asks for a proof");
    case "equal":
      return item("proof", `proved equal in ${(proof.ms / 1000).toFixed(1)} s`);
    case "undecided":
      return item("proof", `not decided: ${proof.reason}`);
    case "different":
      return item(
        "proof",
        `the proof engine found a difference after ${count(proof.cycles, "cycle")} that the simulator does not show`,
      );
    default:
      return proof satisfies never;
  }
}

function mismatchLines(r: Mismatch, colour: boolean): string[] {
  const { shown } = r;
  if (shown === null || shown.first === null) {
    return [...indented(r.log), ...(r.unexplained === null ? [] : ["", ...indented(r.unexplained)])];
  }
  const { iface } = r.bench;
  const { first } = shown;
  const at = shown.moments.find((m) => m.wrong.length > 0)!;
  const width = first.expected.length;
  const bits = bitsText(differingBits(first.expected, first.got), width);
  const others = at.wrong.slice(1);
  const columns = worthShowing(shown.moments, at.index, iface);
  const picture = pictureOf(columns, iface, WIDTH - 2);
  const sample = `sample ${first.sample.toLocaleString("en")} of ${r.bench.samples.toLocaleString("en")}`;
  const origin = r.by === "proof" ? "of the counterexample" : sample;
  return [
    ...item("first", `${whereOf(at, iface.clocks)} (${origin})`),
    ...item("output", labelOf(first.signal, width)),
    ...value("expected", first.expected),
    ...value("got", first.got),
    ...(bits === "" ? [] : item("", bits)),
    ...unknownLines(first.got),
    ...(r.by === "proof"
      ? item(
          "found by",
          `the proof engine; ${r.bench.samples.toLocaleString("en")} samples of simulation showed no difference`,
        )
      : []),
    ...(others.length === 0 ? [] : item("also", `${others.join(", ")} at the same moment`)),
    "",
    ...picture.lines.map((line, i) => `  ${i === picture.wrongLine ? paint(colour, "red", line) : line}`),
    ...legend(picture.columns, shown.moments),
  ];
}

/** Values wider than the page continue on the next lines. */
function value(label: string, bits: string): string[] {
  const text = longOf(bits);
  const room = WIDTH - LABEL - 2;
  const lines: string[] = [];
  for (let i = 0; i < text.length; i += room) lines.push(text.slice(i, i + room));
  return lines.map((line, i) => `  ${(i === 0 ? label : "").padEnd(LABEL)}${line}`);
}

function unknownLines(got: string): string[] {
  if (got.includes("x"))
    return item("", "x: never set (a register without reset, a wire without driver) or driven twice");
  return got.includes("z") ? item("", "z: nothing drives it") : [];
}

function legend(columns: readonly Moment[], moments: readonly Moment[]): string[] {
  const texts: string[] = [];
  const values = columns.flatMap((m) => [...Object.values(m.expected)]).join("");
  if (values.includes("-")) texts.push("- is a bit that the golden leaves open");
  const first = moments.find((m) => m.compared)?.index ?? 0;
  if (moments[0]?.index === 0 && columns.some((m) => m.index < first))
    texts.push("outputs are not compared before the first reset");
  return texts.length === 0 ? [] : ["", ...texts.flatMap(indented)];
}
