/** Commands that go on from a policy, as they are printed at the end of a stage: on the same problems. */

import { shellWord } from "../core/shell-words.js";
import { type DataSection, dataSchema } from "../data/schema.js";
import type { SamplerSection } from "../sampler/index.js";
import { samplerSchema } from "../sampler/schema.js";

interface Made {
  readonly data: DataSection;
  readonly sampler: Pick<SamplerSection, "max_tokens">;
}

/** Evaluates the policy with at least the room for an answer that it had. */
export function evalCommand(model: string, { data, sampler }: Made): string {
  const room = samplerSchema.parse({}).max_tokens;
  return [
    `scripts/train --stage eval --config eval.yaml model.path=${shellWord(model)}`,
    ...settings(data),
    ...(sampler.max_tokens > room ? [`sampler.max_tokens=${sampler.max_tokens}`] : []),
  ].join(" ");
}

/** Reinforces a distilled policy. The harder built-in problems have a config of their own: longer answers need more room. */
export function rlCommand(model: string, { data }: Made): string {
  const [config, level] =
    data.level === "basic" ? ["adaptive-dapo.yaml", "basic"] : ["primer-gpu.yaml", "hard"];
  return [
    `scripts/train --stage rl --config ${config} model.path=${shellWord(model)}`,
    ...settings(data, { level }),
  ].join(" ");
}

/** What of the section is not as by default, or as the config has it, as overrides. */
function settings(data: DataSection, ofConfig: Readonly<Record<string, unknown>> = {}): string[] {
  const usual: Readonly<Record<string, unknown>> = { ...dataSchema.parse({}), ...ofConfig };
  return Object.entries(data)
    .filter(([key, value]) => JSON.stringify(value) !== JSON.stringify(usual[key]))
    .map(([key, value]) =>
      shellWord(`data.${key}=${Array.isArray(value) ? `[${value.join(",")}]` : yamlScalar(String(value))}`),
    );
}

/** A text that YAML could read as something else goes in quotes. */
const yamlScalar = (text: string): string => (/^[\w./ -]+$/.test(text) ? text : JSON.stringify(text));
