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
  const { $defs, ...file } = schema as JsonSchema & { $defs: Record<string, JsonSchema> };
  const kinds = Object.entries($defs).map(([kind, definition]) =>
    `/** An entry that names a ${kind} stage. */\nexport type ${
      entryName(kind)
    } =\n  | StageObject<"${kind}">\n  | ${typeOf(definition)};\n`
  );
  return [
    "// Made by `deno task schema` from the schemas of the stages' options.",
    "// deno-lint-ignore-file",
    "/**",
    " * The types of pipelines in TypeScript.",
    " *",
    " * @module",
    " */",
    "",
    'import type { AnyStage, StageKind } from "../pipeline/stages/stage.ts";',
    "",
    "/** A stage itself, in the place of its name. */",
    "export interface StageObject<Kind extends StageKind> {",
    "  readonly use: AnyStage & { readonly kind: Kind };",
    "  readonly [option: string]: unknown;",
    "}",
    "",
    "/** A pipeline. */",
    `export interface Pipeline ${typeOf(file)}`,
    "",
    ...kinds,
  ].join("\n");
}

const entryName = (kind: string) => `${kind[0]!.toUpperCase()}${kind.slice(1)}Entry`;

function typeOf(schema: JsonSchema): string {
  const { $ref, const: constant, enum: values, anyOf, type, items, properties } = schema as {
    $ref?: string;
    const?: unknown;
    enum?: unknown[];
    anyOf?: JsonSchema[];
    type?: string;
    items?: JsonSchema;
    properties?: Record<string, JsonSchema>;
  };
  if ($ref) return entryName($ref.slice($ref.lastIndexOf("/") + 1));
  if (constant !== undefined) return JSON.stringify(constant);
  if (values) return values.map((value) => JSON.stringify(value)).join(" | ");
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
const ELSEWHERE = '`${"." | "/" | "jsr:" | "npm:" | "https:" | "file:"}${string}`';

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
