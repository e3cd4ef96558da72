/** The held-out split of the config's own problems. */

import type { SplitSuite } from "./suite.js";

export const testSuite: SplitSuite = {
  name: "test",
  describe: "the held-out split of data.source",
  from: "split",
  load: (heldOut) => heldOut,
};
