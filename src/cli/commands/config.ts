/** `train config print | schema | reference`. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { z } from "zod";
import { configOptions, list, OVERRIDES } from "../config-words.js";
import type { Shell } from "../shell.js";
import { checkOverrides, checkStage, checkVerb, single } from "../usage.js";
import { type Args, type Command, flag } from "./command.js";

type Schemas = Readonly<Record<string, z.ZodType>>;

export const config: Command = {
  name: "config <verb> [override..]",
  describe: "Show configs: print, schema or reference",
  positionals: {
    override: OVERRIDES,
    verb: { type: "string", describe: "print: resolved; schema: JSON Schema; reference: every key" },
  },
  options: (stages) => ({
    ...configOptions(stages),
    provenance: flag("print: where each value came from"),
    write: flag("reference: write configs/reference.yaml"),
    json: flag("print: as JSON"),
  }),
  async run(shell, parts, args) {
    const verb = checkVerb(args.verb as string);
    const overrides = checkOverrides(list(args.override));
    const given = single("stage", args.stage);
    // Without a stage, the reference is that of all stages.
    const all = verb === "reference" && given === undefined;
    const stage = all
      ? null
      : checkStage(given, Object.keys(parts.stages), `train config ${verb} --stage rl`);
    const schemas = await parts.schemas();
    if (verb === "print") await print(shell, schemas, stage!, overrides, args);
    else if (verb === "schema") await schema(shell, schemas[stage!]!);
    else await reference(shell, schemas, stage, args.write === true);
    return 0;
  },
};

async function print(
  shell: Shell,
  schemas: Schemas,
  stage: string,
  overrides: readonly string[],
  args: Args,
): Promise<void> {
  const [{ loadConfig }, { printConfig }] = await Promise.all([
    import("../../config/load.js"),
    import("../../config/print.js"),
  ]);
  const { cwd, root } = shell;
  const loaded = loadConfig({ stage, schemas, configs: list(args.config), overrides, cwd, root });
  const { config, provenance, hash, files } = loaded;
  shell.stdout.write(
    args.json === true
      ? `${JSON.stringify({ config, provenance: Object.fromEntries(provenance), hash, files })}\n`
      : printConfig(loaded, args.provenance === true),
  );
}

async function schema(shell: Shell, of: z.ZodType): Promise<void> {
  const { z } = await import("zod");
  shell.stdout.write(`${JSON.stringify(z.toJSONSchema(of, { io: "input" }), null, 2)}\n`);
}

/** `stage` null: every stage. Writing makes the shipped file, which always holds every stage. */
async function reference(
  shell: Shell,
  schemas: Schemas,
  stage: string | null,
  write: boolean,
): Promise<void> {
  const { referenceYaml } = await import("../../config/reference.js");
  if (!write) {
    shell.stdout.write(referenceYaml(stage === null ? schemas : { [stage]: schemas[stage]! }));
    return;
  }
  const path = join(shell.root, "configs", "reference.yaml");
  writeFileSync(path, referenceYaml(schemas));
  shell.stderr.write(`wrote ${path}\n`);
}
