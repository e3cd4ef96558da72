#!/usr/bin/env node
/** The `train` command. Only this folder touches process.argv, process.env and process.exit. */

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(
    `train: expected Node >= 20.19, got ${process.versions.node}; get one at https://nodejs.org\n`,
  );
  process.exit(4);
}

// Read by onnxruntime when it loads: nothing leaves this machine.
process.env.ORT_DISABLE_TELEMETRY = "1";

// Imported only now, so that an old Node gets the line above and not a syntax error.
const [{ runCli }, { STAGES }] = await Promise.all([import("./app.js"), import("../stages/index.js")]);

await runCli(process.argv.slice(2), {
  stages: STAGES,
  schemas: async () => {
    const s = await import("../stages/schema.js");
    return {
      rl: s.rlStageSchema,
      distill: s.distillStageSchema,
      eval: s.evalStageSchema,
      sweep: s.sweepStageSchema,
    };
  },
});

export {};
