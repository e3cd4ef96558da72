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
 * start int64 [B], the requests that begin. Request r's token t has place r*S + t = its input's position + shift.
 * Outputs: ids int32 [R*S], p [R*S], valid up to a request's end of turn or its limit; steps int64 [2]: chunks and
 * decode steps.
 */

import type { Qwen2Config } from "../config.js";
import { causalAttention } from "../onnx/attention.js";
import { type Block, type BuiltGraph, type DType, type Graph, makeGraph, type Value } from "../onnx/graph.js";
import { linear, reshape, rmsNorm, rotary, type Scope, swiglu } from "../onnx/ops.js";
import { blocksOf, drawInGraph } from "./draw-graph.js";
import { EMBEDDING, FINAL_NORM, type FlatLayout, HEAD, layerNames } from "./flat.js";
import { type CacheForm, decodeStep, type Piece } from "./rollout-step.js";
import { MASKED, rotaryConstants } from "./rotary.js";
import { fusedNames } from "./step-graph.js";

export interface RolloutGraphOptions {
  /** Prompt and completion tokens of one row at most. */
  readonly maxLength: number;
  /** Decode steps between two repackings. */
  readonly chunk: number;
  /** Decode steps in one iteration of the inner loop; divides `chunk`. */
  readonly unroll: number;
  readonly cache: CacheForm;
  /** Some rows are greedy. */
  readonly greedy: boolean;
  /** Rows that run side by side at most when there are more requests; null = all requests start at once. */
  readonly slots: number | null;
}

