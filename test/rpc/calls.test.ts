/** The call layer over a real message channel: what crosses, what an abort does, what becomes of calls when a side ends. */

import { MessageChannel } from "node:worker_threads";
import { afterEach, describe, expect, it } from "vitest";
import { TrainError } from "../../src/core/errors.js";
import { type Calls, makeCalls } from "../../src/rpc/calls.js";
import { serveCalls } from "../../src/rpc/serve.js";
import { type Answer, fromWire, type Request, toWire } from "../../src/rpc/wire.js";

interface Table {
  add: { args: [number, number]; result: number; item: never };
  count: { args: number; result: string; item: number };
  wait: { args: null; result: string; item: never };
  fail: { args: "plain" | "known"; result: null; item: never };
  sum: { args: Float32Array; result: number; item: never };
}

const ports: MessageChannel[] = [];
afterEach(() => {
  for (const { port1 } of ports.splice(0)) port1.close();
});

/** Both sides; `order` says what the handlers did, `held` what the carrier was told. */
function both(onAbort: "wait" | "leave", inOrder: boolean) {
  const channel = new MessageChannel();
  ports.push(channel);
  const order: string[] = [];
  const held: boolean[] = [];
  const sent: string[] = [];
  const calls = makeCalls<Table>({
    send: (message, transfer) => {
      sent.push(message.kind);
      channel.port1.postMessage(message, transfer as ArrayBuffer[]);
    },
    hold: (on) => held.push(on),
    onAbort,
  });
  channel.port1.on("message", (answer: Answer) => calls.hear(answer));
  const take = serveCalls<Table>(
    {
      add: ([a, b]) => a + b,
      async count(n, { item }) {
        order.push(`start ${n}`);
        for (let i = 0; i < n; i++) {
          item(i);
          await new Promise((resolve) => setImmediate(resolve));
        }
        order.push(`end ${n}`);
        return "counted";
      },
      wait: (_, { signal }) =>
        new Promise((_resolve, reject) => {
          const stop = () => {
            order.push("stopped");
            reject(new TrainError("interrupted", "stopped on request"));
          };
          if (signal.aborted) stop();
          else signal.addEventListener("abort", stop);
        }),
      fail(how) {
        if (how === "plain") throw new RangeError("out of range");
        throw new TrainError("data", "m", { hint: "h", details: ["d"] });
      },
      sum: (values) => values.reduce((a, b) => a + b, 0),
    },
    (answer) => channel.port2.postMessage(answer),
    { inOrder },
  );
  channel.port2.on("message", (request: Request<Table>) => take(request));
  return { calls, order, held, sent };
}

const drain = async (calls: Calls<Table>, n: number, signal?: AbortSignal): Promise<number[]> => {
  const all: number[] = [];
  for await (const value of calls.stream("count", n, signal)) all.push(value);
  return all;
};

describe("a call", () => {
  it("gives its result, streams its items in order, and holds the carrier while any is open", async () => {
    const { calls, held } = both("wait", false);
    expect(await Promise.all([calls.call("add", [1, 2]), calls.call("add", [3, 4])])).toEqual([3, 7]);
    expect(await drain(calls, 5)).toEqual([0, 1, 2, 3, 4]);
    expect([held, calls.open()]).toEqual([[true, false, true, false], 0]);
  });

  it("can move a buffer instead of copying it", async () => {
    const { calls } = both("wait", false);
    const values = Float32Array.of(1, 2, 3);
    expect(await calls.call("sum", values, { transfer: [values.buffer] })).toBe(6);
    expect(values.length).toBe(0);
  });

  it("brings errors over with code, hint, details and stack; others keep name and message", async () => {
    const { calls } = both("wait", false);
    const known = await calls.call("fail", "known").catch((e) => e);
    expect(known).toBeInstanceOf(TrainError);
    expect(known).toMatchObject({ code: "data", message: "m", hint: "h", details: ["d"] });
    const plain = await calls.call("fail", "plain").catch((e) => e);
    expect([plain.name, plain.message, plain instanceof TrainError]).toEqual([
      "RangeError",
      "out of range",
      false,
    ]);
    expect(plain.stack).toContain("calls.test");
    expect(fromWire(toWire("a string")).message).toBe("a string");
  });

  it("runs in the order of arrival where that is asked for, and all at once elsewhere", async () => {
    for (const [inOrder, expected] of [
      [true, ["start 3", "end 3", "start 1", "end 1"]],
      [false, ["start 3", "start 1", "end 1", "end 3"]],
    ] as const) {
      const { calls, order } = both("wait", inOrder);
      await Promise.all([drain(calls, 3), drain(calls, 1)]);
      expect([...order].sort()).toEqual([...expected].sort());
      if (inOrder) expect(order).toEqual(expected);
      else expect(order.slice(0, 2)).toEqual(expected.slice(0, 2));
    }
  });

  it("fails with the reason when the handlers never come", async () => {
    const answers: Answer[] = [];
    const take = serveCalls<Table>(Promise.reject(new Error("no runtime")), (a) => answers.push(a), {
      inOrder: true,
      failure: (thrown) => new TrainError("worker", `failed: ${(thrown as Error).message}`),
    });
    take({ kind: "call", id: 1, name: "add", args: [1, 2] });
    await expect.poll(() => answers.length).toBe(1);
    expect(answers[0]).toMatchObject({ kind: "error", id: 1, error: { message: "failed: no runtime" } });
  });
});

