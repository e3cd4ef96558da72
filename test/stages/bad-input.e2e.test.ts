/** Every bad input: one plain paragraph, the documented exit code, and no run directory left behind. */

import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { REAL, start, workplace } from "../cli/spawned.js";
import { writeTinyModel } from "./tiny.js";

let cwd: string;
let model: string;
beforeAll(async () => {
  cwd = workplace();
  model = await writeTinyModel(cwd);
}, 60_000);

async function fails(words: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const ended = await start(
    REAL,
    ["--stage", "rl", "--config", "adaptive-dapo.yaml", "run.dir=runs", ...words],
    {
      cwd,
      env: { VERILOOP_CACHE: join(cwd, "cache"), ...env },
    },
  ).ended;
  expect(ended.stderr).not.toMatch(/this is a bug|\n\s+at /);
  expect(existsSync(join(cwd, "runs")) ? readdirSync(join(cwd, "runs")) : []).toEqual([]);
  return ended;
}

/** A copy of the tiny model with something broken in it. */
async function broken(name: string, breakIt: (dir: string) => void): Promise<string> {
  const dir = join(cwd, name);
  await cp(model, dir, { recursive: true });
  breakIt(dir);
  return dir;
}

const GOOD = {
  id: "g",
  prompt: "wire",
  golden: "module t(input a, output y); assign y = a; endmodule",
  top: "t",
};
function jsonl(name: string, rows: readonly object[]): string {
  const path = join(cwd, name);
  writeFileSync(path, rows.map((r) => `${JSON.stringify(r)}\n`).join(""));
  return path;
}
const own = (path: string): string[] => ["data.source=jsonl", `data.path=${path}`];

describe("bad input", { timeout: 60_000 }, () => {
  it("model directory that is not there", async () => {
    const { code, stderr } = await fails(["model.path=nowhere"]);
    expect(code).toBe(3);
    expect(stderr).toMatch(/nowhere/);
  });

  it("model directory without a tokenizer", async () => {
    const dir = await broken("no-tokenizer", (d) => rmSync(join(d, "tokenizer.json")));
    const { code, stderr } = await fails([`model.path=${dir}`]);
    expect(code).toBe(3);
    expect(stderr).toMatch(/tokenizer\.json/);
  });

  it("truncated weights", async () => {
    const dir = await broken("truncated", (d) => truncateSync(join(d, "model.safetensors"), 3000));
    const { code, stderr } = await fails([`model.path=${dir}`]);
    expect(code).toBe(3);
    expect(stderr).toMatch(/model\.safetensors/);
  });

  it("weights with overlapping offsets, and with a huge header", async () => {
    const overlap = await broken("overlap", (d) => {
      const file = join(d, "model.safetensors");
      const bytes = readFileSync(file);
      const length = Number(bytes.readBigUInt64LE(0));
      const header = JSON.parse(bytes.subarray(8, 8 + length).toString());
      const names = Object.keys(header).filter((k) => k !== "__metadata__");
      const shape = (n: string) => JSON.stringify(header[n].shape);
      const twin = names.find((n) => n !== names[0] && shape(n) === shape(names[0]!)) ?? names[1]!;
      header[twin].data_offsets = header[names[0]!].data_offsets;
      const text = Buffer.from(JSON.stringify(header).padEnd(length));
      text.copy(bytes, 8);
      writeFileSync(file, bytes);
    });
    const first = await fails([`model.path=${overlap}`]);
    expect(first.code).toBe(3);
    const huge = await broken("huge", (d) => {
      const bytes = readFileSync(join(d, "model.safetensors"));
      bytes.writeBigUInt64LE(2n ** 62n, 0);
      writeFileSync(join(d, "model.safetensors"), bytes);
    });
    const second = await fails([`model.path=${huge}`]);
    expect(second.code).toBe(3);
    expect(second.stderr).toMatch(/header/);
  });

  it("vocabulary smaller than the tokenizer's", async () => {
    const dir = await broken("vocabulary", (d) => {
      const path = join(d, "config.json");
      const config = JSON.parse(readFileSync(path, "utf8"));
      writeFileSync(path, JSON.stringify({ ...config, vocab_size: 300 }));
    });
    const { code, stderr } = await fails([`model.path=${dir}`]);
    expect(code).toBe(3);
    expect(stderr).toMatch(/vocab|embed_tokens/);
  });

  it("an empty data set, a missing one, and a bad line", async () => {
    const empty = await fails([`model.path=${model}`, ...own(jsonl("empty.jsonl", []))]);
    expect(empty.code).toBe(3);
    const missing = await fails([`model.path=${model}`, ...own("missing.jsonl")]);
    expect(missing.code).toBe(3);
    const bad = await fails([`model.path=${model}`, ...own(jsonl("bad.jsonl", [GOOD, { id: 3 }]))]);
    expect(bad.code).toBe(3);
    expect(bad.stderr).toMatch(/bad\.jsonl:2/);
  });

  it("prompts longer than the limit", async () => {
    const long = { ...GOOD, id: "long", prompt: "a very long wish ".repeat(200), split: "train" };
    const path = jsonl(
      "long.jsonl",
      [long, { ...GOOD, split: "test" }].map((p, i) => ({
        ...p,
        golden: GOOD.golden.replace("y = a", i ? "y = ~a" : "y = a"),
      })),
    );
    const { code, stderr } = await fails([`model.path=${model}`, ...own(path)]);
    expect(code).toBe(3);
    expect(stderr).toMatch(/long: \d+ tokens/);
    expect(stderr).toMatch(/sampler\.max_tokens/);
  });

  it("no simulator on the machine", async () => {
    const bin = join(cwd, "empty-bin");
    mkdirSync(bin, { recursive: true });
    const { code, stderr } = await fails([`model.path=${model}`], { PATH: bin });
    expect(code).toBe(4);
    expect(stderr).toMatch(/apt-get install/);
  });

  it("a run directory that cannot be made", async () => {
    writeFileSync(join(cwd, "a-file"), "");
    const { code, stderr } = await fails([
      `model.path=${model}`,
      "run.dir=a-file/runs",
      "sampler.max_tokens=32",
    ]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/a-file[\s\S]*run\.dir=FOLDER/);
  });

  it("a model that is not there", async () => {
    const { code, stderr } = await fails(["model.path=no/such"]);
    expect(code).toBe(3);
    expect(stderr).toMatch(/there is no [\s\S]*no\/such[\s\S]*--stage distill[\s\S]*distill\.out=no\/such/);
  });

  it("a family that does not exist", async () => {
    const { code, stderr } = await fails([`model.path=${model}`, "data.families=[no_such]"]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/no_such/);
  });
});

