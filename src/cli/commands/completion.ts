/** `train completion`: a script for the shell, which asks us for the words. */

import { completionScript } from "../complete.js";
import type { Command } from "./command.js";

export const completion: Command = {
  name: "completion",
  describe: "Print a completion script for bash and zsh",
  options: () => ({}),
  async run(shell) {
    shell.stdout.write(completionScript(shell.program));
    return 0;
  },
};
