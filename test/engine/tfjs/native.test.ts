/** The learner on TensorFlow's own kernels, on the CPU, where `scripts/setup --cpu-tfjs` or `--gpu` has put them. */

import { describe } from "vitest";
import { acceleratorRoot, readInstalled } from "../../../src/engine/accelerator/installed.js";
import { loadTfjs } from "../../../src/engine/accelerator/load-tfjs.js";
import { kernelsOf } from "../../../src/engine/tfjs/open.js";
import { plainKernels } from "../../../src/engine/tfjs/plain.js";
import { tfjsLearnerSuite } from "./learner.contract.js";

const installed = readInstalled(acceleratorRoot()).kind === "there";
const title = (what: string): string =>
  `the tfjs learner on ${what}${installed ? "" : " (skipped: tfjs is not installed: scripts/setup --cpu-tfjs)"}`;

describe.skipIf(!installed)(title("tfjs-node's binding"), () => {
  tfjsLearnerSuite(async () => kernelsOf(await loadTfjs({ want: "tfjs-node" })));
});

describe.skipIf(!installed)(title("tfjs-node's public operations"), () => {
  tfjsLearnerSuite(async () => plainKernels((await loadTfjs({ want: "tfjs-node" })).tf));
});
