/**
 * Whole rollouts in one run: nothing but token ids and their probabilities leaves the device.
 *
 *   prefill of D distinct prompts (all but their last token)  ->  keys and values [D, KV, P, hd] of every layer
 *   outer Loop, one chunk an iteration, while rows run:
 *     inner Loop, one token a row an iteration, up to `chunk` times or until no row runs
 *     results scattered; finished rows dropped, waiting requests put in their place (Gather on the device)
 *
 * A row's first step feeds the last prompt token, so every token is drawn in the same place. Columns of the cache are
 * steps: all rows append at the same column and a row sees those since it came in, so no row needs an index of its own.
 * Bytes moved in a step, with c = 8 layers KV hd, one column of a row: B L c read by the attention; copied 2 B L c in
 * form `whole`, 2 B chunk c in `split`, half of it in `grown`; and 4 to 6 B L c once in `chunk` steps for repacking.
 *
 * Inputs besides the parameters: promptIds int32 [D*P], padded on the right; mask0 [group*P, P] causal; promptMask
 * [D, 1, 1, P], 0 on the columns of a prompt but its last token's; for each of the R requests lastId, position,
 * shift, promptOf int64 [R], left [R] tokens at most, invTemperature [R], greedy bool [R]; uniforms [R*S];
 * start int64 [F], the requests that begin. Request r's token t has place r*S + t = its input's position + shift.
 * Outputs: ids int32 [R*S], p [R*S], valid up to a request's end of turn or its limit; steps int64 [2]: chunks and
 * decode steps.
 */

import type { Qwen2Config } from "../../model/config.js";
import { type BuiltGraph, makeGraph, type Value } from "../onnx/graph.js";
import { EMBEDDING, FINAL_NORM, type FlatLayout, HEAD, layerNames } from "./flat.js";
import { chunkBody } from "./rollout-chunk.js";
import { prefill } from "./rollout-prefill.js";
import { admit, type Named, type RolloutGraphOptions, rowState, type State } from "./rollout-state.js";
import { rotaryConstants } from "./rotary.js";

export function buildRolloutGraph(
  config: Qwen2Config,
  layout: FlatLayout,
  options: RolloutGraphOptions,
): BuiltGraph {
  const { numKvHeads: kv, headDim: hd } = config;
  const g = makeGraph();
  for (const name of decodeParameters(config)) g.input(name, "float32", layout.slot(name).shape);
  const tables = rotaryConstants(g, config, options.maxLength + options.chunk);
  const prompts = prefill(g, config, tables);
  const request: Named = {
    lastId: g.input("lastId", "int64", ["R"]),
    position: g.input("position", "int64", ["R"]),
    shift: g.input("shift", "int64", ["R"]),
    promptOf: g.input("promptOf", "int64", ["R"]),
    left: g.input("left", "float32", ["R"]),
    invTemperature: g.input("invTemperature", "float32", ["R"]),
    ...(options.greedy && { greedy: g.input("greedy", "bool", ["R"]) }),
    ...(options.slots !== null && { total: g.shape(["R"]), promptColumns: g.shape(["P"]) }),
  };
  g.input("uniforms", "float32", ["R*S"]);
  g.input("keepGoing", "float32", [config.vocabSize]); // 0 at tokens that end a turn
  const promptMask = g.input("promptMask", "float32", ["D", 1, 1, "P"]);
  const start = g.input("start", "int64", ["F"]);
  const empty = (dtype: number): Value =>
    g.op("Cast", [g.op("Mul", ["uniforms", g.constant(0)])], { to: dtype });

  const rows = admit(g, request, start);
  const which = g.op("Gather", [request.promptOf!, start], { axis: 0 });
  const pick = (x: Value): Value => g.op("Gather", [x, which], { axis: 0 });
  const next: State = options.slots === null ? [] : [["next", g.shape(["F"]), "int64", [1]]];
  const layers: State = prompts.flatMap(
    ({ k, v }, l): State => [
      [`k${l}`, pick(k), "float32", ["B", kv, "L", hd]],
      [`v${l}`, pick(v), "float32", ["B", kv, "L", hd]],
    ],
  );
  const state: State = [
    ...rowState(rows),
    ["ids", empty(7), "int64", ["RS"]],
    ["p", empty(1), "float32", ["RS"]],
    ["steps", g.shape([0, 0]), "int64", [2]],
    ["mask", pick(promptMask), "float32", ["B", 1, 1, "L"]],
    ...next,
    ...layers,
  ];
  const body = chunkBody(config, options, state, request, prompts, promptMask, tables.key);
  const out = g.ops(
    "Loop",
    ["", "", ...state.map(([, value]) => value)],
    { body: { block: body } },
    {
      outputs: state.length,
    },
  );
  const final = (name: string): Value => out[state.findIndex(([n]) => n === name)]!;
  g.output(g.op("Cast", [final("ids")], { to: 6 }), "ids", "int32");
  g.output(final("p"), "p");
  g.output(final("steps"), "steps", "int64");
  return g.finish();
}

function decodeParameters(config: Qwen2Config): string[] {
  const names = [EMBEDDING, FINAL_NORM, ...(config.tieWordEmbeddings ? [] : [HEAD])];
  for (let l = 0; l < config.numLayers; l++) {
    const of = layerNames(l);
    names.push(of.inputNorm, of.postNorm, of.oWeight, of.downWeight);
  }
  return names;
}