describe("an abort", () => {
  const reason = new Error("enough");

  it("that waits ends with the other side's word, as the signal's reason", async () => {
    const { calls, order } = both("wait", true);
    const stop = new AbortController();
    const ends = Promise.allSettled([
      calls.call("wait", null, { signal: stop.signal }),
      calls.call("wait", null, { signal: stop.signal }),
    ]);
    stop.abort(reason);
    for (const end of await ends) expect(end).toMatchObject({ status: "rejected", reason });
    expect(order).toEqual(["stopped", "stopped"]);
    await expect(calls.call("add", [1, 2], { signal: stop.signal })).rejects.toBe(reason);
  });

  it("that waits keeps a result that was there first", async () => {
    const { calls } = both("wait", false);
    const stop = new AbortController();
    const sum = calls.call("add", [1, 2], { signal: stop.signal });
    stop.abort(reason);
    expect(await sum).toBe(3);
  });

  it("that leaves rejects at once, tells the other side, and drops the late answer", async () => {
    const { calls, order, sent, held } = both("leave", false);
    const stop = new AbortController();
    const call = calls.call("wait", null, { signal: stop.signal });
    stop.abort(reason);
    expect(calls.open()).toBe(0);
    await expect(call).rejects.toBe(reason);
    await expect.poll(() => order).toEqual(["stopped"]);
    expect(await calls.call("add", [1, 2])).toBe(3);
    expect([sent, held]).toEqual([
      ["call", "abort", "call"],
      [true, false, true, false],
    ]);
  });

  it("listens once to a signal, however many calls it can stop, and no longer than they are open", async () => {
    const { calls } = both("leave", false);
    const stop = new AbortController();
    let listeners = 0;
    const { addEventListener, removeEventListener } = stop.signal;
    stop.signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
      listeners++;
      addEventListener.apply(stop.signal, args);
    };
    stop.signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
      listeners--;
      removeEventListener.apply(stop.signal, args);
    };
    const all = Array.from({ length: 50 }, (_, i) => calls.call("add", [i, 1], { signal: stop.signal }));
    expect(listeners).toBe(1);
    await Promise.all(all);
    expect(listeners).toBe(0);
  });

  it("of a loop that is left early stops the call", async () => {
    const { calls, sent } = both("wait", false);
    for await (const value of calls.stream("count", 1000)) if (value === 2) break;
    expect(sent).toEqual(["call", "abort"]);
    await expect.poll(() => calls.open()).toBe(0);
  });
});

describe("the other side's end", () => {
  it("is each open call's fate: sent again, answered, or an error", async () => {
    const { calls, sent } = both("leave", false);
    const tries: number[] = [];
    const again = calls.call("add", [1, 2]);
    const given = calls.call("wait", null);
    const refused = calls.call("count", 1);
    calls.lost((name, n) => {
      tries.push(n);
      return name === "add" ? "again" : name === "wait" ? { value: "given" } : { error: new Error("lost") };
    });
    await expect(refused).rejects.toThrow("lost");
    expect([await again, await given, tries]).toEqual([3, "given", [1, 1, 1]]);
    expect(sent).toEqual(["call", "call", "call", "call"]);
  });

  it("for good rejects open calls and all later ones", async () => {
    const { calls } = both("wait", false);
    const open = calls.call("wait", null);
    const end = new TrainError("worker", "it is not running");
    calls.end(end);
    await expect(open).rejects.toBe(end);
    await expect(calls.call("add", [1, 2])).rejects.toBe(end);
    await expect(drain(calls, 2)).rejects.toBe(end);
  });
});
