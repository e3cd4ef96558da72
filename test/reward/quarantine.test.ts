/** A problem whose tiers disagree is judged no more: now, later, in other processes, until its cache file is deleted. */

import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import type { Verdict } from "../../src/core/types.js";
import { seed } from "../../src/core/units.js";
import type { Proof } from "../../src/equiv/formal/proof.js";
import { PREPARED_VERSION, type Preparation } from "../../src/equiv/golden/prepared.js";
import { contentKey, makeStore } from "../../src/equiv/golden/store.js";
import { render } from "../../src/verilog/lexer.js";
import { open, problem, signal, tools } from "./harness.js";

const p = problem("module top_module(input a, b, output y); assign y = a & b; endmodule");
const good = "module top_module(input a, b, output y); assign y = b & a; endmodule";
const other = "module top_module(input a, b, output y); assign y = ~(~a | ~b); endmodule";

const closing: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});
const shared = (): string => {
  const dir = mkdtempSync(join(tmpdir(), "quarantine-"));
  closing.push(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
};

/** `refute` decides which candidates the formal engine claims to refute. */
function bench(cacheDir: string, refute: (candidate: string) => boolean = () => false, delayMs = 0) {
  const b = open({
    cacheDir,
    mutants: 0,
    audit: { share: 0, vectors: 64 },
    formal: { when: "always", seconds: 1 },
    prover: {
      async prove({ candidate }): Promise<Proof> {
        if (!refute(render(candidate.tokens))) {
          if (delayMs > 0) await new Promise((go) => setTimeout(go, delayMs));
          return { kind: "equal", ms: 1 };
        }
        const counterexample = { cycles: [{ a: "1", b: "1" }], signal: "y", expected: "1", got: "0" };
        return { kind: "different", counterexample, replayed: true, ms: 1 };
      },
      close: async () => {},
    },
  });
  closing.push(b.close);
  return b;
}

/** The cache file of the golden as it is judged with. */
function fileIn(cacheDir: string): string {
  const names = (readdirSync(cacheDir, { recursive: true }) as string[]).filter((n) => n.endsWith(".json"));
  expect(names.length).toBe(1);
  return join(cacheDir, names[0]!);
}

const quarantined = { kind: "infra", code: "quarantined", retryable: false };

describe("quarantine", () => {
  it("is never a score, whatever the text; the cache hands it on; deleting the file it names lifts it", async () => {
    const dir = shared();
    const first = bench(dir, (c) => c.includes("~"));
    expect((await first.scored(p, good)).proof).toBe("formal");
    const alarm = await first.scored(p, other);
    expect([alarm.outcome, alarm.reward]).toEqual(["mismatch", 0]);
    expect(await first.score(p, good)).toMatchObject(quarantined);
    const refused = await first.rewarder.prepare([p], () => {}, signal());
    expect(refused.get(p.id)).toMatch(/^in quarantine: .*refuted/);

    const later = bench(dir);
    const garbage = await later.rewarder.score({ problem: p, text: "no tags", seed: seed(1) }, signal());
    expect(garbage).toMatchObject(quarantined);
    expect(await later.score(p, good)).toMatchObject(quarantined);
    const path = fileIn(dir);
    expect(garbage.log).toContain(`delete ${path}`);
    expect((await later.rewarder.prepare([p], () => {}, signal())).get(p.id)).toContain(`delete ${path}`);
    expect((await later.rewarder.stats()).quarantined.get(p.id)).toContain("refuted");
    // Another problem with another golden is not touched.
    const q = problem("module top_module(input a, output y); assign y = a; endmodule", "q");
    expect((await later.scored(q, q.task.golden)).passed).toBe(true);

    rmSync(path);
    const lifted = bench(dir);
    expect((await lifted.scored(p, good)).passed).toBe(true);
  });

  it("holds for candidates that were under way", async () => {
    const b = bench(shared(), (c) => c.includes("~"), 400);
    await b.rewarder.prepare([p], () => {}, signal());
    const slow = b.score(p, good);
    await new Promise((go) => setTimeout(go, 100));
    const alarm = await b.scored(p, other);
    expect(alarm.outcome).toBe("mismatch");
    expect(await slow).toMatchObject(quarantined);
  });

  it("says so when it cannot be recorded, and holds for the process", async () => {
    const dir = shared();
    const b = bench(dir, (c) => c.includes("~"));
    expect((await b.scored(p, good)).passed).toBe(true);
    const folder = join(fileIn(dir), "..");
    rmSync(folder, { recursive: true });
    writeFileSync(folder, "a file where the folder was");
    const alarm = await b.scored(p, other);
    expect(alarm.second?.alarm).toMatch(/holds for this process only, because .* cannot be written \(E/);
    expect((await b.score(p, good)) as Verdict).toMatchObject(quarantined);
  });
});

describe("the cache of goldens", () => {
  const key = contentKey("k");
  const preparation: Preparation = { version: PREPARED_VERSION, key, refused: "for a test" };

  it("gives back what was written, and keeps a quarantine over a new preparation", () => {
    const store = makeStore(shared());
    expect(store.read(key)).toBeNull();
    store.write(preparation);
    expect(store.read(key)).toEqual({ preparation, quarantined: null });
    store.quarantine(preparation, "because");
    store.write(preparation);
    expect(store.read(key)).toEqual({ preparation, quarantined: "because" });
  });

  it.each([
    ["cut", (t: string) => t.slice(0, t.length - 20)],
    ["empty", () => ""],
    ["not JSON", () => "\u0000\u0001"],
    ["another kind of JSON", () => "[1, 2]"],
    ["null", () => "null"],
    ["changed by hand", (t: string) => t.replace("for a test", "for a jest")],
    ["without its quarantine", (t: string) => t.replace('"quarantined":"because"', '"quarantined":null')],
    ["of another version", (t: string) => t.replace(`"version":${PREPARED_VERSION}`, '"version":1')],
    ["of another golden", (t: string) => t.replace(key, contentKey("other"))],
  ])("does not trust a file that is %s", (_, damage) => {
    const store = makeStore(shared());
    store.quarantine(preparation, "because");
    const path = store.pathOf(key);
    const text = readFileSync(path, "utf8");
    expect(damage(text)).not.toBe(text);
    writeFileSync(path, damage(text));
    expect(store.read(key)).toBeNull();
  });

  it("leaves nothing beside its file, also when it fails", () => {
    const dir = shared();
    const store = makeStore(dir);
    store.write(preparation);
    const folder = join(store.pathOf(key), "..");
    expect(readdirSync(folder)).toEqual([`${key}.json`]);
    rmSync(store.pathOf(key));
    // A folder in the place of the file cannot be replaced by it.
    const blocked = makeStore(dir);
    mkdirSync(blocked.pathOf(key));
    expect(() => blocked.write(preparation)).toThrow();
    expect(readdirSync(folder)).toEqual([`${key}.json`]);
  });

  it("holds nothing of this machine but the version of Icarus, which is part of the key", async () => {
    const dir = shared();
    const b = bench(dir);
    // The first proof adds to the file whether the golden can be proved at all.
    expect((await b.scored(p, good)).proof).toBe("formal");
    const path = fileIn(dir);
    const text = readFileSync(path, "utf8");
    for (const place of [b.dir, tmpdir(), process.cwd(), tools().iverilog.path])
      expect(text).not.toContain(place);
    const t = tools();
    const newer = open({
      cacheDir: dir,
      mutants: 0,
      prover: null,
      tools: { ...t, iverilog: { ...t.iverilog, version: "99.0" } },
    });
    closing.push(newer.close);
    await newer.rewarder.prepare([p], () => {}, signal());
    const names = (readdirSync(dir, { recursive: true }) as string[]).filter((n) => n.endsWith(".json"));
    expect(names.length).toBe(2);
    expect(statSync(path).size).toBe(text.length);
    // Taken to another machine, the file serves without being made again.
    const moved = shared();
    const copy = join(moved, path.slice(dir.length + 1));
    mkdirSync(join(copy, ".."), { recursive: true });
    writeFileSync(copy, text);
    chmodSync(copy, 0o444);
    const there = bench(moved);
    expect((await there.scored(p, good)).passed).toBe(true);
    expect(statSync(copy).mode & 0o777).toBe(0o444);
  });
});
