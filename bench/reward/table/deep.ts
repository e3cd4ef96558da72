/** The named deep faults: wrong designs that differ only after thousands of cycles or one sequence of inputs. */

import type { Design } from "../../../designs/index.js";
import { clock12 } from "../../../designs/pairs/clocking.js";
import { divider } from "../../../designs/pairs/counters.js";
import { unlock } from "../../../designs/pairs/machines.js";
import { fifo } from "../../../designs/pairs/storage.js";
import type { Trial } from "./judges.js";

const BYTES = ["8'hde", "8'had", "8'hbe"] as const;
const HOURS = "hh <= hh == 8'h12 ? 8'h01 : hh[3:0] == 9 ? 8'h10 : hh + 8'h01;";

const goldenOf = (name: string, golden: string): Design => ({ name, golden, top: "top_module" });
const divide = goldenOf("divide-by-10000", divider(10000));
const locked = goldenOf("unlock", unlock(BYTES));
const clock = goldenOf("clock12", clock12());
const queue = (depth: number): Design => goldenOf(`fifo-${depth}`, fifo(depth));

export const DEEP_FAULTS: readonly Trial[] = [
  { golden: divide, name: "divide by 9999", code: divider(9999) },
  { golden: divide, name: "divide by 3000", code: divider(3000) },
  ...[64, 128, 256].map((n) => ({
    golden: queue(n),
    name: `FIFO ${n}, no full guard`,
    code: fifo(n, false),
  })),
  { golden: locked, name: "never unlocks", code: unlock(BYTES, "open <= 0;") },
  { golden: clock, name: "12 h clock, pm at 12", code: clock12(`if (hh == 8'h12) pm <= ~pm; ${HOURS}`) },
  { golden: clock, name: "12 h clock, no pm", code: clock12(HOURS) },
  {
    golden: clock,
    name: "12 h clock, 12 then 13",
    code: clock12(
      "if (hh == 8'h11) pm <= ~pm; hh <= hh == 8'h13 ? 8'h01 : hh[3:0] == 9 ? 8'h10 : hh + 8'h01;",
    ),
  },
];

/** The same goldens against themselves: what rejects everything earns nothing here. */
export const DEEP_GOLDENS: readonly Trial[] = [
  ...new Map(DEEP_FAULTS.map((t) => [t.golden.name, t.golden])).values(),
].map((golden) => ({ golden, name: `${golden.name} itself`, code: golden.golden }));
