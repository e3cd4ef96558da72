/** `configs/reference.yaml`: every key of every stage with its type, default and sentence, from the schemas. */

import { stringify } from "yaml";
import type { z } from "zod";
import { expectation, type JsonSchema, jsonSchemaOf, propertiesOf, readersOf } from "./keys.js";

const WIDTH = 100;

export function referenceYaml(schemas: Readonly<Record<string, z.ZodType>>): string {
  const sections = new Map<string, { schema: JsonSchema; stages: string[] }>();
  for (const [stage, schema] of Object.entries(schemas)) {
    for (const [name, section] of Object.entries(jsonSchemaOf(schema).properties ?? {})) {
      const known = sections.get(name);
      if (known) known.stages.push(stage);
      else sections.set(name, { schema: section, stages: [stage] });
    }
  }
  const out = [
    ...comment(
      "Every key with its default. Written by `train config reference --write` from the schemas; change the schemas, " +
        "not this file. A config names only what differs from here. `train config print --stage S --config F` " +
        "shows what a run would get.",
      "",
    ),
  ];
  for (const [name, { schema, stages }] of sections) {
    out.push("", `# --- ${name}: stage${stages.length > 1 ? "s" : ""} ${stages.join(", ")}`);
    if (schema.description) out.push(...comment(schema.description, ""));
    out.push(...section(name, schema, ""));
  }
  return `${out.join("\n")}\n`;
}

function section(name: string, schema: JsonSchema, indent: string): string[] {
  const properties = propertiesOf(schema);
  if (properties.size === 0) return value(name, schema, indent);
  const lines = [`${indent}${name}:`];
  for (const [key, child] of properties) {
    const nested = propertiesOf(child).size > 0;
    if (nested && child.description) lines.push(...comment(child.description, `${indent}  `));
    const readers = readersOf(schema, key);
    if (readers !== null)
      lines.push(...comment(`Only with ${readers.key}: ${readers.values.join(", ")}.`, `${indent}  `));
    lines.push(...section(key, child, `${indent}  `));
  }
  return lines;
}

function value(name: string, schema: JsonSchema, indent: string): string[] {
  const sentence = schema.description ?? "";
  const lines = comment(`${sentence}${sentence === "" ? "" : ". "}${capital(expectation(schema))}.`, indent);
  const shown =
    "default" in schema
      ? stringify(schema.default, {
          lineWidth: 0,
          defaultStringType: "PLAIN",
          collectionStyle: "flow",
        }).trim()
      : "null # required";
  return [...lines, `${indent}${name}: ${shown}`];
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** Words wrapped into comment lines. */
function comment(text: string, indent: string): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/)) {
    if (line !== "" && indent.length + 2 + line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line].map((l) => `${indent}# ${l}`);
}
