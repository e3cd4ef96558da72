/** Which goldens count as the same text, and that the splits of all existing problems stay as they were. */

import { describe, expect, it } from "vitest";
import { goldenKey, identicalSets } from "../../src/data/identity.js";
import { instances } from "../../src/data/primer/index.js";

const task = (golden: string) => ({ prompt: [], task: { golden, top: "top_module" } });
const same = (a: string, b: string): boolean => goldenKey(task(a)) === goldenKey(task(b));

describe("two goldens", () => {
  const design = "module m(input a, output y); assign y = a; endmodule";
  it.each([
    ["a comment", `${design} // that is all`, true],
    ["line breaks", design.replaceAll(" ", "\n"), true],
    ["blanks around symbols", design.replace("y = a", "y=a"), true],
    ["a name", design.replaceAll("y", "z"), false],
  ])("that differ in %s", (_, other, expected) => {
    expect(same(design, other)).toBe(expected);
  });

  it("are not the same because what follows // stands in a string", () => {
    const says = (text: string): string => `module m; initial $display("http://${text}"); endmodule`;
    expect(same(says("a"), says("b"))).toBe(false);
  });

  it("that are no Verilog are compared by their words", () => {
    expect([same("é  b", "é\nb"), same("é b", "é c")]).toEqual([true, false]);
  });
});

/** The key that splits were made with before there was a lexer to use. */
const former = (golden: string): string =>
  golden
    .replace(/\/\/[^\n]*|\/\*[\s\S]*?\*\//g, " ")
    .replace(/\s+/g, " ")
    .replace(/ ?([^\w$ ]) ?/g, "$1")
    .trim();

it("the goldens of the primer fall into the same sets as by the former key, comments and blanks added", () => {
  const goldens = instances("all").flatMap(({ golden }) => [
    golden,
    `// ${golden.length}\n${golden.replaceAll(";", " ;\n")}/* end */`,
  ]);
  const first = new Map<string, number>();
  const before = goldens.map((g, i) => {
    const key = former(g);
    if (!first.has(key)) first.set(key, i);
    return first.get(key)!;
  });
  const now = identicalSets(
    goldens.map((golden, i) => ({ ...task(golden), prompt: [{ role: "user" as const, content: `${i}` }] })),
  );
  expect(now).toEqual(before);
  expect(new Set(now).size).toBe(goldens.length / 2);
});
