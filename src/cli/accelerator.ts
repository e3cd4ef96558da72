/**
 * The part of `scripts/setup` that installs what GPUs and tfjs need. Not a command of `train`: it changes the checkout.
 * Words are those of `scripts/setup --help`.
 */

import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { TrainError } from "../core/errors.js";
import { acceleratorRoot, readInstalled } from "../engine/accelerator/installed.js";
import { ortProblem } from "../engine/accelerator/locate.js";
import { ortModule } from "../engine/accelerator/ort-providers.js";
import { fromBundle, makeBundle } from "../setup/bundle.js";
import { COMPRESSIONS, type Compression, pieceSize } from "../setup/bundle-manifest.js";
import type { Use } from "../setup/cuda.js";
import { realEffects } from "../setup/effects.js";
import { cpuTfjs, gpu, type Places, remove } from "../setup/install.js";
import { linkProvider, unlinkProvider } from "../setup/ort-cuda.js";
import { asTrainError, errorText } from "./print-error.js";

const say = (line: string): void => void process.stderr.write(`setup: ${line}\n`);
const HELP = { hint: "scripts/setup --help" };

async function main(words: readonly string[]): Promise<void> {
  const values = parseWords(words);
  const effects = realEffects(say, process.env.LD_LIBRARY_PATH ?? "");
  const root = acceleratorRoot();
  const path = (name: "wheels" | "tensorflow") =>
    values[name] === undefined ? {} : { [name]: resolve(values[name]) };
  const places: Places = {
    root,
    ...path("wheels"),
    ...path("tensorflow"),
    ...(values.cuda !== undefined && { cuda: values.cuda }),
  };
  const uses = usesOf(values.only);
  if (values.bundle !== undefined) {
    if (uses !== undefined && values["cpu-tfjs"] === true && uses.includes("ort-cuda"))
      throw new TrainError("usage", "expected --only tfjs with --cpu-tfjs, got --only ort-cuda", HELP);
    const cpu = values["cpu-tfjs"] === true;
    await makeBundle(
      resolve(values.bundle),
      {
        cpu,
        uses: uses ?? (cpu ? ["tfjs"] : ["ort-cuda", "tfjs"]),
        bytesPerPiece: pieceSize(values["piece-size"] ?? "48M"),
        ...(values.capability !== undefined && { capability: capabilityOf(values.capability) }),
        ...(values.compress !== undefined && { compression: compressionOf(values.compress) }),
        ...(values.level !== undefined && { level: levelOf(values.level) }),
      },
      places,
      ortModule(),
      effects,
    );
    return say(`carry the pieces and bundle.json, then: scripts/setup --from-bundle DIR`);
  }
  if (values["from-bundle"] !== undefined)
    return void (await fromBundle(resolve(values["from-bundle"]), uses, places, ortModule(), effects));
  if (values["remove-gpu"] === true) return remove(root, () => unlinkProvider(root, ortModule()), effects);
  if (values["relink-gpu"] === true) return relink(root);
  if (values["cpu-tfjs"] === true) return void (await cpuTfjs(places, effects));
  if (values.gpu === true)
    return void (await gpu(places, uses ?? ["tfjs", "ort-cuda"], ortModule(), effects));
  throw new TrainError(
    "usage",
    "expected one of --gpu, --cpu-tfjs, --remove-gpu, --bundle, --from-bundle",
    HELP,
  );
}

/** After npm replaced node_modules: the provider goes back beside its onnxruntime, if it is of the same version. */
function relink(root: string): void {
  const ort = ortModule();
  const found = ortProblem(readInstalled(root), ort.version);
  if ("part" in found) linkProvider(root, ort);
  else unlinkProvider(root, ort);
}

function usesOf(only: string | undefined): Use[] | undefined {
  if (only === undefined) return undefined;
  const uses = only.split(",");
  for (const use of uses)
    if (use !== "tfjs" && use !== "ort-cuda")
      throw new TrainError("usage", `expected --only tfjs or --only ort-cuda, got ${use}`, HELP);
  return uses as Use[];
}

function capabilityOf(text: string): number {
  if (!/^\d+\.\d$/.test(text))
    throw new TrainError("usage", `expected a compute capability like 9.0, got ${text}`, {
      hint: "nvidia-smi --query-gpu=compute_cap --format=csv prints it",
    });
  return Math.round(Number(text) * 10);
}

function compressionOf(text: string): Compression {
  const found = COMPRESSIONS.find((c) => c === text);
  if (found !== undefined) return found;
  throw new TrainError("usage", `expected --compress ${COMPRESSIONS.join(", ")}, got ${text}`, HELP);
}

function levelOf(text: string): number {
  if (!/^(?:[1-9]|1\d)$/.test(text))
    throw new TrainError("usage", `expected --level 1 to 19, got ${text}`, HELP);
  return Number(text);
}

function parseWords(words: readonly string[]) {
  try {
    return parseArgs({
      args: [...words],
      options: {
        gpu: { type: "boolean" },
        "cpu-tfjs": { type: "boolean" },
        "remove-gpu": { type: "boolean" },
        "relink-gpu": { type: "boolean" },
        bundle: { type: "string" },
        "from-bundle": { type: "string" },
        "piece-size": { type: "string" },
        capability: { type: "string" },
        compress: { type: "string" },
        level: { type: "string" },
        only: { type: "string" },
        wheels: { type: "string" },
        tensorflow: { type: "string" },
        cuda: { type: "string" },
      },
    }).values;
  } catch (error) {
    throw new TrainError("usage", (error as Error).message, HELP);
  }
}

try {
  await main(process.argv.slice(2));
} catch (thrown) {
  process.stderr.write(errorText(thrown, { colour: false, program: "scripts/train" }));
  process.exitCode = asTrainError(thrown).exitCode;
}
