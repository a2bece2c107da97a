import { Ajv2020 } from "npm:ajv@8.17.1/dist/2020.js";
import { assert } from "@std/assert";
import fc from "fast-check";
import { z } from "zod";
import { type JsonSchema, pipelineJsonSchema } from "../../src/pipeline/generate/json_schema.ts";
import { asPair } from "../../src/pipeline/pair.ts";
import { nestedStages } from "../../src/pipeline/plan/stage_options.ts";
import { isElsewhere } from "../../src/pipeline/registry.ts";
import {
  commonKeys,
  commonOptions,
  onePhaseSchema,
  pipelineSchema,
} from "../../src/pipeline/file_schema.ts";
import type { StageKind } from "../../src/stages/stage.ts";
import { builtins } from "../../plugins/mod.ts";

const schema = pipelineJsonSchema(builtins);
const definitions = schema.$defs as Readonly<Record<string, JsonSchema>>;
const byJson = new Ajv2020({ strict: false }).compile(schema);

/**
 * The messages of checks that a JSON Schema cannot express. In addition, the JSON Schema counts the
 * length of texts in code points and the check of options in UTF-16 units, so texts here only have
 * characters for which both are the same.
 */
const refinements = [
  /^expected 6n \+ 4:/,
  /^expected an even number:/,
  /^expected pooling or attention$/,
  /^expected at least 1, or -1 for the remaining values$/,
  /^expected at most one -1$/,
  /^expected mean and std, or neither of them$/,
  /^expected values that differ$/,
  /^expected names that differ$/,
  /^a feature is listed more than once$/,
  /^`keep` requires `length`$/,
  /^`rows` requires `key`, the column that identifies rows$/,
  /^`image.resize` requires `shape`, such as \[32, 32, 3\]$/,
  /^expected either `length`, or `shape` and `pad`$/,
  /^expected 10kB or more$/,
  /^expected at least one feature$/,
  /^expected at least one label$/,
  /^expected fractions whose sum is less than 1/,
];

type Value = unknown;
type Issue = z.core.$ZodIssue;
type Entry = Readonly<Record<string, unknown>>;

const isMap = (value: unknown): value is Entry =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function* leaves(issues: readonly Issue[]): Iterable<Issue> {
  for (const issue of issues) {
    if (issue.code === "invalid_union" && issue.errors.length > 0) {
      for (const branch of issue.errors) yield* leaves(branch);
    } else yield issue;
  }
}

const hasPhases = (pipeline: unknown) => isMap(pipeline) && pipeline.phases !== undefined;

/** Returns the problems that the check of options finds in a pipeline. */
function issuesOf(pipeline: Value): Issue[] {
  const schema = hasPhases(pipeline) ? pipelineSchema : onePhaseSchema;
  const { success, data, error } = schema.safeParse(pipeline);
  if (!success) return error.issues;
  const { data: { all, train, test, validation, transforms } } = data;
  const entries: [StageKind, Entry][] = [
    ...[all, train, validation, test].flatMap((entry) => entry ? [["source", entry] as const] : []),
    ...transforms.map((entry) => ["transform", entry] as const),
    ["network", data.network],
    ...[data, ...data.phases ?? []].flatMap(({ losses = [], optimizer }) => [
      ...losses.map((entry) => ["loss", entry] as const),
      ...(optimizer ? [["optimizer", optimizer] as const] : []),
    ]),
    ...data.metrics.map((entry) => ["metric", entry] as const),
    ...data.outputs.map((entry) => ["output", entry] as const),
  ] as [StageKind, Entry][];
  return entries.flatMap(([kind, entry]) => entryIssues(kind, entry));
}

const wrong = (message: string): Issue[] => [
  { code: "invalid_type", expected: "custom", path: [], message, input: undefined } as Issue,
];

function entryIssues(kind: StageKind, value: unknown): Issue[] {
  const entry = typeof value === "string"
    ? { use: value }
    : kind === "network"
    ? asPair(value)
    : value;
  if (!isMap(entry)) return wrong("no entry");
  const common = z.looseObject(commonOptions[kind]).safeParse(entry);
  if (!common.success) return common.error.issues;
  const inner: [StageKind, unknown][] = [];
  if (kind === "loss" && entry.gradient !== undefined) inner.push(["gradient", entry.gradient]);
  if (kind === "loss" && isMap(entry.teacher) && entry.teacher.rows !== undefined) {
    inner.push(["source", entry.teacher.rows]);
  }
  if ((kind === "loss" || kind === "optimizer") && entry.schedule !== undefined) {
    inner.push(["schedule", entry.schedule]);
  }
  const rest = inner.flatMap(([kind, value]) => entryIssues(kind, value));
  if (typeof entry.use !== "string") return wrong("no name");
  if (isElsewhere(entry.use)) return rest;
  const stage = builtins.find((stage) => stage.kind === kind && stage.name === entry.use);
  if (!stage) return wrong("no such stage");
  // A metric with an option `by` of its own receives it.
  const isOwn = (key: string) => kind === "metric" && key === "by" && key in stage.options.shape;
  const keys = commonKeys(kind).filter((key) => !isOwn(key));
  const own = Object.fromEntries(Object.entries(entry).filter(([key]) => !keys.includes(key)));
  for (const [key, kind] of nestedStages(stage)) {
    if (!Object.hasOwn(own, key)) continue;
    const issues = entryIssues(kind, own[key]);
    rest.push(...issues);
    // The outer stage receives the created stage instead of the entry.
    if (issues.length === 0) own[key] = kind === "network" ? { netOf: () => {} } : () => 1;
  }
  return [...rest, ...(stage.options.safeParse(own).error?.issues ?? [])];
}

