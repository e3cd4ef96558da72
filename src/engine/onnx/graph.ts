/**
 * A writer of ONNX graphs: values are names, ops append nodes. Dimensions may be symbolic ("B", "B*T"), so that one
 * session serves every batch shape; a shape that cannot be written with a single -1 becomes a small int64 input, which
 * `shapes` lists and the session runner fills in.
 */

import proto, { type onnx } from "onnx-proto";

// onnx-proto is a CommonJS module: its names are on the default export.
const { ModelProto } = proto.onnx;

/** Name of a tensor in the graph. */
export type Value = string;
/** A number, or a sum of products of symbols and numbers such as "S+B*T*2". */
export type Dim = number | string;
export type DType = "float32" | "int32" | "int64" | "bool";
export type Attribute =
  | number
  | string
  | readonly number[]
  | { readonly float: number }
  | { readonly block: Block };
/** The body of a control-flow op. */
export type Block = onnx.IGraphProto;

const ELEM = { float32: 1, int32: 6, int64: 7, bool: 9 } as const;
/** Attribute kinds of onnx.proto. */
const ATTR = { float: 1, int: 2, string: 3, graph: 5, ints: 7 } as const;
const OPSET = 18;
const CONTRIB = "com.microsoft";

export interface GraphInput {
  readonly name: string;
  readonly dtype: DType;
  readonly dims: readonly Dim[];
}

export interface BuiltGraph {
  readonly bytes: Uint8Array;
  readonly inputs: readonly GraphInput[];
  readonly outputs: readonly string[];
  /** Inputs that hold shapes: name -> dimensions to evaluate at run time. */
  readonly shapes: ReadonlyMap<string, readonly Dim[]>;
  readonly nodeCount: number;
}

export interface Graph {
  input(name: string, dtype: DType, dims: readonly Dim[]): Value;
  /** A constant; scalars with equal values share one initializer. */
  constant(data: Float32Array | readonly number[] | number, dims?: readonly number[]): Value;
  /** An int64 vector that may hold symbols. */
  shape(dims: readonly Dim[]): Value;
  /** An int64 scalar. */
  integer(value: number): Value;
  op(type: string, inputs: readonly Value[], attributes?: Readonly<Record<string, Attribute>>): Value;
  /** An op with several outputs, or one of ORT's contributed ops. */
  ops(
    type: string,
    inputs: readonly Value[],
    attributes: Readonly<Record<string, Attribute>>,
    how: {
      readonly outputs?: number;
      readonly contrib?: boolean;
      /** Optional outputs that are left out. */
      readonly without?: readonly number[];
    },
  ): Value[];
  output(value: Value, name: string, dtype?: DType): void;
  finish(): BuiltGraph;
  /**
   * The graph as the body of a control-flow op, with `results` in order. A body may name values of the graphs around
   * it; its shapes must not hold symbols.
   */
  block(results: readonly (readonly [Value, DType])[]): Block;
}

/** Value of a dimension under the given symbols; throws on an unknown symbol. */
export function evalDim(dim: Dim, symbols: Readonly<Record<string, number>>): number {
  if (typeof dim === "number") return dim;
  const factor = (text: string): number => {
    const value = /^-?\d+$/.test(text) ? Number(text) : symbols[text];
    if (value === undefined) throw new Error(`dimension ${dim}: no value for ${text}`);
    return value;
  };
  return dim
    .split("+")
    .reduce((sum, term) => sum + term.split("*").reduce((product, text) => product * factor(text), 1), 0);
}

const int64Bytes = (values: readonly number[]): Uint8Array =>
  new Uint8Array(BigInt64Array.from(values, BigInt).buffer);

function attributeProto(name: string, value: Attribute): onnx.IAttributeProto {
  if (typeof value === "number") return { name, type: ATTR.int, i: value };
  if (typeof value === "string") return { name, type: ATTR.string, s: new TextEncoder().encode(value) };
  if ("block" in value) return { name, type: ATTR.graph, g: value.block };
  if ("float" in value) return { name, type: ATTR.float, f: value.float };
  return { name, type: ATTR.ints, ints: [...value] };
}

const typeOf = (dtype: DType, dims?: readonly Dim[]): onnx.ITypeProto => ({
  tensorType: {
    elemType: ELEM[dtype],
    ...(dims && {
      shape: { dim: dims.map((d) => (typeof d === "number" ? { dimValue: d } : { dimParam: d })) },
    }),
  },
});

