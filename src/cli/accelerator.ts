/**
 * The part of `scripts/setup` that installs what GPUs and tfjs need. Not a command of `train`: it changes the checkout.
 * usage: node accelerator.js --gpu | --cpu-tfjs | --remove-gpu | --bundle DIR | --from-bundle DIR   [options]
 */

import { parseArgs } from "node:util";
import { TrainError } from "../core/errors.js";
import { acceleratorRoot } from "../model/accelerator/installed.js";
import { realEffects } from "../setup/effects.js";
import { cpuTfjs, remove } from "../setup/install.js";
import { asTrainError, errorText } from "./print-error.js";

const say = (line: string): void => void process.stderr.write(`setup: ${line}\n`);

async function main(words: readonly string[]): Promise<void> {
  const { values } = parseWords(words);
  const effects = realEffects(say, process.env.LD_LIBRARY_PATH ?? "");
  const root = acceleratorRoot();
  if (values["remove-gpu"] === true) return remove(root, () => {}, effects);
  if (values["cpu-tfjs"] === true) {
    await cpuTfjs(
      {
        root,
        ...(values.wheels !== undefined && { wheels: values.wheels }),
        ...(values.tensorflow !== undefined && { tensorflow: values.tensorflow }),
      },
      effects,
    );
  }
}

function parseWords(words: readonly string[]) {
  try {
    return parseArgs({
      args: [...words],
      options: {
        gpu: { type: "boolean" },
        "cpu-tfjs": { type: "boolean" },
        "remove-gpu": { type: "boolean" },
        bundle: { type: "string" },
        "from-bundle": { type: "string" },
        "piece-size": { type: "string" },
        only: { type: "string" },
        wheels: { type: "string" },
        tensorflow: { type: "string" },
      },
    });
  } catch (error) {
    throw new TrainError("usage", (error as Error).message, { hint: "scripts/setup --help" });
  }
}

try {
  await main(process.argv.slice(2));
} catch (thrown) {
  process.stderr.write(errorText(thrown, { colour: false, program: "scripts/setup" }));
  process.exitCode = asTrainError(thrown).exitCode;
}
