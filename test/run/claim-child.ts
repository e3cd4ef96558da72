/** Waits for a file, then tries to resume run `a`, and stays until killed. Started by directory.test.ts. */
import { existsSync } from "node:fs";
import { openRun } from "../../src/run/directory.js";
import { opening } from "./opening.js";

const [root, go] = process.argv.slice(2) as [string, string];
console.log("ready");
while (!existsSync(go)) await new Promise((resolve) => setTimeout(resolve, 1));
try {
  console.log(`won ${openRun(opening(root, { resume: true })).attempt}`);
} catch (error) {
  console.log(`lost ${(error as { code: string }).code}`);
}
setInterval(() => {}, 1000);