const anything = fc.constantFrom<unknown[]>(
  ...[null, true, false, -1, 0, 1, 0.5, 3, 64, 2 ** 32, 1e300, "", "x", "none", "light", "512MB"],
  ...["1kB", "light.logits", "./mine.ts", "a b", "é", [], {}, [1], [1, 1], [0], ["a", "a"]],
  ...[{ a: 1 }, { use: "x" }, { fill: 0 }, { use: "adam" }, { use: "./mine.ts" }, [[1]], [null]],
);

const plane = fc.oneof(fc.string({ minLength: 1, maxLength: 1 }), fc.constantFrom("é", "→", "中"));

/** Generates values that a JSON Schema allows. */
function valuesOf(schema: JsonSchema, depth = 0): fc.Arbitrary<unknown> {
  const { $ref, anyOf, type, enum: choices } = schema as {
    readonly $ref?: string;
    readonly anyOf?: readonly JsonSchema[];
    readonly type?: string | readonly string[];
    readonly enum?: readonly unknown[];
  };
  if ($ref) return valuesOf(definitions[$ref.slice("#/$defs/".length)]!, depth + 1);
  if ("const" in schema) return fc.constant(schema.const);
  if (choices) return fc.constantFrom(...choices);
  if (anyOf) {
    // Schedules can contain schedules.
    const some = depth > 2 ? anyOf.slice(0, 1) : anyOf;
    return fc.oneof(...some.map((one) => valuesOf(one, depth)));
  }
  if (Array.isArray(type)) return fc.oneof(...type.map((one) => valuesOf({ type: one }, depth)));
  switch (type) {
    case "null":
      return fc.constant(null);
    case "boolean":
      return fc.boolean();
    case "integer":
    case "number":
      return numbersOf(schema);
    case "string":
      return textsOf(schema);
    case "array":
      return listsOf(schema, depth);
    case "object":
      return mapsOf(schema, depth);
  }
  return anything;
}