describe("problems whose golden cannot serve", { timeout: 120_000 }, () => {
  it("are left out with the reason, and the run goes on", async () => {
    const place = workplace();
    const tiny = await writeTinyModel(place);
    const lines = [
      { ...GOOD, id: "good", split: "train" },
      { ...GOOD, id: "test", split: "test", prompt: "invert", golden: GOOD.golden.replace("= a", "= ~a") },
      {
        ...GOOD,
        id: "broken",
        split: "train",
        prompt: "b",
        golden: "module t(input a, output y); assign y = ; endmodule",
      },
      {
        ...GOOD,
        id: "mute",
        split: "train",
        prompt: "m",
        golden: "module t(input a); wire w; assign w = a; endmodule",
      },
    ];
    const path = join(place, "own.jsonl");
    writeFileSync(path, lines.map((l) => JSON.stringify(l)).join("\n"));
    const ended = await start(
      REAL,
      [
        "--stage",
        "rl",
        "--config",
        "adaptive-dapo.yaml",
        `model.path=${tiny}`,
        ...own(path),
        "run.dir=runs",
        "--name",
        "own",
        "rl.steps=1",
        "rl.groups=3",
        "rl.group_size=2",
        "sampler.max_tokens=16",
        "rl.sampling.strategy=fixed",
        "eval.every=0",
        "eval.final_samples=1",
      ],
      { cwd: place, env: { VERILOOP_CACHE: join(place, "cache") } },
    ).ended;
    expect(ended.code, ended.stderr).toBe(0);
    expect(ended.stderr).toMatch(/broken: /);
    expect(ended.stderr).toMatch(/mute: /);
    const step = readFileSync(join(place, "runs/own/metrics.jsonl"), "utf8")
      .split("\n")
      .map((l) => (l ? JSON.parse(l) : {}))
      .find((m) => "reward/refused" in m);
    expect(step["reward/refused"]).toBe(2);
  });
});
