import { isAbsolute } from "node:path";
import { commandName } from "../base/command_name.ts";
import { builtins } from "../../plugins/mod.ts";
import { allowedCode } from "../pipeline/allowed_code.ts";
import { UserError } from "../base/errors.ts";
import { hint, nameHint } from "../base/hints.ts";
import { createRegistry, isElsewhere, isUrl } from "../pipeline/registry.ts";
import {
  commonReference,
  type OptionRow,
  type SectionName,
  sectionNames,
  sectionReference,
  stageReference,
  sweepReference,
} from "../pipeline/reference.ts";
import type { AnyStage, StageKind } from "../stages/stage.ts";
import { stageKinds } from "../stages/stage.ts";
import { type CommandOptions, onlyArgument } from "../launch/command_line/options.ts";
import { table } from "../base/text_table.ts";
import { WIDTH, wrap } from "../base/text_width.ts";
import { print } from "../base/terminal.ts";
import { kindOfWord } from "./list.ts";

/**
 * `deno task pipeline show STAGE`: prints the options of a stage, of a kind of stages, or of a
 * section of a pipeline file, with their types and defaults, and an example.
 *
 * @param args The name of a stage, a file or package with a stage, a kind, or a section.
 * @param options The code that may be loaded.
 * @returns The exit code.
 */
export async function show(
  args: readonly string[],
  { allowPlugins }: Pick<CommandOptions, "allowPlugins">,
): Promise<number> {
  const word = onlyArgument(args, "a stage, or a section of a pipeline file such as data");
  const texts = descriptionsOf(word) ?? [describeStage(await loadStage(word, allowPlugins))];
  print(...texts.flatMap((text, index) => [...(index > 0 ? [""] : []), text]));
  return 0;
}

/** The words that `show` knows besides the names of stages. */
const otherNames = [...sectionNames, "sweep", ...stageKinds];

/**
 * Describes what a word names: built-in stages, a section of a pipeline file, a kind of stages, or
 * sweep files.
 *
 * @param word The word, such as `mse-hint`, `train` or `data.label`.
 * @returns The descriptions, each as lines; undefined if the word names a file or a package.
 * @throws {UserError} If there is nothing with this name.
 */
export function descriptionsOf(word: string): string[][] | undefined {
  const stages = builtins.filter(({ name }) => name === word).map(describeStage);
  const [section, ...path] = word.split(".");
  if (sectionNames.some((name) => name === section) && !isElsewhere(word)) {
    return [...stages, describeSection(section as SectionName, path.join("."))];
  }
  if (word === "sweep") return [describeSweep()];
  const kind = kindOfWord(word);
  if (kind) return [...stages, describeKind(kind)];
  if (stages.length > 0) return stages;
  if (isElsewhere(word)) return undefined;
  throw new UserError(`there is no stage or section called ${JSON.stringify(word)}`, {
    hint: nameHint("command/show", {
      written: word,
      names: [...builtins.map(({ name }) => name), ...otherNames],
      change: (name) => ({ args: { replace: { [word]: name } } }),
    }) ?? hint("command/show-list", `run ${commandName()} list to see all stages`, {
      args: { replace: { show: "list" }, remove: [word] },
    }),
    exitCode: 2,
  });
}

/** Loads the stage of a file or a package. */
async function loadStage(use: string, allowPlugins: readonly string[]): Promise<AnyStage> {
  const registry = createRegistry(builtins, await allowedCode(Deno.cwd(), allowPlugins));
  const context = { folder: Deno.cwd(), place: { file: use } };
  const path = isUrl(use) || use.startsWith(".") || isAbsolute(use) ? use : `./${use}`;
  // The kind is not known before the file is loaded, so each kind is tried.
  let failure: unknown;
  for (const kind of stageKinds) {
    try {
      return await registry.find(kind, path, context);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      failure ??= error;
    }
  }
  throw failure;
}

/**
 * Formats the description of a stage for the terminal.
 *
 * @param stage The stage.
 * @returns The lines, which fit the terminal.
 */
