import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { COMMANDS } from "../../src/cli/commands/index.js";
import { NAMES } from "../../src/cli/usage.js";
import { root } from "./spawned.js";

const nameOf = (words: string): string => words.split(" ")[0]!;

describe("the commands", () => {
  it("are one file each", () => {
    const files = readdirSync(join(root, "src/cli/commands"))
      .map((file) => file.replace(/\.ts$/, ""))
      .filter((file) => !["command", "index"].includes(file));
    const names = COMMANDS.map((c) => nameOf(c.name).replace("$0", "train"));
    expect(names.sort()).toEqual(files.sort());
  });

  it("are those that messages and completion name", () => {
    const named = COMMANDS.map((c) => nameOf(c.name)).filter((name) => name !== "$0");
    expect([...named].sort()).toEqual([...NAMES].sort());
  });

  it("describe every option and argument", () => {
    for (const command of COMMANDS) {
      const all = { ...command.options(["rl"]), ...command.positionals };
      for (const [name, option] of Object.entries(all)) expect(option.describe, name).toBeTruthy();
    }
  });
});
