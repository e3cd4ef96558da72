/** What the schema of a stage says about each dotted key: the words for messages, the reference and completion. */

import { z } from "zod";

/** The part of JSON Schema that zod's output uses here. */
export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly items?: JsonSchema;
  readonly description?: string;
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly minItems?: number;
  readonly minLength?: number;
}

export interface KeyInfo {
  readonly key: string;
  readonly schema: JsonSchema;
  /** True for a section, false for a value. */
  readonly section: boolean;
}

export const jsonSchemaOf = (schema: z.ZodType): JsonSchema =>
  z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as JsonSchema;

/** Every key, sections before what is in them, in the schema's order. */
export function keysOf(schema: z.ZodType): KeyInfo[] {
  const out: KeyInfo[] = [];
  const walk = (node: JsonSchema, path: string): void => {
    for (const [name, child] of Object.entries(node.properties ?? {})) {
      const key = path === "" ? name : `${path}.${name}`;
      const object = variants(child).find((v) => v.properties);
      out.push({ key, schema: child, section: child.properties !== undefined });
      if (object) walk(object, key);
    }
  };
  walk(jsonSchemaOf(schema), "");
  return out;
}

const variants = (s: JsonSchema): readonly JsonSchema[] => s.anyOf ?? s.oneOf ?? [s];
const typesOf = (s: JsonSchema): readonly string[] =>
  variants(s).flatMap((v) => (v.type === undefined ? [] : typeof v.type === "string" ? [v.type] : v.type));

/** "a whole number >= 1", "one of fixed, dynamic, adaptive", "a string or null". */
export function expectation(schema: JsonSchema): string {
  const all = variants(schema);
  if (all.length > 1) {
    const parts = [...new Set(all.map(expectation))];
    return parts.join(" or ");
  }
  if (schema.enum) return `one of ${schema.enum.map(show).join(", ")}`;
  if (schema.const !== undefined) return show(schema.const);
  const types = typesOf(schema);
  if (types.length > 1) return types.map((type) => expectation({ ...schema, type })).join(" or ");
  switch (types[0]) {
    case "integer":
      return `a whole number${range(schema)}`;
    case "number":
      return `a number${range(schema)}`;
    case "boolean":
      return "true or false";
    case "string":
      return "a string";
    case "null":
      return "null";
    case "array":
      return schema.items ? `a list, each ${expectation(schema.items)}` : "a list";
    case "object":
      return schema.properties
        ? `a section with the keys ${Object.keys(schema.properties).join(", ")}`
        : typeof schema.additionalProperties === "object"
          ? `a map of names, each ${expectation(schema.additionalProperties)}`
          : "a map";
    default:
      return "a value";
  }
}

const show = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));

function range(s: JsonSchema): string {
  const low = s.exclusiveMinimum !== undefined ? `> ${s.exclusiveMinimum}` : bound(s.minimum, ">=");
  const high = s.exclusiveMaximum !== undefined ? `< ${s.exclusiveMaximum}` : bound(s.maximum, "<=");
  return low && high ? ` ${low} and ${high}` : low || high ? ` ${low}${high}` : "";
}

const bound = (n: number | undefined, sign: string): string =>
  n === undefined || Math.abs(n) >= Number.MAX_SAFE_INTEGER ? "" : `${sign} ${n}`;

/** The schema of the value at a path, through open maps and lists. */
export function schemaAt(root: JsonSchema, path: readonly (string | number)[]): JsonSchema | undefined {
  let at: JsonSchema | undefined = root;
  for (const part of path) {
    const options: readonly JsonSchema[] = at ? variants(at) : [];
    const name = String(part);
    const next: JsonSchema | undefined = options
      .map((o) =>
        o.properties && Object.hasOwn(o.properties, name)
          ? o.properties[name]
          : (o.items ?? (typeof o.additionalProperties === "object" ? o.additionalProperties : undefined)),
      )
      .find((s) => s !== undefined);
    at = next;
  }
  return at;
}

/** True where the value must be a number, so that `8k` can only mean one. */
export const numberOnly = (s: JsonSchema | undefined): boolean => {
  const types = s ? typesOf(s) : [];
  return types.some((t) => t === "integer" || t === "number") && !types.includes("string") && !s?.enum;
};
