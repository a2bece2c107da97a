import type { JsonSchema } from "./json_schema.ts";

/**
 * The TypeScript types of a pipeline's JSON Schema: one interface for the file, one type for the
 * entries of each kind. (The usual generators make a type of every title, so that names would
 * change whenever a stage is added; here the names are the kinds'.)
 *
 * @param schema The schema.
 * @returns The module's text.
 */
export function typesOfSchema(schema: JsonSchema): string {
  const { $defs, then: extending, else: whole } = schema as {
    $defs: Record<string, JsonSchema>;
    then: JsonSchema;
    else: JsonSchema;
  };
  const entries = (changed: boolean) =>
    Object.entries($defs).flatMap(([name, definition]) => {
      const kind = kindOf(name);
      if (isChange(name) !== changed) return [];
      const stage = `${/^[aeiou]/.test(kind) ? "an" : "a"} ${kind} stage`;
      const what = changed
        ? `What a pipeline that extends others changes of ${stage}.`
        : `An entry that names ${stage}.`;
      return [
        `/** ${what} */\nreadonly ${kind}:\n  | StageObject<"${kind}">\n  | ${typeOf(definition)};`,
      ];
    });
  return [
    "// Made by `deno task schema` from the schemas of the stages' options.",
    "// deno-lint-ignore-file",
    "/**",
    " * The types of pipelines in TypeScript.",
    " *",
    " * @module",
    " */",
    "",
    "/** A stage itself, in the place of its name. */",
    "export interface StageObject<Kind extends string> {",
    "  /** The stage, as one of the `define…` functions returns it. */",
    "  readonly use: { readonly kind: Kind; readonly name: string; readonly options: object };",
    "  /** Its options. */",
    "  readonly [option: string]: unknown;",
    "}",
    "",
    "/** A pipeline that says everything itself. */",
    `export interface WholePipeline ${
      // By this a mistake in a pipeline is told where it is, and not of all of it.
      typeOf(whole).replace("{", "{\n/** Nothing. */\nreadonly extends?: undefined;")}`,
    "",
    "/** A pipeline that says what is different from those that it extends. */",
    `export interface ExtendingPipeline ${typeOf(extending)}`,
    "",
    "/** A pipeline. */",
    "export type Pipeline = WholePipeline | ExtendingPipeline;",
    "",
    "/** The entries of a pipeline that name stages, by the kind of the stage. */",
    "export interface StageEntries {",
    ...entries(false),
    "}",
    "",
    "/** As {@linkcode StageEntries}, for pipelines that extend others: what is not written stays as it is there. */",
    "export interface ChangedStageEntries {",
    ...entries(true),
    "}",
    "",
  ].join("\n");
}

/** A definition is called `source`, or `changed-source` for what extends. */
const kindOf = (name: string) => name.slice(name.indexOf("-") + 1);

const isChange = (name: string) => name !== kindOf(name);

const entryType = (name: string) =>
  `${isChange(name) ? "ChangedStageEntries" : "StageEntries"}["${kindOf(name)}"]`;

function typeOf(schema: JsonSchema): string {
  const { $ref, const: constant, enum: values, anyOf, type, items, properties } = schema as {
    $ref?: string;
    const?: unknown;
    enum?: unknown[];
    anyOf?: JsonSchema[];
    type?: string | string[];
    items?: JsonSchema;
    properties?: Record<string, JsonSchema>;
  };
  if ($ref) return entryType($ref.slice($ref.lastIndexOf("/") + 1));
  if (constant !== undefined) return JSON.stringify(constant);
  if (values) return values.map((value) => JSON.stringify(value)).join(" | ");
  if (Array.isArray(type)) return type.map((one) => typeOf({ ...schema, type: one })).join(" | ");
  if (anyOf) return anyOf.map((part) => `(${typeOf(part)})`).join(" | ");
  const { prefixItems, additionalProperties, pattern } = schema as {
    prefixItems?: JsonSchema[];
    additionalProperties?: JsonSchema | boolean;
    pattern?: string;
  };
  if (type === "array") {
    if (prefixItems) return `readonly [${prefixItems.map(typeOf).join(", ")}]`;
    return `readonly (${items ? typeOf(items) : "unknown"})[]`;
  }
  if (type === "object" || properties) return objectType(schema, properties, additionalProperties);
  if (type === "string") return pattern?.includes("jsr|npm") ? ELSEWHERE : "string";
  if (type === "number" || type === "integer") return "number";
  if (type === "boolean") return "boolean";
  if (type === "null") return "null";
  return "unknown";
}

/** How stages that are not built in are named. */
const ELSEWHERE =
  '`${"." | "/" | "jsr:" | "npm:" | "https:" | "file:"}${string}` | `${string}.${"ts" | "js"}`';

function objectType(
  schema: JsonSchema,
  properties: Record<string, JsonSchema> | undefined,
  additional: JsonSchema | boolean | undefined,
): string {
  const required = new Set(schema.required as string[] | undefined);
  const lines = Object.entries(properties ?? {}).map(([name, property]) => {
    const description = property.description as string | undefined;
    const key = /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name);
    const doc = description ? `/** ${description.replaceAll("*/", "*\\/")} */\n` : "";
    return `${doc}readonly ${key}${required.has(name) ? "" : "?"}: ${typeOf(property)};`;
  });
  const names = Object.keys(properties ?? {});
  // An entry of a stage from elsewhere has options that are not known here.
  const open = names.includes("use") && additional !== false;
  if (open) lines.push("readonly [option: string]: unknown;");
  else if (typeof additional === "object") {
    lines.push(`readonly [name: string]: ${typeOf(additional)};`);
  }
  return `{\n${lines.join("\n")}\n}`;
}
