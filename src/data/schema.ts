import { z } from "zod";
import { badSystemPrompt } from "../text/system-prompt.js";
import { LEVELS } from "./primer/level.js";

export const dataSchema = z
  .strictObject({
    source: z
      .enum(["primer", "jsonl"])
      .default("primer")
      .describe("primer = the built-in problems; jsonl = your own, one JSON object a line"),
    level: z
      .enum(LEVELS)
      .default("basic")
      .describe("Primer: basic = small circuits, hard = larger ones with longer reasoning, all = both"),
    path: z.string().nullable().default(null).describe("The .jsonl file when source is jsonl"),
    test_share: z
      .number()
      .min(0)
      .lt(1)
      .default(0.1)
      .describe("Share of a jsonl set held out by a hash of the id, where lines carry no split"),
    families: z
      .array(z.string())
      .default([])
      .describe("Keep only these buckets (primer families); empty = all"),
    system_prompt: z
      .string()
      .default("none")
      .superRefine((value, ctx) => {
        const message = badSystemPrompt(value);
        if (message !== null) ctx.addIssue({ code: "custom", message });
      })
      .describe(
        "System message of every prompt that has none of its own: none, codev-r1 (the one of the CodeV-R1 model card), or the text itself",
      ),
  })
  .superRefine((c, ctx) => {
    if (c.source === "jsonl" && c.path === null) {
      ctx.addIssue({ code: "custom", path: ["path"], message: "source is jsonl, so the file must be named" });
    }
    if (c.source === "jsonl" && c.level !== "basic") {
      ctx.addIssue({ code: "custom", path: ["level"], message: "only the built-in problems have levels" });
    }
  })
  .prefault({});

export type DataSection = z.infer<typeof dataSchema>;
