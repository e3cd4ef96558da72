import fc from "fast-check";
import { expect, test } from "vitest";
import { MaxHeap } from "../../src/text/heap.js";

test("pops in falling order", () => {
  fc.assert(
    fc.property(fc.array(fc.integer()), (values) => {
      const heap = new MaxHeap<number>((a, b) => a - b);
      for (const v of values) heap.push(v);
      const popped = Array.from({ length: heap.size }, () => heap.pop()!);
      expect(popped).toEqual([...values].sort((a, b) => b - a));
      expect(heap.pop()).toBeUndefined();
    }),
  );
});
