/** `train config print | schema | reference`. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { loadConfig } from "../config/load.js";
import { printConfig } from "../config/print.js";
import { referenceYaml } from "../config/reference.js";
import type { Parts, Shell } from "./shell.js";
import type { ConfigVerb } from "./usage.js";

export interface ConfigRequest {
  readonly verb: ConfigVerb;
  /** May be absent for `reference`: all stages. */
  readonly stage: string | undefined;
  readonly configs: readonly string[];
  readonly overrides: readonly string[];
  readonly provenance: boolean;
  readonly write: boolean;
  readonly json: boolean;
}

export async function configCommand(shell: Shell, parts: Parts, request: ConfigRequest): Promise<void> {
  const all = await parts.schemas();
  const stage = request.stage ?? "";
  switch (request.verb) {
    case "print": {
      const { configs, overrides } = request;
      const loaded = loadConfig({
        stage,
        schemas: all,
        configs,
        overrides,
        cwd: shell.cwd,
        root: shell.root,
      });
      const { config, provenance, hash, files } = loaded;
      const text = request.json
        ? `${JSON.stringify({ config, provenance: Object.fromEntries(provenance), hash, files })}\n`
        : printConfig(loaded, request.provenance);
      shell.stdout.write(text);
      return;
    }
    case "schema":
      shell.stdout.write(`${JSON.stringify(z.toJSONSchema(all[stage]!, { io: "input" }), null, 2)}\n`);
      return;
    case "reference": {
      const text = referenceYaml(request.stage === undefined ? all : { [stage]: all[stage]! });
      if (!request.write) {
        shell.stdout.write(text);
        return;
      }
      const path = join(shell.root, "configs", "reference.yaml");
      writeFileSync(path, referenceYaml(all));
      shell.stderr.write(`wrote ${path}\n`);
      return;
    }
    default:
      request.verb satisfies never;
  }
}
