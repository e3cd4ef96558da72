/** State machines. Rising clock edge. */

import { circuit, family } from "../family.js";
import {
  clocked,
  input,
  names,
  output,
  outputReg,
  RESETS,
  type Reset,
  resetOf,
  resetSay,
  resetThink,
} from "../verilog.js";

const handshake = family({
  name: "fsm_busy",
  theme: "fsm",
  difficulty: 0.4,
  slipRate: 0.6,
  grid: {
    rst: RESETS,
    done: [1, 0],
    go: [1, 0],
    io: ["go.done.busy", "req.ack.y", "st.fin.run", "a.b.q", "on.off.act"],
  },
  build: ({ rst, done, go, io }) => {
    const [start, stop, y] = names(io);
    const r = resetOf(rst);
    const say = resetSay(r, 0);
    return circuit<Reset & { done: number; go: number }>({
      ports: [input("clk"), input(r.rst), input(start), input(stop), outputReg(y)],
      say: [
        `${y} goes 0 to 1 when ${start} is ${go} and 1 to 0 when ${stop} is ${done}; ${say[0]}.`,
        `Two-state machine ${y}: from 0 to 1 if ${start} is ${go}, back to 0 if ${stop} is ${done}, ${say[1]}.`,
        `In state 0 ${y} rises if ${start}=${go}, in state 1 it falls if ${stop}=${done}; ${say[2]}.`,
      ],
      plan: { ...r, done, go },
      write: (d) => ({
        think: `leave 1 if ${stop} is ${d.done}, leave 0 if ${start} is ${d.go}, ${resetThink(d)}`,
        code: clocked(d, `${y}<=0;`, `${y}<=${y}?${d.done ? "!" : ""}${stop}:${d.go ? "" : "!"}${start};`),
      }),
      slips: [
        ["exit_condition", 0.75, { done: 1 - done }],
        ["entry_condition", 0.25, { go: 1 - go }],
      ],
    });
  },
});

const fsm3 = family({
  name: "fsm_three",
  theme: "fsm",
  difficulty: 0.6,
  slipRate: 0.75,
  grid: { rst: RESETS, from0: [1, 2], from1: [0, 2], from2: [0, 1], out: [1, 2], io: ["a.y", "go.z"] },
  // Every state must be reachable from 0, or the output would be constant.
  keep: ({ from0, from1, from2 }) => (from0 === 1 ? from1 === 2 : from2 === 1),
  build: ({ rst, from0, from1, from2, out, io }) => {
    const [a, y] = names(io);
    const r = resetOf(rst);
    const say = resetSay(r, 0);
    return circuit<Reset & { to: number[]; high: boolean }>({
      ports: [input("clk"), input(r.rst), input(a), output(y)],
      say: [
        `State s: if ${a}, 0 goes to ${from0}, 1 to ${from1}, 2 to ${from2}; ${y} is 1 in state ${out}; ${say[0]}.`,
        `Moore machine moving 0 to ${from0}, 1 to ${from1}, 2 to ${from2} when ${a} is 1, ${y} high in ${out}, ${say[1]}.`,
        `When ${a}=1 state 0, 1, 2 becomes ${from0}, ${from1}, ${from2}; ${y} marks state ${out}; ${say[2]}.`,
      ],
      plan: { ...r, to: [from0, from1, from2], high: true },
      write: (d) => ({
        think: `moves if ${a} is ${d.high ? 1 : 0}, to ${d.to.join(" ")}, ${resetThink(d)}`,
        code: `reg [1:0] s;\n${clocked(d, "s<=0;", `if(${d.high ? "" : "!"}${a})s<=s==0?${d.to[0]}:s==1?${d.to[1]}:${d.to[2]};`)}\nassign ${y}=s==${out};`,
      }),
      slips: [["inverted_condition", 1, { high: false }]],
    });
  },
});

export const machines = [handshake, fsm3];
