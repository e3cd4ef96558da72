/**
 * The outer loop of a rollout graph: chunks of tokens, between which rows are repacked.
 *
 * Sizes are known to the host (`Shape`) and needed on both sides. Shapes and slices take the host's; arithmetic with
 * what is on the device takes numbers made there (`ones`), never a `Shape`'s output: onnxruntime puts that into pinned
 * memory, copies it without waiting and gives the memory to the next `Shape`, so on a busy card the device would read
 * the wrong number.
 */

import type { Qwen2Config } from "../../model/config.js";
import { type Block, type Graph, makeGraph, type Value } from "../onnx/graph.js";
import { reshape } from "../onnx/ops.js";
import { blocksOf } from "./draw-graph.js";
import { admit, type Named, type RolloutGraphOptions, rowNames, type State } from "./rollout-state.js";
import type { Piece } from "./rollout-step.js";
import { tokenBody } from "./rollout-token.js";
import { MASKED } from "./rotary.js";

const shorthand = (g: Graph) => ({
  gather: (x: Value, index: Value, axis = 0): Value => g.op("Gather", [x, index], { axis }),
  concat: (xs: readonly Value[], axis: number): Value => g.op("Concat", xs, { axis }),
  scalar: (x: Value): Value => g.op("Squeeze", [x]),
  /** One dimension, int64 [1]. */
  count: (x: Value, axis = 0): Value => g.op("Shape", [x], { start: axis, end: axis + 1 }),
  range: (from: Value, to: Value): Value => g.op("Range", [from, to, g.integer(1)]),
  /** 1 in every place of a float tensor, made on its device. */
  ones: (x: Value): Value => g.op("Add", [g.op("Mul", [x, g.constant(0)]), g.constant(1)]),
  /** Sum of a float vector of whole numbers, int64 [1] on its device. */
  sum: (x: Value): Value => g.op("Cast", [g.op("ReduceSum", [x], { keepdims: 1 })], { to: 7 }),
});

/** The outer loop's body: decodes a chunk, stores it, and repacks the rows. */
export function chunkBody(
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
  const { gather, concat, scalar, count, range, ones, sum } = shorthand(g);

  const numRows = count(now.left!);
  // A Range or an Expand of shapes would be computed on the host, and a value of the host's that the inner loop reads is
  // copied in each iteration.
  const upFrom0 = (x: Value): Value =>
    g.op("CumSum", [g.op("Cast", [ones(x)], { to: 7 }), g.integer(0)], { exclusive: 1 });
  const firstMask = (mask: Value): Value => reshape(g, gather(mask, g.integer(0)), [-1]); // [L]
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
      columns: g.op("Sub", [upFrom0(firstMask(room)), sum(ones(firstMask(now.mask!)))]),
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

  const lives = g.op("Greater", [left, g.constant(0)]);
  const alive = reshape(g, g.op("NonZero", [lives]), [-1]);
  const rows: Named = { ...now, id, position, left };
  const after: Record<string, Value> = {
    ...Object.fromEntries(rowNames(options.greedy).map((name) => [name, gather(rows[name]!, alive)])),
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
    running = refill(g, {
      slots: options.slots,
      request,
      prompts,
      promptMask,
      next: now.next!,
      numRows: sum(ones(left)),
      alive,
      numAlive: sum(g.op("Cast", [lives], { to: 1 })),
      mask: ownMask,
      grown,
      after,
    });
  }
  const goOn = g.op("Greater", [scalar(running), g.integer(0)]);
  return g.block([[goOn, "bool"], ...state.map(([name, , dtype]) => [after[name]!, dtype] as const)]);
}

/**
 * Puts waiting requests where rows have ended: rows are taken from the running ones and, behind them, the prompts made
 * as wide. Completes `after`; gives the number of rows that run then, int64 [1].
 */
function refill(
  g: Graph,
  context: {
    readonly slots: number;
    readonly request: Named;
    readonly prompts: readonly Piece[];
    readonly promptMask: Value;
    readonly next: Value;
    readonly numRows: Value; // on the device, as is numAlive
    readonly alive: Value;
    readonly numAlive: Value;
    readonly mask: Value;
    readonly grown: (name: string) => Value;
    readonly after: Record<string, Value>;
  },
): Value {
  const { request, promptMask, next, numRows, alive, numAlive, after } = context;
  const { gather, concat, scalar, count, range } = shorthand(g);
  const free = g.op("Sub", [g.shape([context.slots]), numAlive]);
  const more = g.op("Min", [free, g.op("Sub", [request.total!, next])]);
  after.next = g.op("Add", [next, more]);
  const incoming = range(scalar(next), scalar(after.next));
  for (const [name, value] of Object.entries(admit(g, request, incoming))) {
    after[name] = concat([after[name]!, value], 0);
  }
  const chosen = concat([alive, g.op("Add", [gather(request.promptOf!, incoming), numRows])], 0);

  const width = count(context.mask, 3);
  const promptWidth = count(promptMask, 3);
  const wider = g.op("Sub", [width, promptWidth]);
  const padded = (x: Value, axis: 2 | 3, value: number): Value => {
    const rest = axis === 3 ? [] : [g.shape([0])];
    const pads = concat([g.shape(new Array(4 + axis).fill(0)), wider, ...rest], 0);
    return g.op("Pad", [x, pads, g.constant(value)]);
  };
  const mask = gather(concat([context.mask, padded(promptMask, 3, MASKED)], 0), chosen);
  // Generated columns that no row sees any more are dropped.
  const generated = (x: Value): Value => g.op("Slice", [x, promptWidth, width, g.shape([3])]);
  const visible = g.op("Cast", [g.op("Greater", [generated(mask), g.constant(-1)])], { to: 1 });
  // A row that sees nothing stands in where none is left: CUDA does not reduce over a dimension of 0.
  const blind = g.op("Mul", [generated(gather(context.mask, g.shape([0]))), g.constant(0)]);
  const seen = concat([visible, blind], 0);
  const used = g.op("ReduceSum", [seen, g.shape([0, 1, 2])], { keepdims: 0 });
  const later = g.op("Add", [reshape(g, g.op("NonZero", [used]), [-1]), request.promptColumns!]);
  const columns = concat([range(g.integer(0), scalar(promptWidth)), later], 0);
  const repack = (name: string, prompt: Value): Value =>
    gather(gather(concat([context.grown(name), padded(prompt, 2, 0)], 0), chosen), columns, 2);
  after.mask = gather(mask, columns, 3);
  context.prompts.forEach(({ k, v }, l) => {
    after[`k${l}`] = repack(`k${l}`, k);
    after[`v${l}`] = repack(`v${l}`, v);
  });
  return g.op("Add", [numAlive, more]);
}
