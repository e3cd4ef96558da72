import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { redact, TrainError } from "../../src/core/errors.js";

const token = fc.stringMatching(/^[A-Za-z0-9_-]{12,40}$/);

describe("secrets", () => {
  it("of every known form are hidden, wherever they stand", () => {
    fc.assert(
      fc.property(fc.constantFrom("sk-", "hf_", "ghp_", "wandb-"), token, fc.lorem(), (kind, rest, text) => {
        const shown = redact(`${text} ${kind}${rest}, ${text}`);
        expect(shown).not.toContain(rest);
        expect(shown).toContain(text);
      }),
    );
    fc.assert(
      fc.property(
        fc.constantFrom("Bearer ", "bearer ", "api_key=", "API-KEY: ", "apikey="),
        token,
        (kind, rest) => {
          expect(redact(`curl -H "${kind}${rest} now`)).not.toContain(rest);
        },
      ),
    );
  });

  it("hidden once are hidden, and what is none stays", () => {
    fc.assert(
      fc.property(token, (rest) => {
        const once = redact(`Authorization: Bearer ${rest} and sk-${rest}`);
        expect(redact(once)).toBe(once);
      }),
    );
    for (const plain of ["task-manager", "sk-1", "ask_me_for_more_details", "the key of api: none", "hf"])
      expect(redact(plain)).toBe(plain);
  });

  it("reach no part of an error", () => {
    const secret = "sk-abcdefghijkl";
    const error = new TrainError("tool", `got ${secret}`, {
      hint: `use ${secret}`,
      details: [`${secret} at 1`],
    });
    expect([error.message, error.hint, ...error.details]).toEqual([
      "got sk-***",
      "use sk-***",
      "sk-*** at 1",
    ]);
    expect(error.stack).not.toContain(secret);
  });
});
