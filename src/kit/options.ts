import { parse } from "yaml";
import { z } from "zod";
import { commonKeys, commonOptions } from "../pipeline/file_schema.ts";
import { hasOwnBy } from "../pipeline/plan/stage_options.ts";
import type { AnyStage, StageKind } from "../stages/stage.ts";
import type { Subject } from "./subject.ts";

type Values = Readonly<Record<string, unknown>>;

/**
 * Checks a stage's options: the given options and all defaults must be valid, errors must name
 * missing and unknown options, the schema must convert to JSON Schema, and the example must be a
 * valid entry.
 *
 * @param subject The stage.
 * @returns Whether the options are valid, so that the stage can be created.
 */
export function checkOptions({ stage, checks, findings }: Subject): boolean {
  const given = checks.options ?? {};
  const result = stage.options.safeParse(given);
  if (!result.success) {
    findings.add(
      "accepts its options (pass those without a default as " +
        "checkStage(stage, { options: { … } }))",
      JSON.stringify(given) ?? "no options",
      issues(result.error),
    );
  }
  checkUnknown();
  checkRequired();
  checkDefaults();
  checkJsonSchema();
  if (stage.example !== undefined) checkExample(stage.example);
  return result.success;

  function checkUnknown(): void {
    const key = "no-such-option";
    const { error } = stage.options.safeParse({ ...given, [key]: 1 });
    if (error?.issues.some((issue) => issue.code === "unrecognized_keys")) return;
    findings.add("rejects unknown options", `the option ${key}`, "it was accepted");
  }

  function checkRequired(): void {
    if (!result.success) return;
    for (const key of Object.keys(given)) {
      const { [key]: _, ...rest } = given;
      const { error } = stage.options.safeParse(rest);
      if (!error || error.issues.some(({ path, message }) => names(path, message, key))) continue;
      findings.add(
        "names a missing option in its error",
        `options without ${key}`,
        `the error is about something else: ${issues(error)}`,
      );
    }
  }

  function checkDefaults(): void {
    for (const [key, schema] of Object.entries(stage.options.shape)) {
      const { type, innerType, defaultValue } = (schema as z.ZodType).def as {
        type: string;
        innerType?: z.ZodType;
        defaultValue?: unknown;
      };
      // A default replaces the output of a transformed schema, so it need not be a valid input.
      if (type !== "default" || !innerType || innerType.def.type === "pipe") continue;
      const { error } = innerType.safeParse(defaultValue);
      if (!error) continue;
      findings.add(
        "has defaults that its own options accept",
        `the default ${key}: ${JSON.stringify(defaultValue)}`,
        issues(error),
      );
    }
  }

  function checkJsonSchema(): void {
    try {
      z.toJSONSchema(stage.options, { io: "input", unrepresentable: "any" });
    } catch (error) {
      findings.add("has options that can be described to editors", "a JSON Schema", String(error));
    }
  }

  function checkExample(example: string): void {
    const asked = `its example ${JSON.stringify(example)}`;
    const promise = "has an example that is an entry of a pipeline file";
    let value: unknown;
    try {
      value = parse(example);
    } catch (error) {
      findings.add(promise, asked, `it is not YAML: ${(error as Error).message}`);
      return;
    }
    const entry = typeof value === "string" ? { use: value } : value;
    if (typeof entry !== "object" || entry === null || !("use" in entry)) {
      findings.add(promise, asked, "it has no `use:`");
      return;
    }
    if (entry.use !== stage.name && !/[./:]/.test(String(entry.use))) {
      findings.add(promise, asked, `it says \`use: ${entry.use}\` and the stage is ${stage.name}`);
    }
    const common = commonKeys(stage.kind).filter((key) => key !== "by" || !hasOwnBy(stage));
    const own = Object.entries(entry).filter(([key]) => !common.includes(key));
    for (
      const { error } of [
        stage.options.safeParse({ ...Object.fromEntries(own), ...nested(stage, entry) }),
        z.looseObject(commonOptions[stage.kind]).partial().safeParse(entry),
      ]
    ) {
      if (error) findings.add(promise, asked, issues(error));
    }
  }
}

/** Checks whether a validation issue is about an option. */
function names(path: readonly PropertyKey[], message: string, key: string): boolean {
  return path[0] === key || message.includes(key);
}

/**
 * Replaces stages among an entry's options by placeholders, because only a pipeline can resolve
 * them.
 */
function nested(stage: AnyStage, entry: Values): Values {
  return Object.fromEntries(
    nestedStages(stage).filter(([key]) => key in entry).map(([key, kind]) => [
      key,
      kind === "network" ? { netOf: () => {} } : () => 1,
    ]),
  );
}

function issues(error: z.ZodError): string {
  return error.issues.map(({ path, message }) =>
    path.length > 0 ? `${path.join(".")}: ${message}` : message
  ).join("; ");
}

function nestedStages(stage: AnyStage): [string, StageKind][] {
  return Object.entries(stage.options.shape).flatMap(([key, schema]) => {
    const kind = nestedKind(schema as z.ZodType);
    return kind ? [[key, kind] as [string, StageKind]] : [];
  });
}

function nestedKind(schema: z.ZodType): StageKind | undefined {
  const kind = schema.meta()?.stage as StageKind | undefined;
  const inner = (schema.def as { innerType?: z.ZodType }).innerType;
  return kind ?? (inner && nestedKind(inner));
}
