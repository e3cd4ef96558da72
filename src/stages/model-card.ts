/** The model card of an export: how to prompt the model. */

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { DataSection } from "../data/schema.js";
import { systemPromptOf } from "../text/system-prompt.js";

/** Writes `README.md` into the directory of an export. */
export async function writeModelCard(dir: string, name: string, data: DataSection): Promise<void> {
  await writeFile(join(dir, "README.md"), modelCard(name, data));
}

/** Markdown. The same settings give the same text. */
export function modelCard(name: string, data: DataSection): string {
  return `# ${name}\n\nA policy trained to write Verilog.\n\n## Prompt\n\n${promptPart(systemPromptOf(data.system_prompt))}\n`;
}

function promptPart(system: string | null): string {
  if (system === null) {
    return "Training added no system message to the prompts: send a problem's messages as they are, through the chat template.";
  }
  // The prompt may hold code fences itself, so the fence around it is longer than any run of backticks in it.
  const longest = Math.max(2, ...[...system.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = "`".repeat(longest + 1);
  return (
    "The prompts of training began with this system message. Send it word for word, without a line break at its end, " +
    `before the user's message:\n\n${fence}text\n${system}\n${fence}`
  );
}
