/** Rewrites that Yosys makes: the same function in another structure, with other names, encodings and X. */

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { forYosys } from "../../../src/verilog/yosys-dialect.js";

/** Every register is offered as a state register; what is none is left as it is. */
const FSM =
  'proc\nflatten\nopt_expr\nopt_clean\nsetattr -set fsm_encoding "auto" t:$*dff* %co:+[Q] w:* %i\n' +
  "fsm_detect\nfsm_extract\nfsm_opt\n";

/** Passes by name of the rewrite; `TOP` stands for the module. */
export const PASSES: Readonly<Record<string, string>> = {
  flat: "proc\nflatten\nopt_clean",
  gates: "synth -top TOP -flatten",
  scrambled: "proc\nflatten\nopt_clean\nrename -scramble-name -seed 7",
  "one-hot states": `${FSM}fsm_recode -encoding one-hot\nfsm_map\nopt`,
  "binary states": `${FSM}fsm_recode -encoding binary\nfsm_map\nopt`,
  "X as zeros": "proc\nflatten\nsetundef -zero\nsetundef -undriven -zero -init\nopt_clean",
  "no power-up values": "proc\nflatten\nopt_clean\nsetattr -unset init w:*",
};

/** Text of the rewrite, or null where Yosys cannot make it (or finds no states to encode). */
export function yosysRewrite(
  kind: string,
  golden: string,
  top: string,
  yosys: string,
  dir: string,
): string | null {
  const out = join(dir, "out.v");
  rmSync(out, { force: true });
  writeFileSync(join(dir, "in.sv"), forYosys(golden));
  const passes = PASSES[kind]!.replaceAll("TOP", top);
  const script = `read_verilog -sv in.sv\nhierarchy -top ${top}\n${passes}\nwrite_verilog -noattr out.v\n`;
  writeFileSync(join(dir, "script.ys"), script);
  const ran = spawnSync(yosys, ["-s", "script.ys"], {
    cwd: dir,
    encoding: "utf8",
    timeout: 30_000,
    maxBuffer: 1 << 26,
  });
  if (ran.status !== 0 || !existsSync(out)) return null;
  if (kind.endsWith("states") && !/Recoding FSM/.test(ran.stdout)) return null;
  return withoutEscapes(readFileSync(out, "utf8"));
}

/** Escaped names, which the gate refuses, become plain ones that nothing else has. */
function withoutEscapes(text: string): string {
  const names = new Map<string, string>();
  return text.replace(/\\(\S+) /g, (_, name: string) => {
    const plain = names.get(name) ?? `e${names.size}_${name.replace(/\W/g, "_")}`;
    names.set(name, plain);
    return `${plain} `;
  });
}