function numbersOf(schema: JsonSchema): fc.Arbitrary<number> {
  const { type, minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema as {
    readonly [key: string]: number;
  } & JsonSchema;
  const whole = String(type) === "integer";
  const low = minimum ?? exclusiveMinimum ?? -100;
  const high = Math.min(maximum ?? exclusiveMaximum ?? low + 100, low + 100);
  const fits = (value: number) =>
    !(value <= exclusiveMinimum!) && !(value >= exclusiveMaximum!) && value >= low && value <= high;
  const numbers = whole
    ? fc.integer({ min: Math.ceil(low), max: Math.floor(high) })
    : fc.double({ min: low, max: high, noNaN: true });
  return numbers.map((value) => value === 0 ? 0 : value).filter(fits);
}

function textsOf(schema: JsonSchema): fc.Arbitrary<string> {
  const { pattern, minLength = 0, maxLength = 12 } = schema as {
    readonly pattern?: string;
    readonly minLength?: number;
    readonly maxLength?: number;
  };
  // Stages from files need an existing file. All other patterns are anchored.
  if (pattern?.startsWith("^(\\.{0,2}/")) return fc.constant("./mine.ts");
  if (pattern) return fc.stringMatching(new RegExp(pattern));
  return fc.string({ unit: plane, minLength, maxLength: Math.min(maxLength, 12) });
}

function listsOf(schema: JsonSchema, depth: number): fc.Arbitrary<unknown[]> {
  const { items, prefixItems, minItems = 0, maxItems = minItems + 3 } = schema as {
    readonly items?: JsonSchema;
    readonly prefixItems?: readonly JsonSchema[];
    readonly minItems?: number;
    readonly maxItems?: number;
  };
  if (prefixItems) return fc.tuple(...prefixItems.map((item) => valuesOf(item, depth)));
  return fc.array(items ? valuesOf(items, depth) : anything, {
    minLength: minItems,
    maxLength: maxItems,
  });
}

function mapsOf(schema: JsonSchema, depth: number): fc.Arbitrary<unknown> {
  const { properties, required = [], additionalProperties, propertyNames } = schema as {
    readonly properties?: Readonly<Record<string, JsonSchema>>;
    readonly required?: readonly string[];
    readonly additionalProperties?: JsonSchema | boolean;
    readonly propertyNames?: JsonSchema;
  };
  if (properties) {
    const parts = Object.fromEntries(
      Object.entries(properties).map(([name, part]) => [name, valuesOf(part, depth)]),
    );
    return fc.record(parts, { requiredKeys: [...required], noNullPrototype: true });
  }
  const names = propertyNames ? valuesOf(propertyNames) : fc.string({ maxLength: 6 });
  return fc.dictionary(
    (names as fc.Arbitrary<string>).filter((name) => name !== "__proto__"),
    isMap(additionalProperties) ? valuesOf(additionalProperties, depth) : anything,
    { maxKeys: 3, noNullPrototype: true },
  );
}

/** Returns the parts of a value that can replace other values. */
function* pathsIn(value: Value, path: readonly (string | number)[] = []): Iterable<typeof path> {
  yield path;
  if (Array.isArray(value)) {
    for (const [at, inner] of value.entries()) yield* pathsIn(inner, [...path, at]);
  } else if (isMap(value)) {
    for (const [key, inner] of Object.entries(value)) yield* pathsIn(inner, [...path, key]);
  }
}

interface Mutation {
  readonly where: number;
  readonly how: "replace" | "remove" | "add";
  readonly value: unknown;
}

function mutated(value: Value, { where, how, value: next }: Mutation): Value {
  const paths = [...pathsIn(value)].filter((path) => path.length > 0);
  const copy = structuredClone(value);
  const path = paths[where % paths.length]!;
  const holder = path.slice(0, -1).reduce<unknown>(
    (inner, key) => (inner as Record<string | number, unknown>)[key],
    copy,
  ) as Record<string | number, unknown>;
  const key = path.at(-1)!;
  if (how === "replace") holder[key] = next;
  else if (Array.isArray(holder)) {
    if (how === "remove") holder.splice(Number(key), 1);
    else holder.push(next);
  } else if (how === "remove") delete holder[key];
  else holder[`${key}x`] = next;
  return copy;
}

const mutation = fc.record({
  where: fc.nat(),
  how: fc.constantFrom("replace" as const, "remove" as const, "add" as const),
  value: anything,
});

/** Compares the JSON Schema and the check of options on a pipeline; returns whether it is valid. */
function agree(pipeline: Value): boolean {
  const issues = issuesOf(pipeline), valid = byJson(pipeline) as boolean;
  const text = () =>
    `${JSON.stringify(pipeline)}\n${JSON.stringify(issues.slice(0, 3))}\n${
      JSON.stringify(byJson.errors?.slice(0, 3))
    }`;
  if (issues.length === 0) assert(valid, `only the JSON Schema refuses ${text()}`);
  else if (valid) {
    const custom = [...leaves(issues)].filter(({ code }) => code === "custom");
    assert(custom.length > 0, `only the check of options refuses ${text()}`);
    const named = custom.some(({ message }) => refinements.some((one) => one.test(message)));
    assert(named, `a refinement that is not named refuses ${text()}`);
  }
  return valid;
}

/** Without phases, a pipeline needs losses, an optimizer and epochs, unlike in the schema. */
const pipelines = valuesOf(schema.else as JsonSchema).filter((pipeline) => {
  const { losses, optimizer, train } = pipeline as Record<string, unknown>;
  const epochs = (train as Record<string, unknown> | undefined)?.epochs;
  return hasPhases(pipeline) || [losses, optimizer, epochs].every((part) => part !== undefined);
});

Deno.test("the check of options accepts what the JSON Schema accepts, except for refinements", () => {
  let whole = 0;
  fc.assert(
    fc.property(pipelines, (pipeline) => {
      assert(agree(pipeline), JSON.stringify(pipeline));
      whole += issuesOf(pipeline).length === 0 ? 1 : 0;
    }),
    { numRuns: 300 },
  );
  assert(whole > 30, `${whole} of 300 are valid for both`);
});

Deno.test("the JSON Schema and the check of options reject the same values", () => {
  let refused = 0;
  fc.assert(
    fc.property(pipelines, fc.array(mutation, { minLength: 1, maxLength: 2 }), (good, changes) => {
      const pipeline = changes.reduce<Value>(mutated, good);
      refused += agree(pipeline) ? 0 : 1;
    }),
    { numRuns: 1500 },
  );
  assert(refused > 500, `${refused} of 1500 are refused`);
});