export function describeStage(stage: AnyStage): string[] {
  const { kind, name, summary, options, common, example } = stageReference(stage);
  const outer = common.filter(({ path }) => !path.includes("."));
  return [
    ...wrap(`${name} (${kind}): ${summary}`),
    ...(options.length > 0 ? ["", "options:", ...optionLines(options)] : ["", "no options"]),
    ...(outer.length > 0 ? ["", `options of every ${kind} stage:`, ...optionLines(outer)] : []),
    ...(outer.length < common.length
      ? ["", `\`show ${kind}\` has the options within ${mapsIn(common).join(" and ")}`]
      : []),
    ...exampleLines(example),
  ];
}

const mapsIn = (rows: readonly OptionRow[]) => [
  ...new Set(rows.filter(({ path }) => path.includes(".")).map(({ path }) => path.split(".")[0]!)),
];

/**
 * Formats the description of a section of a pipeline file.
 *
 * @param section The section's name.
 * @param within The path of an option in it, such as `label`; empty for the whole section.
 * @throws {UserError} If the section has no such option.
 */
export function describeSection(section: SectionName, within: string = ""): string[] {
  const { description, type, required, default: preset, options, kind, example } = sectionReference(
    section,
  );
  const head = { path: section, type, required, default: preset, description };
  if (within !== "") return describeWithin(section, within, options);
  const title = kind
    ? `options of each ${kind} stage, besides its own:`
    : type.startsWith("list")
    ? "options of each item of the list:"
    : "options:";
  return [
    ...wrap(`${section}, a section of a pipeline file: ${description}`),
    "",
    ...wrap(`type: ${typeText(head)}`),
    ...(options.length > 0 ? ["", title, ...optionLines(options)] : []),
    ...(kind ? ["", ...stagesOf(kind)] : []),
    ...exampleLines(example),
  ];
}

function describeWithin(
  section: string,
  within: string,
  options: readonly OptionRow[],
): string[] {
  const rows = options.filter(({ path }) => path === within || path.startsWith(`${within}.`));
  if (rows.length > 0) {
    return [
      `${section}.${within}, in a pipeline file:`,
      "",
      ...optionLines(rows.map((row) => ({ ...row, path: `${section}.${row.path}` }))),
    ];
  }
  const written = `${section}.${within}`;
  const full = (name: string) => `${section}.${name}`;
  throw new UserError(`${section} has no option ${JSON.stringify(within)}`, {
    hint: nameHint("command/show-within", {
      written: within,
      names: options.map(({ path }) => path),
      shown: full,
      change: (name) => ({ args: { replace: { [written]: full(name) } } }),
    }) ?? hint("command/show-section", `run \`show ${section}\` to see its options`, {
      args: { replace: { [written]: section } },
    }),
    exitCode: 2,
  });
}

function describeKind(kind: StageKind): string[] {
  const options = commonReference(kind);
  return [
    `the stages of the kind ${kind}`,
    ...(options.length > 0
      ? ["", "options of each, besides its own:", ...optionLines(options)]
      : []),
    "",
    ...stagesOf(kind),
  ];
}

const stagesOf = (kind: StageKind) =>
  table(
    [`${kind} stage`, "what it does"],
    builtins.filter((stage) => stage.kind === kind).map(({ name, summary }) => [name, summary]),
    ["left", "left"],
  );

function describeSweep(): string[] {
  return [
    "a sweep file: runs a pipeline with several settings and seeds",
    "",
    "options:",
    ...optionLines(sweepReference().filter(({ path }) => path !== "$schema")),
  ];
}

/** Formats options: a line with the name, the type and the default, and the description below it. */
function optionLines(rows: readonly OptionRow[]): string[] {
  return rows.flatMap((row) => [
    ...wrap(`${row.path}: ${typeText(row)}`, WIDTH, { first: "  ", next: "      " }),
    ...(row.description === ""
      ? []
      : wrap(row.description, WIDTH, { first: "      ", next: "      " })),
  ]);
}

const typeText = ({ type, required, default: preset }: Omit<OptionRow, "path" | "description">) =>
  `${type}${required ? ", required" : preset === undefined ? "" : `, default ${preset}`}`;

const exampleLines = (example: string | undefined) =>
  example === undefined ? [] : ["", "example:", ...example.split("\n").map((line) => `  ${line}`)];
