import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { evalDim, makeGraph } from "../../../src/engine/onnx/graph.js";
import { embed, linear, takeRows } from "../../../src/engine/onnx/ops.js";
import { createSession, loadOrt } from "../../../src/engine/onnx/runtime.js";
import { makeTape } from "../../../src/engine/onnx/tape.js";

describe("dimensions", () => {
  it("are sums of products of symbols and numbers", () => {
    expect(evalDim("S+C*2*3", { S: 16, C: 5 })).toBe(46);
    expect(evalDim(7, {})).toBe(7);
    expect(() => evalDim("B*T", { B: 2 })).toThrow("dimension B*T: no value for T");
  });
});

describe("one session", () => {
  it("serves every shape: symbolic reshapes are filled in at run time", async () => {
    const g = makeGraph();
    const x = g.input("x", "float32", ["B*T", 3]);
    g.output(g.op("Transpose", [g.op("Reshape", [x, g.shape(["B", "T", 3])])], { perm: [1, 0, 2] }), "y");
    const ort = await loadOrt();
    const session = await createSession(ort, g.finish(), { threads: 1 });
    for (const [B, T] of [
      [2, 2],
      [1, 5],
      [4, 3],
    ] as const) {
      const data = Float32Array.from({ length: B * T * 3 }, (_, i) => i);
      const out = await session.run({ B, T }, { x: new ort.Tensor("float32", data, [B * T, 3]) });
      expect(out.y!.dims).toEqual([T, B, 3]);
      if (B > 1) expect((out.y!.data as Float32Array)[3]).toBe(T * 3);
    }
    await session.dispose();
  });
});

describe("reverse mode", () => {
  it("sums what reaches a value by several ways", async () => {
    // y = x W' + x W' through two uses of x and W: dW = 2 dy' x, dx = 2 dy W.
    const g = makeGraph();
    const tape = makeTape();
    const scope = { g, tape };
    const x = g.input("x", "float32", [1, 2]);
    const w = g.input("w", "float32", [2, 2]);
    const y = linear(scope, x, w, { residual: linear(scope, x, w) });
    tape.contribute(y, () => g.constant([1, 10], [1, 2]));
    tape.backward();
    g.output(tape.gradient("x")!, "dx");
    g.output(tape.gradient("w")!, "dw");
    const ort = await loadOrt();
    const session = await createSession(ort, g.finish(), { threads: 1 });
    const out = await session.run(
      {},
      {
        x: new ort.Tensor("float32", Float32Array.of(3, 5), [1, 2]),
        w: new ort.Tensor("float32", Float32Array.of(1, 2, 3, 4), [2, 2]),
      },
    );
    expect([...(out.dx!.data as Float32Array)]).toEqual([62, 84]);
    expect([...(out.dw!.data as Float32Array)]).toEqual([6, 10, 60, 100]);
    await session.dispose();
  });

  it("adds the gradients of repeated tokens and of rows taken, for any choice of them", async () => {
    const [vocab, width] = [5, 2];
    const g = makeGraph();
    const tape = makeTape();
    const scope = { g, tape };
    const table = g.input("table", "float32", [vocab, width]);
    const ids = g.input("ids", "int32", ["N"]);
    const rows = g.input("rows", "int32", ["R"]);
    const inverse = g.input("inverse", "int32", ["N"]);
    const dy = g.input("dy", "float32", ["R", width]);
    const taken = takeRows(scope, embed(scope, table, ids, vocab, width), rows, inverse, width);
    tape.contribute(taken, () => dy);
    tape.backward();
    g.output(tape.gradient("table")!, "dTable");
    const ort = await loadOrt();
    const session = await createSession(ort, g.finish(), { threads: 1 });
    const tokens = fc.array(fc.tuple(fc.integer({ min: 0, max: vocab - 1 }), fc.boolean()), {
      minLength: 1,
      maxLength: 30,
    });
    await fc.assert(
      fc.asyncProperty(tokens, async (choice) => {
        const places = [...choice.keys()].filter((n) => choice[n]![1]);
        fc.pre(places.length > 0);
        const ints = (values: number[]) => new ort.Tensor("int32", Int32Array.from(values), [values.length]);
        const gradient = Float32Array.from({ length: places.length * width }, (_, i) => i + 1);
        const expected = new Float32Array(vocab * width);
        places.forEach((n, r) => {
          for (let i = 0; i < width; i++) expected[choice[n]![0] * width + i]! += gradient[r * width + i]!;
        });
        const out = await session.run(
          { N: choice.length, R: places.length },
          {
            table: new ort.Tensor("float32", new Float32Array(vocab * width), [vocab, width]),
            ids: ints(choice.map(([id]) => id)),
            rows: ints(places),
            inverse: ints(choice.map((_, n) => (places.includes(n) ? places.indexOf(n) : places.length))),
            dy: new ort.Tensor("float32", gradient, [places.length, width]),
          },
        );
        expect(out.dTable!.data).toEqual(expected);
      }),
      { numRuns: 40 },
    );
    await session.dispose();
  });
});
