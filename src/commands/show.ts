import { z } from "zod";
import { builtins } from "../../plugins/mod.ts";
import { allowedCode } from "../pipeline/allowed_code.ts";
import { UserError } from "../base/errors.ts";
import { hint, nameHint } from "../base/hints.ts";
import { createRegistry, isElsewhere, isUrl } from "../pipeline/registry.ts";
import { commonKeys } from "../pipeline/file_schema.ts";
import type { AnyStage } from "../stages/stage.ts";
import { stageKinds } from "../stages/stage.ts";
import { type CommandOptions, onlyArgument } from "../launch/command_line/options.ts";
import { table } from "../base/text_table.ts";
import { print } from "../base/terminal.ts";

/**
 * `deno task pipeline show STAGE`: prints a stage's options with types and defaults, and an
 * example.
 *
 * @param args The stage: a built-in name, a file, or a package.
 * @param options The code that may be loaded.
 * @returns The exit code.
 */
export async function show(
  args: readonly string[],
  { allowPlugins }: Pick<CommandOptions, "allowPlugins">,
): Promise<number> {
  const stages = await findStages(onlyArgument(args, "a stage"), allowPlugins);
  print(...stages.flatMap((stage, index) => [...(index > 0 ? [""] : []), describeStage(stage)]));
  return 0;
}

/** Finds all built-in stages with a name, or the stage of a file. */
async function findStages(use: string, allowPlugins: readonly string[]): Promise<AnyStage[]> {
  const named = builtins.filter(({ name }) => name === use);
  if (named.length > 0) return named;
  if (!isElsewhere(use)) {
    throw new UserError(`there is no stage called ${JSON.stringify(use)}`, {
      hint: nameHint("command/show", {
        written: use,
        names: builtins.map(({ name }) => name),
        change: (name) => ({ args: { replace: { [use]: name } } }),
      }) ?? hint("command/show-list", "deno task pipeline list shows all stages", {
        args: { replace: { show: "list" }, remove: [use] },
      }),
      exitCode: 2,
    });
  }
  const registry = createRegistry(builtins, await allowedCode(Deno.cwd(), allowPlugins));
  const context = { folder: Deno.cwd(), place: { file: use } };
  const path = isUrl(use) || use.startsWith(".") || use.startsWith("/") ? use : `./${use}`;
  // The kind is not known before the file is loaded, so each kind is tried.
  let failure: unknown;
  for (const kind of stageKinds) {
    try {
      return [await registry.find(kind, path, context)];
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      failure ??= error;
    }
  }
  throw failure;
}

/** A property of a JSON Schema, as far as `show` reads it. */
interface Property {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Property[];
  readonly items?: Property;
  readonly properties?: Readonly<Record<string, Property>>;
  readonly default?: unknown;
  readonly description?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly stage?: string;
}

/**
 * Formats the description of a stage that `show` prints.
 *
 * @param stage The stage.
 */
export function describeStage(stage: AnyStage): string[] {
  const schema = z.toJSONSchema(stage.options, { io: "input", unrepresentable: "any" });
  const { properties = {}, required = [] } = schema as unknown as {
    properties?: Record<string, Property>;
    required?: string[];
  };
  const rows = Object.entries(properties).map(([name, property]) => [
    name,
    typeText(property),
    required.includes(name)
      ? "required"
      : property.default === undefined
      ? "–"
      : JSON.stringify(property.default),
    (property.description ?? "").replaceAll(/\s*\n\s*/g, " "),
  ]);
  const common = commonKeys(stage.kind).filter((key) => key !== "use");
  return [
    `${stage.name} (${stage.kind}): ${stage.summary}`,
    "",
    ...(rows.length > 0
      ? table(["option", "type", "default", ""], rows, ["left", "left", "left", "left"])
      : ["no options"]),
    ...(common.length > 0 ? ["", `options of every ${stage.kind}: ${common.join(", ")}`] : []),
    ...(stage.example
      ? ["", "example:", ...stage.example.split("\n").map((line) => `  ${line}`)]
      : []),
  ];
}

function typeText(property: Property): string {
  const { type, items, properties } = property;
  if (property.stage) return `a ${property.stage} stage`;
  if (property.enum) return property.enum.join(" | ");
  if (property.const !== undefined) return JSON.stringify(property.const);
  if (property.anyOf) return property.anyOf.map(typeText).join(" | ");
  if (type === "array") return `list of ${items ? typeText(items) : "anything"}`;
  if (properties) {
    const parts = Object.entries(properties).map(([name, part]) => `${name}: ${typeText(part)}`);
    return `{ ${parts.join(", ")} }`;
  }
  return [type ?? "anything", range(property)].filter(Boolean).join(" ");
}

/** Formats the range of a number, without the bounds of safe integers that zod always adds. */
function range(property: Property): string {
  const safe = Number.MAX_SAFE_INTEGER;
  const least = property.minimum === -safe ? undefined : property.minimum;
  const most = property.maximum === safe ? undefined : property.maximum;
  return [
    property.exclusiveMinimum !== undefined && `> ${property.exclusiveMinimum}`,
    least !== undefined && `≥ ${least}`,
    property.exclusiveMaximum !== undefined && `< ${property.exclusiveMaximum}`,
    most !== undefined && `≤ ${most}`,
  ].filter(Boolean).join(", ");
}
