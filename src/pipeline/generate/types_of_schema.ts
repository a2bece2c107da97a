import type { JsonSchema } from "./json_schema.ts";

/**
 * The TypeScript types of a pipeline's JSON Schema: one interface for the file, one type for the
 * entries of each kind. (The usual generators make a type of every title, so that names would change
 * whenever a stage is added; here the names are the kinds'.)
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
  const kinds = Object.entries($defs).map(([name, definition]) => {
    const kind = name.slice(name.indexOf("-") + 1);
    const stage = `${/^[aeiou]/.test(kind) ? "an" : "a"} ${kind} stage`;
    const what = name === kind
      ? `An entry that names ${stage}.`
      : `What a pipeline that extends others changes of ${stage}.`;
    return `/** ${what} */\nexport type ${entryName(name)} =\n  | StageObject<"${kind}">\n  | ${
      typeOf(definition)
    };\n`;
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
    'import type { AnyStage, StageKind } from "../../stages/stage.ts";',
    "",
    "/** A stage itself, in the place of its name. */",
    "export interface StageObject<Kind extends StageKind> {",
    "  /** The stage. */",
    "  readonly use: AnyStage & { readonly kind: Kind };",
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
    ...kinds,
  ].join("\n");
}

const entryName = (name: string) =>
  `${name.split("-").map((word) => word[0]!.toUpperCase() + word.slice(1)).join("")}Entry`;

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
  if ($ref) return entryName($ref.slice($ref.lastIndexOf("/") + 1));
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
