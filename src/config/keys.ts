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
    for (const [name, child] of propertiesOf(node)) {
      const key = path === "" ? name : `${path}.${name}`;
      out.push({ key, schema: child, section: isSection(child) });
      walk(child, key);
    }
  };
  walk(jsonSchemaOf(schema), "");
  return out;
}

const variants = (s: JsonSchema): readonly JsonSchema[] => s.anyOf ?? s.oneOf ?? [s];

/** True where the value is a section, whichever of a union's variants it is. */
export const isSection = (s: JsonSchema): boolean => variants(s).every((v) => v.properties !== undefined);

/** The keys of a section; those that several variants of a union have are one, with what either takes. */
export function propertiesOf(s: JsonSchema): ReadonlyMap<string, JsonSchema> {
  const found = new Map<string, JsonSchema[]>();
  for (const variant of variants(s)) {
    for (const [name, child] of Object.entries(variant.properties ?? {}))
      found.set(name, [...(found.get(name) ?? []), child]);
  }
  return new Map([...found].map(([name, children]) => [name, either(children)]));
}

/** One schema for what any of these takes; the first that has a sentence or a default gives it. */
function either(schemas: readonly JsonSchema[]): JsonSchema {
  const [first, ...others] = [...new Map(schemas.map((s) => [JSON.stringify(s), s])).values()];
  if (first === undefined || others.length === 0) return first ?? {};
  const all = [first, ...others];
  const constants = all.flatMap((s) => (s.const === undefined ? [] : [s.const]));
  const described = all.find((s) => s.description !== undefined);
  const preset = all.find((s) => "default" in s);
  return {
    ...(constants.length === all.length ? { type: "string", enum: constants } : { anyOf: all }),
    ...(described && { description: described.description! }),
    ...(preset && { default: preset.default }),
  };
}

/** The key by which a union's variants are told apart, for example `engine`; null for what is not such a union. */
function keyOfUnion(s: JsonSchema): string | null {
  const all = variants(s);
  const [first] = all;
  if (all.length < 2 || first?.properties === undefined) return null;
  const names = Object.keys(first.properties);
  return names.find((n) => all.every((v) => v.properties?.[n]?.const !== undefined)) ?? null;
}

/**
 * Who reads `name` in a section that is a union: the key that chooses, and its values.
 * Null where the section is no union, or all of its variants read the key.
 */
export function readersOf(
  section: JsonSchema,
  name: string,
): { readonly key: string; readonly values: readonly string[]; readonly preset: string | null } | null {
  const key = keyOfUnion(section);
  if (key === null) return null;
  const all = variants(section);
  const readers = all.filter((v) => v.properties !== undefined && Object.hasOwn(v.properties, name));
  if (readers.length === all.length) return null;
  const preset = all.map((v) => v.properties![key]!.default).find((d) => d !== undefined);
  return {
    key,
    values: readers.map((v) => show(v.properties![key]!.const)),
    preset: preset === undefined ? null : show(preset),
  };
}

const typesOf = (s: JsonSchema): readonly string[] =>
  variants(s).flatMap((v) => (v.type === undefined ? [] : typeof v.type === "string" ? [v.type] : v.type));

/** "a whole number >= 1", "one of fixed, dynamic, adaptive", "a string or null". */
export function expectation(schema: JsonSchema): string {
  const all = variants(schema);
  if (isSection(schema)) return `a section with the keys ${[...propertiesOf(schema).keys()].join(", ")}`;
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
      return typeof schema.additionalProperties === "object"
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
    const found = options.flatMap((o) => {
      if (o.properties && Object.hasOwn(o.properties, name)) return [o.properties[name]!];
      const open = o.items ?? o.additionalProperties;
      return typeof open === "object" ? [open] : [];
    });
    at = found.length === 0 ? undefined : either(found);
  }
  return at;
}

/** True where the value must be a number, so that `8k` can only mean one. */
export const numberOnly = (s: JsonSchema | undefined): boolean => {
  const types = s ? typesOf(s) : [];
  return types.some((t) => t === "integer" || t === "number") && !types.includes("string") && !s?.enum;
};