type Named = Readonly<Record<string, Value>>;
type Dims = readonly (string | number)[];
/** Name, value to begin with, type and dimensions of what a loop carries. */
type State = readonly (readonly [string, Value, DType, Dims])[];

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
  };
  g.input("uniforms", "float32", ["R*S"]);
  g.input("keepGoing", "float32", [config.vocabSize]); // 0 at tokens that end a turn
  const promptMask = g.input("promptMask", "float32", ["D", 1, 1, "P"]);
  const start = g.input("start", "int64", ["B"]);
  const empty = (dtype: number): Value =>
    g.op("Cast", [g.op("Mul", ["uniforms", g.constant(0)])], { to: dtype });

  const rows = admit(g, request, start);
  const which = g.op("Gather", [request.promptOf!, start], { axis: 0 });
  const pick = (x: Value): Value => g.op("Gather", [x, which], { axis: 0 });
  const next: State = options.slots === null ? [] : [["next", g.op("Shape", [start]), "int64", [1]]];
  const layers: State = prompts.flatMap(
    ({ k, v }, l): State => [
      [`k${l}`, pick(k), "float32", ["B", kv, "L", hd]],
      [`v${l}`, pick(v), "float32", ["B", kv, "L", hd]],
    ],
  );
  const state: State = [
    ...Object.entries(rows).map(([name, value]) => [name, value, ROW[name]!.dtype, ROW[name]!.dims] as const),
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

/** A row's state between chunks. */
const ROW: Readonly<Record<string, { dtype: DType; dims: Dims }>> = {
  id: { dtype: "int64", dims: ["B"] },
  position: { dtype: "int64", dims: ["B", 1] },
  left: { dtype: "float32", dims: ["B"] },
  shift: { dtype: "int64", dims: ["B", 1] },
  invTemperature: { dtype: "float32", dims: ["B", 1] },
  greedy: { dtype: "bool", dims: ["B", 1] },
};

/** Rows for the requests at `index`. */
function admit(g: Graph, request: Named, index: Value): Named {
  const of = (name: string): Value => g.op("Gather", [request[name]!, index], { axis: 0 });
  const column = (x: Value): Value => reshape(g, x, [-1, 1]);
  return {
    id: of("lastId"),
    position: column(of("position")),
    left: of("left"),
    shift: column(of("shift")),
    invTemperature: column(of("invTemperature")),
    ...(request.greedy !== undefined && { greedy: column(of("greedy")) }),
  };
}

function decodeParameters(config: Qwen2Config): string[] {
  const names = [EMBEDDING, FINAL_NORM, ...(config.tieWordEmbeddings ? [] : [HEAD])];
  for (let l = 0; l < config.numLayers; l++) {
    const of = layerNames(l);
    names.push(of.inputNorm, of.postNorm, of.oWeight, of.downWeight);
  }
  return names;
}

/** Keys (rotated) and values [D, KV, P, hd] of every layer; also declares the fused matrices. */
function prefill(
  g: Graph,
  config: Qwen2Config,
  tables: ReturnType<typeof rotaryConstants>,
): { k: Value; v: Value }[] {
  const {
    hiddenSize: d,
    numHeads,
    numKvHeads: kv,
    headDim: hd,
    intermediateSize: f,
    rmsNormEps: eps,
  } = config;
  const scope: Scope = { g, tape: null };
  const qSize = numHeads * hd;
  const kvSize = kv * hd;
  const ids = g.input("promptIds", "int32", ["D*P"]);
  const mask = g.input("mask0", "float32", [`P*${numHeads / kv}`, "P"]);
  const perHead = (x: Value): Value =>
    g.op("Transpose", [reshape(g, x, ["B", "T", kv, hd])], { perm: [0, 2, 1, 3] });
  const out: Piece[] = [];
  let x = g.op("Gather", [EMBEDDING, ids], { axis: 0 });
  for (let l = 0; l < config.numLayers; l++) {
    const names = layerNames(l);
    const fused = fusedNames(l);
    g.input(fused.qkvWeight, "float32", [qSize + 2 * kvSize, d]);
    g.input(fused.qkvBias, "float32", [qSize + 2 * kvSize]);
    g.input(fused.gateUp, "float32", [2 * f, d]);
    const ready = rmsNorm(scope, x, names.inputNorm, d, eps);
    const qkv = linear(scope, ready, fused.qkvWeight, { bias: fused.qkvBias });
    const [q0, k0, v] = g.ops(
      "Split",
      [qkv, g.shape([qSize, kvSize, kvSize])],
      { axis: 1 },
      { outputs: 3 },
    ) as [Value, Value, Value];
    const k = rotary(scope, k0, kv, hd, tables.key, g.shape([0]), "T");
    out.push({ k: perHead(k), v: perHead(v) });
    if (l === config.numLayers - 1) break; // nothing reads the last layer's output
    const q = rotary(scope, q0, numHeads, hd, tables.query, g.shape([0]), "T");
    const shape = { numHeads, numKvHeads: kv, headDim: hd, chunks: 1 };
    const mixed = causalAttention(scope, shape, { q, k, v, masks: [mask], prefixMask: null });
    x = linear(scope, mixed, names.oWeight, { residual: x });
    const wide = linear(scope, rmsNorm(scope, x, names.postNorm, d, eps), fused.gateUp);
    const [gate, up] = g.ops("Split", [wide, g.shape([f, f])], { axis: 1 }, { outputs: 2 }) as [Value, Value];
    x = linear(scope, swiglu(scope, gate, up), names.downWeight, { residual: x });
  }
  return out;
}

/** The outer loop's body: decodes a chunk, stores it, and repacks the rows. */
function chunkBody(
  config: Qwen2Config,
  options: RolloutGraphOptions,
  state: State,
  request: Named,
  prompts: readonly Piece[],
  promptMask: Value,
  tables: { cos: Value; sin: Value },
): Block {
  const { numLayers, numKvHeads: kv, headDim: hd } = config;
  const { cache: form, chunk } = options;
  const g = makeGraph("outer/");
  g.input("outer/iteration", "int64", []);
  g.input("outer/running", "bool", []);
  const now: Record<string, Value> = {};
  for (const [name, , dtype, dims] of state) now[name] = g.input(`outer/${name}`, dtype, dims);
  const gather = (x: Value, index: Value, axis = 0): Value => g.op("Gather", [x, index], { axis });
  const concat = (xs: readonly Value[], axis: number): Value => g.op("Concat", xs, { axis });
  const scalar = (x: Value): Value => g.op("Squeeze", [x]);
  const count = (x: Value, axis = 0): Value => g.op("Shape", [x], { start: axis, end: axis + 1 });
  const range = (from: Value, to: Value): Value => g.op("Range", [from, to, g.integer(1)]);

  const numRows = count(now.left!);
  // Made from what is on the device already: a Range or an Expand of shapes would be computed on the host, and a value
  // of the host's that the inner loop reads is copied in each iteration.
  const upFrom0 = (x: Value): Value => {
    const ones = g.op("Cast", [g.op("Add", [g.op("Mul", [x, g.constant(0)]), g.constant(1)])], { to: 7 });
    return g.op("CumSum", [ones, g.integer(0)], { exclusive: 1 });
  };
  const rowNumber = upFrom0(now.left!);
  const times = (n: number): Value => g.op("Mul", [rowNumber, g.integer(n)]);
  const idle = reshape(g, g.op("Mul", [now.left!, g.constant(0)]), [-1, 1, 1, 1]);
  const zeros = (rest: readonly Value[]): Value => g.op("Expand", [idle, concat([numRows, ...rest], 0)]);
  const room = g.op("Pad", [now.mask!, g.shape([0, 0, 0, 0, 0, 0, 0, chunk]), g.constant(MASKED)]);
  const blank = zeros([g.shape([kv, form === "grown" ? 0 : chunk, hd])]);
  const constants: Named = {
    shift: now.shift!,
    invTemperature: now.invTemperature!,
    ...(options.greedy && { greedy: now.greedy! }),
    firstBlock: times(blocksOf(config.vocabSize).count),
    firstToken: times(config.vocabSize),
    ...(form === "grown" && { mask: now.mask! }),
    // Columns by number, from the first of the chunk: of all the cache, and of the piece that is written.
    ...(form !== "grown" && {
      columns: g.op("Sub", [upFrom0(reshape(g, gather(room, g.integer(0)), [-1])), count(now.mask!, 3)]),
      written: g.shape(Array.from({ length: chunk }, (_, i) => i)),
    }),
  };
  const piece = (l: number, part: "k" | "v"): Value =>
    form === "whole" ? concat([now[`${part}${l}`]!, blank], 2) : blank;
  const fixed: State =
    form === "grown"
      ? []
      : [
          ["column", g.integer(0), "int64", []],
          ["mask", room, "float32", ["B", 1, 1, "L"]],
        ];
  const carried: State = [
    ["id", now.id!, "int64", ["B"]],
    ["position", now.position!, "int64", ["B", 1]],
    ["left", now.left!, "float32", ["B"]],
    ...fixed,
    ...prompts.flatMap(
      (_, l): State => [
        [`k${l}`, piece(l, "k"), "float32", ["B", kv, "c", hd]],
        [`v${l}`, piece(l, "v"), "float32", ["B", kv, "c", hd]],
      ],
    ),
  ];
  const bases =
    form === "whole"
      ? null
      : Array.from({ length: numLayers }, (_, l) => ({ k: now[`k${l}`]!, v: now[`v${l}`]! }));
  const body = tokenBody(config, options, carried, constants, bases, tables);
  const done = g.ops(
    "Loop",
    [g.integer(options.chunk / options.unroll), "", ...carried.map(([, value]) => value)],
    { body: { block: body } },
    { outputs: carried.length + 2 },
  );
  const [id, position, left] = done as [Value, Value, Value];
  const result = (name: string): Value => done[carried.findIndex(([n]) => n === name)]!;
  const ids = reshape(g, done.at(-2)!, [-1]); // [steps * B]
  const p = reshape(g, done.at(-1)!, [-1]);

  const numSteps = g.op("Div", [count(ids), numRows]);
  const step = reshape(g, range(g.integer(0), scalar(numSteps)), [-1, 1]);
  const place = reshape(
    g,
    g.op("Add", [reshape(g, g.op("Add", [now.position!, now.shift!]), [1, -1]), step]),
    [-1],
  );
  const store = (into: Value, values: Value): Value =>
    g.op("ScatterElements", [into, place, values], { axis: 0 });

  const alive = reshape(g, g.op("NonZero", [g.op("Greater", [left, g.constant(0)])]), [-1]);
  const after: Record<string, Value> = {
    id: gather(id, alive),
    position: gather(position, alive),
    left: gather(left, alive),
    shift: gather(now.shift!, alive),
    invTemperature: gather(now.invTemperature!, alive),
    ...(options.greedy && { greedy: gather(now.greedy!, alive) }),
    ids: store(now.ids!, ids),
    p: store(now.p!, p),
    steps: g.op("Add", [now.steps!, concat([g.shape([1]), numSteps], 0)]),
  };
  const grown = (name: string): Value =>
    form === "whole" ? result(name) : concat([now[name]!, result(name)], 2);
  const ownMask =
    form === "grown" ? concat([now.mask!, zeros([g.shape([1, 1]), numSteps])], 3) : result("mask");

  let running = count(alive);
  if (options.slots === null) {
    after.mask = gather(ownMask, alive);
    for (let l = 0; l < numLayers; l++) {
      for (const name of [`k${l}`, `v${l}`]) after[name] = gather(grown(name), alive);
    }
  } else {
    const free = g.op("Sub", [g.shape([options.slots]), running]);
    const waiting = g.op("Sub", [count(request.promptOf!), now.next!]);
    const more = g.op("Min", [free, waiting]);
    after.next = g.op("Add", [now.next!, more]);
    running = g.op("Add", [running, more]);
    const incoming = range(scalar(now.next!), scalar(after.next));
    const rows = admit(g, request, incoming);
    for (const [name, value] of Object.entries(rows)) after[name] = concat([after[name]!, value], 0);
    // Rows are taken from the running ones and, behind them, the prompts made as wide.
    const chosen = concat([alive, g.op("Add", [gather(request.promptOf!, incoming), numRows])], 0);
    const width = count(ownMask, 3);
    const promptWidth = count(promptMask, 3);
    const wider = g.op("Sub", [width, promptWidth]);
    const padded = (x: Value, axis: number, value: number): Value => {
      const zeros = (n: number): Value[] => (n === 0 ? [] : [g.shape(new Array(n).fill(0))]);
      const pads = concat([...zeros(4 + axis), wider, ...zeros(3 - axis)], 0);
      return g.op("Pad", [x, pads, g.constant(value)]);
    };
    const mask = gather(concat([ownMask, padded(promptMask, 3, MASKED)], 0), chosen);
    // Generated columns that no row sees any more are dropped.
    const used = g.op(
      "ReduceSum",
      [
        g.op(
          "Cast",
          [g.op("Greater", [g.op("Slice", [mask, promptWidth, width, g.shape([3])]), g.constant(-1)])],
          {
            to: 1,
          },
        ),
        g.shape([0, 1, 2]),
      ],
      { keepdims: 0 },
    );
    const columns = concat(
      [
        range(g.integer(0), scalar(promptWidth)),
        g.op("Add", [reshape(g, g.op("NonZero", [used]), [-1]), promptWidth]),
      ],
      0,
    );
    const repack = (own: Value, prompt: Value): Value =>
      gather(gather(concat([own, padded(prompt, 2, 0)], 0), chosen), columns, 2);
    after.mask = gather(mask, columns, 3);
    for (let l = 0; l < numLayers; l++) {
      after[`k${l}`] = repack(grown(`k${l}`), prompts[l]!.k);
      after[`v${l}`] = repack(grown(`v${l}`), prompts[l]!.v);
    }
  }
  const goOn = g.op("Greater", [scalar(running), g.integer(0)]);
  return g.block([[goOn, "bool"], ...state.map(([name, , dtype]) => [after[name]!, dtype] as const)]);
}

/** The inner loop's body: `unroll` tokens of every row. */
function tokenBody(
  config: Qwen2Config,
  options: RolloutGraphOptions,
  carried: State,
  constants: Named,
  bases: readonly Piece[] | null,
  tables: { cos: Value; sin: Value },
): Block {
  const g = makeGraph("inner/");
  g.input("inner/iteration", "int64", []);
  g.input("inner/running", "bool", []);
  const inputs = carried.map(([name, , dtype, dims]) => g.input(`inner/${name}`, dtype, dims));
  const input = (name: string): Value => inputs[carried.findIndex(([n]) => n === name)]!;
  const { cache: form } = options;
  let [id, position, left] = inputs as [Value, Value, Value];
  let column = form === "grown" ? "" : input("column");
  let mask = form === "grown" ? constants.mask! : input("mask");
  let recent = Array.from({ length: config.numLayers }, (_, l) => ({ k: input(`k${l}`), v: input(`v${l}`) }));
  const ids: Value[] = [];
  const ps: Value[] = [];
  for (let step = 0; step < options.unroll; step++) {
    let here: Value | null = null;
    if (form !== "grown") {
      const seen = g.op("Equal", [constants.columns!, column]); // [L], the mask's last axis
      mask = g.op("Where", [seen, g.constant(0), mask]);
      const written = form === "whole" ? seen : g.op("Equal", [constants.written!, column]);
      here = reshape(g, written, [1, 1, -1, 1]);
      column = g.op("Add", [column, g.integer(1)]);
    }
    const decoded = decodeStep(g, config, {
      form,
      ids: id,
      positions: position,
      mask,
      here,
      bases,
      recent,
      ...tables,
    });
    recent = decoded.recent;
    const drawn = drawInGraph(g, config.vocabSize, {
      logits: decoded.logits,
      invTemperature: constants.invTemperature!,
      uniform: g.op("Gather", ["uniforms", g.op("Add", [position, constants.shift!])], { axis: 0 }),
      greedy: constants.greedy ?? null,
      firstBlock: constants.firstBlock!,
      firstToken: constants.firstToken!,
    });
    id = drawn.id;
    ids.push(reshape(g, drawn.id, [1, -1]));
    ps.push(reshape(g, drawn.p, [1, -1]));
    position = g.op("Add", [position, g.integer(1)]);
    // 0 or less once the row has ended, and never positive again.
    left = g.op("Mul", [
      g.op("Sub", [left, g.constant(1)]),
      g.op("Gather", ["keepGoing", drawn.id], { axis: 0 }),
    ]);
  }
  const all = (xs: readonly Value[]): Value => (xs.length === 1 ? xs[0]! : g.op("Concat", xs, { axis: 0 }));
  const running = g.op("Greater", [
    g.op("ReduceSum", [g.op("Relu", [left])], { keepdims: 0 }),
    g.constant(0),
  ]);
  const fixed: (readonly [Value, DType])[] =
    form === "grown"
      ? []
      : [
          [column, "int64"],
          [mask, "float32"],
        ];
  return g.block([
    [running, "bool"],
    [id, "int64"],
    [position, "int64"],
    [left, "float32"],
    ...fixed,
    ...recent.flatMap(({ k, v }) => [[k, "float32"] as const, [v, "float32"] as const]),
    [all(ids), "int64"],
    [all(ps), "float32"],
  ]);
}
