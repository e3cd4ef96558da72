/** From a solver's input sequence to cycles that people and simulators can play, checked on the machine itself. */

import { levelOf } from "./aig.js";
import type { Machine } from "./machine.js";
import type { Counterexample, CycleInputs } from "./proof.js";
import type { Value } from "./value.js";

/**
 * Frames of ABC's `write_cex -a`: a line of initial latch values where there are latches, then one line a frame.
 * Null when the text does not lead the machine to its bad output.
 */
export function readWitness(text: string, machine: Machine): Counterexample | null {
  const lines = text
    .replace(/#[\s\S]*$/, "")
    .split("\n")
    .map((l) => l.trim())
    .filter((l) => /^[01]+$/.test(l));
  const width = machine.meanings.length;
  for (const skip of [1, 0]) {
    const frames = lines.slice(skip);
    if (frames.length === 0 || frames.some((f) => f.length !== width)) continue;
    const found = follow(
      machine,
      frames.map((f) => Uint8Array.from(f, (c) => (c === "1" ? 1 : 0))),
    );
    if (found !== null) return found;
  }
  return null;
}

/** The table of inputs that Yosys's `sat -show-inputs` prints, as lines of one frame each. */
export function framesOfTable(output: string, machine: Machine): string {
  const frames = new Map<number, string[]>();
  for (const m of output.matchAll(/^\s*(?:(\d+)\s+)?\\in(\d+)\s.*\s([01])$/gm)) {
    const time = Number(m[1] ?? 1);
    let frame = frames.get(time);
    if (frame === undefined) {
      frame = machine.meanings.map(() => "0");
      frames.set(time, frame);
    }
    frame[Number(m[2])] = m[3]!;
  }
  return [...frames.values()].map((f) => f.join("")).join("\n");
}

/** Plays frames on the machine up to the first bad one. */
export function follow(machine: Machine, frames: readonly Uint8Array[]): Counterexample | null {
  let state: Uint8Array = new Uint8Array(machine.aig.latches.length);
  const cycles: CycleInputs[] = [];
  for (const inputs of frames) {
    const value = machine.aig.evaluate(state, inputs);
    cycles.push(cycleOf(machine, value));
    if (levelOf(value, machine.bad) === 1) {
      const output = machine.outputs.find((o) => o.differs.some((d) => levelOf(value, d) === 1))!;
      return {
        cycles,
        signal: output.name,
        expected: word(output.golden.map((v) => bitOf(value, v))),
        got: word(output.candidate.map((l) => String(levelOf(value, l)))),
      };
    }
    state = machine.aig.step(value);
  }
  return null;
}

function cycleOf(machine: Machine, value: Uint8Array): CycleInputs {
  const ticks = machine.kind === "cycles" && levelOf(value, machine.tick) === 1;
  const cycle: Record<string, string> = {};
  for (const p of machine.ports) {
    // A clock that ticks after this cycle is left out; one that stands still is named with its level.
    if (ticks && machine.clocks.includes(p.name)) continue;
    cycle[p.name] = word(p.lits.map((l) => String(levelOf(value, l))));
  }
  return cycle;
}

const bitOf = (value: Uint8Array, v: Value): string => {
  const one = levelOf(value, v.one);
  return one === levelOf(value, v.zero) ? "x" : String(one);
};

/** Most significant bit first. */
const word = (bits: readonly string[]): string => [...bits].reverse().join("");
