/** The learner on tfjs's public operations, with its pure JavaScript backend: runs anywhere. */

import * as tf from "@tensorflow/tfjs";
import { describe } from "vitest";
import { plainKernels } from "../../../src/engine/tfjs/plain.js";
import { tfjsLearnerSuite } from "./learner.contract.js";

describe("the tfjs learner on @tensorflow/tfjs's cpu backend", () => {
  tfjsLearnerSuite(async () => {
    await tf.setBackend("cpu");
    return plainKernels(tf);
  });
});
