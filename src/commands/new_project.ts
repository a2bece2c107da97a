import { basename, resolve } from "node:path";
import { UserError } from "../base/errors.ts";
import { hint } from "../base/hints.ts";
import { printable } from "../base/printable.ts";
import { quoted } from "../base/quoted.ts";
import { createRandom, deriveSeed } from "../base/random.ts";
import { onlyArgument } from "../launch/command_line/options.ts";
import { print } from "../base/terminal.ts";
import { wrap } from "../base/text_width.ts";
import { jsonText, type NewFiles, refuseFull, writeNew } from "./new_files.ts";
import { makePipeline } from "./new_pipeline.ts";
import { pathFrom, pipelineTask, registryRemarks, rocketConfig } from "./new_rocket.ts";
import { type FileTable, readTable } from "./new_table.ts";
import { stageFiles } from "./templates.ts";
import readme from "./templates/project/README.md" with { type: "text" };
import pipelineSchema from "../../schema/pipeline.json" with { type: "text" };
import sweepSchema from "../../schema/sweep.json" with { type: "text" };

/**
 * The options of the command `new project`: the data file, the column to predict, and a copy of
 * Rocket to use instead of the package.
 */
export interface ProjectOptions {
  /** A file with rows; a file with points by default. */
  readonly from: string | undefined;
  /** The column of this file to predict. */
  readonly label: string | undefined;
  /** A folder with a copy of Rocket's repository, to use instead of the registry. */
  readonly link: string | undefined;
}

/**
 * `deno task pipeline new project DIR`: writes a project that depends on the published package.
 *
 * @param args The folder.
 * @param options The data, and the copy of Rocket to use.
 * @returns The exit code.
 */
export async function newProject(
  args: readonly string[],
  { from, label, link }: ProjectOptions,
): Promise<number> {
  const folder = onlyArgument(args, "a folder for the project, such as churn");
  refuseFull(folder);
  if (from === undefined && label !== undefined) {
    throw new UserError("--label works only with --from: it names a column of that file", {
      hint: hint("new/label-alone", "add --from FILE, or remove --label", [
        { edit: "the command" },
        { args: { remove: ["--label", label, `--label=${label}`] } },
      ]),
      exitCode: 2,
    });
  }
  const { rocket, config } = await rocketConfig(folder, link);
  const name = nameOf(folder);
  const { data, pipeline, remarks, rows } = await pipelineOf(folder, name, from, label);
  const { stage, test } = stageFiles("loss", {
    stem: "absolute_hint",
    name: "absolute-hint",
    variable: "absoluteHint",
  });
  await writeNew(folder, {
    "deno.json": jsonText({
      ...config,
      tasks: { pipeline: pipelineTask(rocket), test: "deno test -A" },
      exclude: ["runs/", "schema/"],
    }),
    "pipeline.yaml": pipeline,
    ...data,
    "plugins/absolute_hint.ts": stage,
    "plugins/absolute_hint_test.ts": test,
    "README.md": readme.replaceAll("NAME", () => name).replaceAll(
      "ROWS",
      () => printable(quoted(rows)),
    ),
    "schema/pipeline.json": pipelineSchema,
    "schema/sweep.json": sweepSchema,
    ".gitignore": "runs/\n",
    ".vscode/settings.json": jsonText({
      "deno.enable": true,
      "yaml.schemas": {
        "./schema/pipeline.json": "pipeline*.yaml",
        "./schema/sweep.json": "sweep*.yaml",
      },
    }),
    ".vscode/extensions.json": jsonText({
      recommendations: ["denoland.vscode-deno", "redhat.vscode-yaml"],
    }),
  });
  print(
    ...[...remarks, ...registryRemarks(link)].flatMap((remark) => ["", ...wrap(`note: ${remark}`)]),
    "",
    "next:",
    ...(resolve(folder) === Deno.cwd() ? [] : [`  cd ${quoted(folder)}`]),
    "  deno task pipeline check pipeline.yaml",
    "  deno task pipeline pipeline.yaml --out runs/first",
    `  deno task pipeline predict runs/first ${quoted(rows)} --out predictions.csv`,
    "  deno task test",
  );
  return 0;
}

/** The pipeline of a project, and the rows that it reads. */
interface ProjectPipeline {
  readonly pipeline: string;
  readonly remarks: readonly string[];
  /** The path of the rows, relative to the project. */
  readonly rows: string;
  /** The file with rows, if it is part of the project. */
  readonly data: NewFiles;
}

async function pipelineOf(
  folder: string,
  name: string,
  from: string | undefined,
  label: string | undefined,
): Promise<ProjectPipeline> {
  if (from === undefined) {
    const path = "rows.csv";
    const { text, remarks } = makePipeline({ name, path, table: sampleTable, label: "group" });
    return { pipeline: text, remarks, rows: path, data: { [path]: sampleRows() } };
  }
  const table = await readTable(from), path = pathFrom(folder, from);
  if (label === undefined) {
    const names = table.columns.map((column) => quoted(column.name));
    throw new UserError("--from needs --label: the column that the nets predict", {
      hint: hint("new/label-missing", `add --label with one of ${names.join(", ")}`, {
        args: { add: ["--label", table.columns.at(-1)!.name] },
      }),
      exitCode: 2,
    });
  }
  const { text, remarks } = makePipeline({ name, path, table, label });
  return { pipeline: text, remarks, rows: path, data: {} };
}

const sampleColumn = {
  family: "numbers",
  nulls: 0,
  distinct: 600,
  hasSingle: false,
  isWhole: false,
  largest: 5,
} as const;

/** The columns of {@linkcode sampleRows}. */
const sampleTable: FileTable = {
  use: "csv",
  format: {},
  nullValues: undefined,
  rows: 600,
  isWhole: true,
  columns: [
    { ...sampleColumn, name: "width" },
    { ...sampleColumn, name: "height" },
    { ...sampleColumn, name: "color", family: "strings", distinct: 3 },
    { ...sampleColumn, name: "group", family: "strings", distinct: 3 },
  ],
};

/** Makes a CSV file with points around three centers, whose colors are not quite reliable. */
function sampleRows(): string {
  const random = createRandom(deriveSeed(0, "rows of a new project"));
  const centers = [["a", 0, 2], ["b", -2, -1], ["c", 2, -1]] as const;
  const colors = ["red", "green", "blue"];
  // The sum of uniform numbers is approximately normal.
  const noise = () => 3 * (random.uniform() + random.uniform() + random.uniform() - 1.5);
  const lines = Array.from({ length: sampleTable.rows }, (_, row) => {
    const [group, x, y] = centers[row % centers.length]!;
    const color = colors[random.uniform() < 0.8 ? row % colors.length : random.integer(0, 2)];
    return `${(x + noise()).toFixed(3)},${(y + noise()).toFixed(3)},${color},${group}\n`;
  });
  return `width,height,color,group\n${lines.join("")}`;
}

/** The name of a project's pipeline: the name of its folder in kebab case. */
function nameOf(folder: string): string {
  const words = basename(resolve(folder)).normalize("NFKD").replaceAll(/\p{M}/gu, "").toLowerCase()
    .match(/[a-z0-9]+/g);
  return words?.join("-") ?? "project";
}
