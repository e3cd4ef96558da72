/**
 * Causal attention with grouped queries, differentiable. The queries of a group are folded into the rows of one matrix
 * product, so keys and values are never repeated. Queries are cut into `chunks` blocks of C = T / chunks positions;
 * block i sees only the keys up to its own end, which halves the quadratic work as `chunks` grows.
 *
 * Rows may share a prefix: it is computed once, every row's queries see its keys and values, and their gradients are
 * summed over the rows.
 *
 * The scale 1 / sqrt(headDim) is expected inside q already (in the rotary tables).
 */

import type { Dim, Graph, Value } from "./graph.js";
import { reshape, type Scope, slice } from "./ops.js";
import { added } from "./tape.js";

export interface AttentionShape {
  readonly numHeads: number;
  readonly numKvHeads: number;
  readonly headDim: number;
  readonly chunks: number;
}

/** Symbols used: B rows, T padded length, C = T / chunks, S length of the shared prefix, N rows of q = S + B*T. */
export interface AttentionInputs {
  readonly q: Value; // [N, numHeads*headDim], rotated and scaled
  readonly k: Value; // [N, numKvHeads*headDim], rotated
  readonly v: Value; // [N, numKvHeads*headDim]
  /** Per chunk i: 0 where key <= query, very negative elsewhere; [group*C, S + (i+1)*C]. */
  readonly masks: readonly Value[];
  /** Of the prefix over itself, [group*S, S]; null = no prefix (S = 0). */
  readonly prefixMask: Value | null;
}

/** One block of rows and the keys they see. */
interface Block {
  readonly batch: Dim;
  readonly chunk: Dim; // C, positions of one query block
  readonly chunks: number;
  readonly keys: Dim; // number of keys
  /** Query block i sees the first seen[i] keys; the last one sees all. */
  readonly seen: readonly Dim[];
  readonly masks: readonly Value[];
}

interface Attended {
  readonly y: Value; // [batch*time, H*hd]
  /** Gradients of q [batch*time, H*hd] and of keys and values [batch, KV, keys, hd]. */
  pull(dy: Value): { dq: Value; dk: Value; dv: Value };
}

export function causalAttention({ g, tape }: Scope, shape: AttentionShape, inputs: AttentionInputs): Value {
  const { numKvHeads: kv, headDim: hd, chunks } = shape;
  const { q, k, v, masks, prefixMask } = inputs;
  const heads = (x: Value, batch: Dim, time: Dim): Value =>
    g.op("Transpose", [reshape(g, x, [batch, time, kv, hd])], { perm: [0, 2, 1, 3] });
  const unheads = (x: Value): Value =>
    reshape(g, g.op("Transpose", [x], { perm: [0, 2, 1, 3] }), [-1, kv * hd]);
  const own: Block = {
    batch: "B",
    chunk: "C",
    chunks,
    keys: prefixMask === null ? "T" : "S+T",
    seen: masks.map((_, i) => (prefixMask === null ? `C*${i + 1}` : `S+C*${i + 1}`)),
    masks,
  };

  if (prefixMask === null) {
    const all = attend(g, shape, own, q, heads(k, "B", "T"), heads(v, "B", "T"));
    tape?.record(all.y, (dy) => {
      const { dq, dk, dv } = all.pull(dy);
      tape.contribute(q, added(g, dq));
      tape.contribute(k, added(g, unheads(dk)));
      tape.contribute(v, added(g, unheads(dv)));
    });
    return all.y;
  }

  const parts = (x: Value): [Value, Value] =>
    g.ops("Split", [x, g.shape(["S", "B*T"])], { axis: 0 }, { outputs: 2 }) as [Value, Value];
  const joined = (a: Value, b: Value): Value => g.op("Concat", [a, b], { axis: 0 });
  const [qPrefix, qOwn] = parts(q);
  const [kPrefix, kOwn] = parts(k).map((x, i) => heads(x, i === 0 ? 1 : "B", i === 0 ? "S" : "T")) as [
    Value,
    Value,
  ];
  const [vPrefix, vOwn] = parts(v).map((x, i) => heads(x, i === 0 ? 1 : "B", i === 0 ? "S" : "T")) as [
    Value,
    Value,
  ];
  const beside = (prefix: Value, x: Value): Value =>
    g.op("Concat", [g.op("Expand", [prefix, g.shape(["B", kv, "S", hd])]), x], { axis: 2 });
  const prefix = attend(
    g,
    shape,
    { batch: 1, chunk: "S", chunks: 1, keys: "S", seen: ["S"], masks: [prefixMask] },
    qPrefix,
    kPrefix,
    vPrefix,
  );
  const rows = attend(g, shape, own, qOwn, beside(kPrefix, kOwn), beside(vPrefix, vOwn));
  const y = joined(prefix.y, rows.y);
  tape?.record(y, (dy) => {
    const [dyPrefix, dyOwn] = parts(dy);
    const first = prefix.pull(dyPrefix);
    const rest = rows.pull(dyOwn);
    const gather = (own: Value, ofPrefix: Value): Value => {
      const [shared, mine] = g.ops("Split", [own, g.shape(["S", "T"])], { axis: 2 }, { outputs: 2 }) as [
        Value,
        Value,
      ];
      const sum = g.op("ReduceSum", [shared, g.shape([0])], { keepdims: 1 });
      return joined(unheads(g.op("Add", [ofPrefix, sum])), unheads(mine));
    };
    tape.contribute(q, added(g, joined(first.dq, rest.dq)));
    tape.contribute(k, added(g, gather(rest.dk, first.dk)));
    tape.contribute(v, added(g, gather(rest.dv, first.dv)));
  });
  return y;
}

