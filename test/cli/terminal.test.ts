import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { errorJson, errorText } from "../../src/cli/print-error.js";
import { makeReporter } from "../../src/cli/reporter.js";
import { resultText } from "../../src/cli/result.js";
import { asTyped, commandLine, type Shell } from "../../src/cli/shell.js";
import { clip, printable, table, wrap } from "../../src/cli/text.js";
import { TrainError } from "../../src/core/errors.js";

const screen = (isTTY: boolean) => {
  let text = "";
  const write = (more: string): void => {
    text += more;
  };
  const out = { isTTY, columns: () => 20, colour: false, write };
  return { out, text: () => text };
};
const CLEAR = "\r\u001b[2K";

describe("the reporter", () => {
  it("rewrites one status line, clipped to the terminal, and puts lines above it", () => {
    const s = screen(true);
    const reporter = makeReporter(s.out, { quiet: false });
    reporter.status("sampling 12 of 256 rollouts");
    reporter.line("step 1");
    reporter.status(null);
    reporter.status(null);
    reporter.line("done");
    const status = "sampling 12 of 256…";
    expect(status).toHaveLength(19);
    expect(s.text()).toBe(`${CLEAR}${status}${CLEAR}step 1\n${CLEAR}${status}${CLEAR}done\n`);
  });

  it("has no status line without a terminal, and nothing after close", () => {
    const s = screen(false);
    const reporter = makeReporter(s.out, { quiet: false });
    reporter.status("sampling");
    reporter.line("step 1");
    reporter.close();
    reporter.status("late");
    expect(s.text()).toBe("step 1\n");
  });

  it("leaves the cursor on a clean line when it closes", () => {
    const s = screen(true);
    const reporter = makeReporter(s.out, { quiet: false });
    reporter.status("x");
    reporter.close();
    reporter.status("y");
    expect(s.text()).toBe(`${CLEAR}x${CLEAR}`);
  });

  it("says only warnings when it is to be quiet", () => {
    const s = screen(true);
    const reporter = makeReporter(s.out, { quiet: true });
    reporter.status("x");
    reporter.line("y");
    reporter.warn("z");
    expect(s.text()).toBe("warning: z\n");
  });
});

describe("text", () => {
  it("wraps without losing or breaking words, at the width where words allow it", () => {
    const words = fc.array(fc.stringMatching(/^[a-z]{1,12}$/), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(words, fc.integer({ min: 20, max: 80 }), (list, width) => {
        const lines = wrap(list.join(" "), width, "  ").split("\n");
        expect(lines.flatMap((l) => l.trim().split(" "))).toEqual(list);
        expect(lines.every((l) => l.length <= width)).toBe(true);
      }),
    );
  });

  it("lets no control character through but newline and tab", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(printable(text)).not.toMatch(/[^\P{Cc}\n\t]/u);
      }),
      { numRuns: 30 },
    );
    expect(printable("a\u001b[2Jb\rc\n\td\u009b")).toBe("a\\x1b[2Jb\\x0dc\n\td\\x9b");
  });

  it("lines columns up and wraps by what a terminal shows", () => {
    expect(
      table([
        ["名前", "x"],
        ["a", "y"],
      ]),
    ).toBe("名前  x\na     y");
    expect(wrap("計数 計数 ab", 9)).toBe("計数 計数\nab");
  });

  it("clips by columns: a wide character takes two and is never halved", () => {
    expect(clip("ab", 2)).toBe("ab");
    expect(clip("a😀b", 2)).toBe("a…");
    expect(clip("😀😀😀", 3)).toBe("😀…");
    expect(clip("😀😀😀", 2)).toBe("…");
    expect(clip("計数器", 6)).toBe("計数器");
    expect(clip("計数器", 5)).toBe("計数…");
    expect(clip("e\u0301e\u0301e\u0301", 3)).toBe("e\u0301e\u0301e\u0301");
  });

  it("lines up columns", () => {
    expect(
      table([
        ["a", "bb", "c"],
        ["aaa", "b"],
      ]),
    ).toBe("a    bb  c\naaa  b");
    expect(resultText({ a: 1, b: { c: 0.1 + 0.2, d: null, e: [1] }, f: undefined })).toBe(
      "a    1\nb.c  0.3\nb.d  null\nb.e  [1]\n",
    );
    expect(resultText({})).toBe("");
  });

  it("speaks of the program as the user calls it", () => {
    const text =
      "run train --stage rl, or `scripts/train ls`; to train a model is not train, nor train_x --stage";
    expect(asTyped(text, "./scripts/train")).toBe(
      "run ./scripts/train --stage rl, or `./scripts/train ls`; to train a model is not train, nor train_x --stage",
    );
    expect(asTyped("scripts/train --resume", "train")).toBe("train --resume");
  });

  it("quotes the command line so that a shell reads it back", () => {
    const shell = {
      program: "train",
      words: ["rl.x=[a, b]", "--name", "it's", "a=1e-4", "~b"],
    } as unknown as Shell;
    expect(commandLine(shell)).toBe("train 'rl.x=[a, b]' --name 'it'\\''s' a=1e-4 ~b");
  });
});

describe("errors", () => {
  const options = { colour: false, program: "train" };

  it("wraps message and hint at 80 columns and leaves details whole", () => {
    const long = "word ".repeat(30).trim();
    const text = errorText(new TrainError("data", long, { hint: long, details: [long] }), options);
    const [detail, ...rest] = text.split("\n").filter((l) => l.length > 80);
    expect([detail, rest]).toEqual([`  ${long}`, []]);
    expect(text).toMatch(/^error: word .*\n(.*\n)+-> word .*\n {3}word /);
  });

  it("hides keys, also those in a stack", () => {
    const error = new Error("no", { cause: new Error("Bearer abcdef123456 was refused") });
    expect(errorText(error, options)).not.toContain("abcdef123456");
  });

  it("copes with whatever is thrown", () => {
    for (const thrown of ["text", 3, null, undefined, {}, Symbol("s")]) {
      expect(errorText(thrown, options)).toContain("this is a bug");
      expect(JSON.parse(errorJson(thrown, "train")).error).toMatchObject({ code: "bug", exit: 1 });
    }
  });
});
