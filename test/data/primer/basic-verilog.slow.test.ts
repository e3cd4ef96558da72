/** External truth: Icarus Verilog and Yosys read the built-in problems, and simulation tells faults from goldens. */

import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, describe, expect, it } from "vitest";
import { moduleText } from "../../../src/data/primer/family.js";
import { FAMILIES, type Instance, instances } from "../../../src/data/primer/index.js";

const run = promisify(execFile);
const dir = mkdtempSync(join(tmpdir(), "primer-"));
afterAll(() => rmSync(dir, { recursive: true }));

function write(name: string, text: string): string {
  const path = join(dir, name);
  writeFileSync(path, text);
  return path;
}

const renamed = (instance: Instance, code: string, name: string): string =>
  moduleText(instance.circuit.ports, code).replace("top_module", name);

/** One instance for each fault of each family, and one golden for each family without faults. */
function samples(perFault: number): Instance[] {
  const taken = new Map<string, number>();
  return instances().filter((instance, i) => {
    const keys = [
      instance.family.name,
      ...instance.circuit.faults.map((f) => `${instance.family.name}/${f.name}`),
    ];
    const wanted = keys.some((key) => (taken.get(key) ?? 0) < perFault) && i % 3 === 0;
    if (wanted) for (const key of keys) taken.set(key, (taken.get(key) ?? 0) + 1);
    return wanted;
  });
}

const widthOf = (port: string): number => Number(/\[(\d+):0\]/.exec(port)?.[1] ?? 0) + 1;
const nameOf = (port: string): string => port.split(" ").at(-1)!;

/**
 * A bench that drives golden g<n> and fault f<n> alike and prints SAME <n> if no defined golden output ever differs:
 * inputs change in both clock phases, with biased bits, values near the constants of the golden and equal inputs.
 */
function bench(instance: Instance, n: number): string {
  const inputs = instance.circuit.ports.filter((p) => p.startsWith("input"));
  const outputs = instance.circuit.ports.filter((p) => !p.startsWith("input"));
  const reset = inputs.map(nameOf).find((name) => name.startsWith("rst"));
  const active = reset === "rst_n" ? 0 : 1;
  const data = inputs.filter((p) => nameOf(p) !== "clk" && nameOf(p) !== reset).map(nameOf);
  const constants = [...new Set([...instance.circuit.golden.code.matchAll(/\d+/g)].map((m) => Number(m[0])))];
  const device = (kind: "g" | "f") =>
    `${kind}${n} u_${kind}(${instance.circuit.ports
      .map((p) => `.${nameOf(p)}(${nameOf(p)}${p.startsWith("input") ? "" : `_${kind}`})`)
      .join(",")});`;
  const draw = (name: string, i: number) => {
    const near = constants.map((c, j) => `${j}:${name}=${c}+$random%2;`).join("");
    const equal = `${constants.length}:${name}=${data[(i + 1) % data.length]};`;
    return `if($random&1)case($unsigned($random)%${constants.length + 4})${near}${equal}default:${name}=($random&7)<bias?0:$random|-($random&1);endcase`;
  };
  return [
    `module tb${n};integer k,bias,bad;`,
    ...inputs.map((p) => `reg [${widthOf(p) - 1}:0] ${nameOf(p)};`),
    ...outputs.map((p) => `wire [${widthOf(p) - 1}:0] ${nameOf(p)}_g,${nameOf(p)}_f;`),
    device("g"),
    device("f"),
    "initial begin bad=0;bias=0;",
    ...inputs.map((p) => `${nameOf(p)}=0;`),
    reset === undefined ? "" : `${reset}=${1 - active};#1 ${reset}=${active};`,
    "for(k=0;k<1500;k=k+1)begin",
    "if(k%40==0)bias=$unsigned($random)%8;",
    inputs.some((p) => nameOf(p) === "clk") ? "if(k%3!=1)clk=~clk;" : "",
    "#1;",
    ...data.map(draw),
    reset === undefined ? "" : `if(k>6)${reset}=($unsigned($random)%150==0)?${active}:${1 - active};`,
    "#1;",
    ...outputs.map((p) => `if((^${nameOf(p)}_g)!==1'bx&&${nameOf(p)}_g!==${nameOf(p)}_f)bad=bad+1;`),
    "end",
    `if(bad==0)$display("SAME ${n}");end endmodule`,
  ].join("\n");
}

describe("Icarus Verilog", () => {
  it("compiles every golden as plain Verilog-2005, without a warning", async () => {
    const texts = instances().map((instance, i) => renamed(instance, instance.circuit.golden.code, `m${i}`));
    const half = Math.ceil(texts.length / 2);
    const outputs = await Promise.all(
      [texts.slice(0, half), texts.slice(half)].map((part, i) =>
        run(
          "iverilog",
          ["-g2005", "-Wall", "-Wno-timescale", "-t", "null", write(`golden${i}.v`, part.join("\n"))],
          {
            maxBuffer: 1e8,
          },
        ),
      ),
    );
    const complaints = outputs
      .flatMap((o) => o.stderr.split("\n"))
      .filter((line) => line !== "" && !/sensitive to all/.test(line));
    expect(complaints).toEqual([]);
  });

  it("tells each family's faults from the golden by simulation", async () => {
    const keys: string[] = [];
    const seen = new Set<string>();
    const parts: string[] = [];
    for (const instance of samples(2)) {
      for (const fault of instance.circuit.faults) {
        const n = keys.push(`${instance.id} ${fault.name}`) - 1;
        seen.add(`${instance.family.name}/${fault.name}`);
        parts.push(
          renamed(instance, instance.circuit.golden.code, `g${n}`),
          renamed(instance, fault.code, `f${n}`),
        );
        parts.push(bench(instance, n));
      }
    }
    const taught = FAMILIES.filter((f) => f.role === "trained");
    expect(new Set([...seen].map((key) => key.split("/")[0]))).toEqual(new Set(taught.map((f) => f.name)));
    const program = join(dir, "faults.vvp");
    await run("iverilog", ["-g2012", "-o", program, write("faults.v", parts.join("\n"))], { maxBuffer: 1e8 });
    const { stdout } = await run("vvp", ["-n", program], { maxBuffer: 1e8 });
    const same = [...stdout.matchAll(/^SAME (\d+)$/gm)].map((m) => keys[Number(m[1])]);
    expect(same).toEqual([]);
  });
});

describe("Yosys", () => {
  it("reads goldens and faults of every family and finds no latch, loop or driver conflict", async () => {
    const texts = samples(1).flatMap((instance, i) =>
      [instance.circuit.golden, ...instance.circuit.faults].map((draft, j) =>
        renamed(instance, draft.code, `m${i}_${j}`),
      ),
    );
    const path = write("yosys.v", texts.join("\n"));
    const { stdout } = await run("yosys", ["-Q", "-p", `read_verilog ${path}; proc; check -assert`], {
      maxBuffer: 1e8,
    });
    expect(stdout).toContain("Found and reported 0 problems");
    expect(stdout).not.toMatch(/Latch inferred/);
  });
});