/** Attention of one block; `k` and `v` are [batch, KV, keys, hd]. */
function attend(g: Graph, shape: AttentionShape, block: Block, q: Value, k: Value, v: Value): Attended {
  const { numHeads, numKvHeads: kv, headDim: hd } = shape;
  const { batch, chunk, chunks, keys, seen, masks } = block;
  const group = numHeads / kv;
  const indices = Array.from({ length: chunks }, (_, i) => i);
  const times = (a: Dim, n: number): Dim => (typeof a === "number" ? a * n : `${a}*${n}`);

  /** [batch*time, H*hd] -> chunks of [batch, KV, group*C, hd] */
  const fold = (x: Value): Value[] => {
    const six = reshape(g, x, [batch, chunks, chunk, kv, group, hd]);
    const turned = g.op("Transpose", [six], { perm: [1, 0, 3, 4, 2, 5] });
    const dims = [batch, kv, times(chunk, group), hd];
    if (chunks === 1) return [reshape(g, turned, dims)];
    return g
      .ops("Split", [turned], { axis: 0, num_outputs: chunks }, { outputs: chunks })
      .map((part) => reshape(g, part, dims));
  };
  /** The opposite of `fold`. */
  const unfold = (list: readonly Value[]): Value => {
    const six = list.map((part) => reshape(g, part, [1, batch, kv, group, chunk, hd]));
    const all = six.length === 1 ? six[0]! : g.op("Concat", six, { axis: 0 });
    return reshape(g, g.op("Transpose", [all], { perm: [1, 0, 4, 2, 3, 5] }), [-1, numHeads * hd]);
  };
  const swap = (x: Value): Value => g.op("Transpose", [x], { perm: [0, 1, 3, 2] });
  const upTo = (x: Value, i: number): Value => (i === chunks - 1 ? x : slice(g, x, 2, 0, seen[i]!));

  const qs = fold(q);
  const ks = indices.map((i) => upTo(k, i));
  const vs = indices.map((i) => upTo(v, i));
  const p = indices.map((i) =>
    g.op("Softmax", [g.op("Add", [g.op("MatMul", [qs[i]!, swap(ks[i]!)]), masks[i]!])], { axis: -1 }),
  );
  const o = indices.map((i) => g.op("MatMul", [p[i]!, vs[i]!]));
  return {
    y: unfold(o),
    pull(dy) {
      const dO = fold(dy);
      // dS = P * (dO V' - rowsum(dO * O)); the row sum rides along as one more column of the product.
      const minusOne = g.op("Expand", [g.constant(-1), g.shape([batch, kv, keys, 1])]);
      const wideV = g.op("Concat", [v, minusOne], { axis: 3 });
      const dq: Value[] = [];
      const dk: Value[] = [];
      const dv: Value[] = [];
      for (const i of indices) {
        const rowSum = g.op("ReduceSum", [g.op("Mul", [dO[i]!, o[i]!]), g.shape([-1])], { keepdims: 1 });
        const wide = g.op("Concat", [dO[i]!, rowSum], { axis: 3 });
        const dS = g.op("Mul", [g.op("MatMul", [wide, swap(upTo(wideV, i))]), p[i]!]);
        dq.push(g.op("MatMul", [dS, ks[i]!]));
        dk.push(g.op("MatMul", [swap(dS), qs[i]!]));
        dv.push(g.op("MatMul", [swap(p[i]!), dO[i]!]));
      }
      return { dq: unfold(dq), dk: sumFirst(g, dk, chunk), dv: sumFirst(g, dv, chunk) };
    },
  };
}

/** Sum of parts that cover the first keys only, each `chunk` keys longer than the one before, on axis 2. */
function sumFirst(g: Graph, parts: readonly Value[], chunk: Dim): Value {
  if (parts.length === 1) return parts[0]!;
  const last = parts.length - 1;
  const padded = parts.map((part, i) =>
    i === last
      ? part
      : g.op("Pad", [part, g.shape([0, 0, 0, 0, 0, 0, `${chunk}*${last - i}`, 0]), g.constant(0)]),
  );
  return g.op("Sum", padded);
}