/** @param prefix goes before every name: the bodies inside a graph need one each */
export function makeGraph(prefix = ""): Graph {
  const nodes: onnx.INodeProto[] = [];
  const inputs: GraphInput[] = [];
  const outputs: { name: string; dtype: DType }[] = [];
  const initializers: onnx.ITensorProto[] = [];
  const shapes = new Map<string, readonly Dim[]>();
  const constants = new Map<string, Value>();
  let next = 0;
  const fresh = (kind: string): string => `${prefix}${kind}_${next++}`;

  const graph: Graph = {
    input(name, dtype, dims) {
      inputs.push({ name, dtype, dims });
      return name;
    },

    constant(data, dims) {
      const values = typeof data === "number" ? Float32Array.of(data) : Float32Array.from(data);
      const shape = dims ?? (typeof data === "number" ? [] : [values.length]);
      const key = values.length === 1 ? `f:${values[0]}:${shape.join()}` : undefined;
      const known = key === undefined ? undefined : constants.get(key);
      if (known !== undefined) return known;
      const name = fresh("const");
      initializers.push({
        name,
        dataType: ELEM.float32,
        dims: [...shape],
        rawData: new Uint8Array(values.buffer),
      });
      if (key !== undefined) constants.set(key, name);
      return name;
    },

    shape(dims) {
      const symbolic = dims.some((d) => typeof d !== "number");
      const key = `${prefix}${symbolic ? "shape" : "ints"}[${dims.join()}]`;
      const known = constants.get(key);
      if (known !== undefined) return known;
      constants.set(key, key);
      if (symbolic) {
        inputs.push({ name: key, dtype: "int64", dims: [dims.length] });
        shapes.set(key, dims);
      } else {
        initializers.push({
          name: key,
          dataType: ELEM.int64,
          dims: [dims.length],
          rawData: int64Bytes(dims as number[]),
        });
      }
      return key;
    },

    integer(value) {
      const key = `${prefix}int_${value}`;
      if (!constants.has(key)) {
        constants.set(key, key);
        initializers.push({ name: key, dataType: ELEM.int64, dims: [], rawData: int64Bytes([value]) });
      }
      return key;
    },

    op(type, ins, attributes = {}) {
      return graph.ops(type, ins, attributes, {})[0]!;
    },

    ops(type, ins, attributes, { outputs: count = 1, contrib = false, without = [] }) {
      const outs = Array.from({ length: count }, (_, i) => (without.includes(i) ? "" : fresh(type)));
      nodes.push({
        opType: type,
        name: outs[0]!,
        domain: contrib ? CONTRIB : "",
        input: [...ins],
        output: outs,
        attribute: Object.entries(attributes).map(([name, value]) => attributeProto(name, value)),
      });
      return outs;
    },

    output(value, name, dtype = "float32") {
      nodes.push({ opType: "Identity", name: `out_${name}`, input: [value], output: [name] });
      outputs.push({ name, dtype });
    },

    finish() {
      const model = ModelProto.create({
        irVersion: 8,
        producerName: "veriloop",
        opsetImport: [
          { domain: "", version: OPSET },
          { domain: CONTRIB, version: 1 },
        ],
        graph: {
          name: "veriloop",
          node: nodes,
          initializer: initializers,
          input: inputs.map(({ name, dtype, dims }) => ({ name, type: typeOf(dtype, dims) })),
          output: outputs.map(({ name, dtype }) => ({ name, type: typeOf(dtype) })),
        },
      });
      return {
        bytes: ModelProto.encode(model).finish(),
        inputs,
        outputs: outputs.map((o) => o.name),
        shapes,
        nodeCount: nodes.length,
      };
    },

    block(results) {
      if (shapes.size > 0) throw new Error(`a body holds symbolic shapes: ${[...shapes.keys()].join()}`);
      return {
        name: `${prefix}body`,
        node: nodes,
        initializer: initializers,
        input: inputs.map(({ name, dtype, dims }) => ({ name, type: typeOf(dtype, dims) })),
        output: results.map(([name, dtype]) => ({ name, type: typeOf(dtype) })),
      };
    },
  };
  return graph;
}
