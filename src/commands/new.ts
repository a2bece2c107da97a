import { commandName, testCommand } from "../base/command_name.ts";
import {
  Field,
  FixedSizeList,
  Float32,
  Int32,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Table,
} from "apache-arrow";
import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { arrowBytes } from "../base/files/arrow_writer.ts";
import { makeFolder } from "../base/files/make_folder.ts";
import { writeFileWhole } from "../base/files/write.ts";
import { quoted } from "../base/quoted.ts";
import { UserError } from "../base/errors.ts";
import { hint } from "../base/hints.ts";
import { createRandom, deriveSeed } from "../base/random.ts";
import { stageKind } from "./list.ts";
import { onlyArgument } from "../launch/command_line/options.ts";
import { stageFiles } from "./templates.ts";
import { print } from "../base/terminal.ts";

/**
 * `deno task pipeline new KIND FILE.ts`: writes a working stage, its test, a pipeline that uses it,
 * and a data file with points for the pipeline.
 *
 * @param args The kind and the file.
 * @returns The exit code.
 */
export async function create([word, ...rest]: readonly string[]): Promise<number> {
  if (word === undefined) {
    throw new UserError("expected a kind of stage and a file", {
      hint: hint("new/example", `for example: ${commandName()} new loss my_hint.ts`, {
        args: { add: ["loss", "my_hint.ts"] },
      }),
      exitCode: 2,
    });
  }
  const kind = stageKind(word);
  const file = onlyArgument(rest, "a file for the stage, such as my_stage.ts");
  const stem = stemOf(file), folder = dirname(file);
  const { stage, test, pipeline } = stageFiles(kind, {
    stem,
    name: kebab(stem),
    variable: camel(stem),
  });
  const points = `${stem}.arrow`;
  const encode = (text: string) => new TextEncoder().encode(text);
  const files: [string, Uint8Array][] = [
    [`${stem}.ts`, encode(stage)],
    [`${stem}_test.ts`, encode(test)],
    [`${stem}.yaml`, encode(pipeline)],
    ...(pipeline.includes(points) ? [[points, clusters()] as [string, Uint8Array]] : []),
  ];
  await writeNew(folder, files);
  print(files.map(([name]) => `created ${join(folder, name)}`));
  print(
    "",
    `run it:  ${commandName()} ${quoted(join(folder, `${stem}.yaml`))}`,
    `test it: ${testCommand(join(folder, `${stem}_test.ts`))}`,
  );
  return 0;
}

function stemOf(file: string): string {
  const stem = /^([a-z][a-z0-9]*(?:[_-][a-z0-9]+)*)\.ts$/i.exec(basename(file))?.[1];
  if (stem && !/[_-]test$/.test(stem)) return stem;
  throw new UserError(`${JSON.stringify(basename(file))} cannot be used as the file of a stage`, {
    hint: hint("new/name", "use a name in snake case that ends in .ts, such as my_stage.ts", {
      args: { replace: { [file]: "my_stage.ts" } },
    }),
    exitCode: 2,
  });
}

const words = (stem: string) =>
  stem.replace(/([a-z0-9])([A-Z])/g, "$1_$2").toLowerCase().split(/[_-]/);

const kebab = (stem: string) => words(stem).join("-");

/** Turns `my_hint` into `myHint`. A single word gets a suffix, since it may be a reserved word. */
function camel(stem: string): string {
  const [first, ...rest] = words(stem) as [string, ...string[]];
  const name = [first, ...rest.map((word) => word[0]!.toUpperCase() + word.slice(1))].join("");
  return rest.length > 0 ? name : `${name}Stage`;
}

/** Writes all files or none, and overwrites no existing file. */
async function writeNew(folder: string, files: readonly [string, Uint8Array][]): Promise<void> {
  for (const [name] of files) {
    const path = join(folder, name);
    if (existsSync(path)) {
      throw new UserError(`${path} already exists`, {
        hint: hint("new/there", "choose another name, or remove the file", { edit: "the name" }),
        exitCode: 2,
      });
    }
  }
  await makeFolder(folder);
  for (const [name, bytes] of files) await writeFileWhole(join(folder, name), bytes);
}

/** Makes an Arrow file with points around three centers in a plane. */
function clusters(rows = 300): Uint8Array {
  const random = createRandom(deriveSeed(0, "clusters"));
  const centers = [[0, 2], [-2, -1], [2, -1]] as const;
  const cluster = Int32Array.from({ length: rows }, (_, row) => row % centers.length);
  const point = new Float32Array(rows * 2);
  // The sum of uniform numbers is approximately normal.
  const noise = () => random.uniform() + random.uniform() + random.uniform() - 1.5;
  cluster.forEach((index, row) => {
    point[2 * row] = centers[index]![0] + noise();
    point[2 * row + 1] = centers[index]![1] + noise();
  });
  const pairs = new FixedSizeList(2, new Field("item", new Float32(), false));
  const schema = new Schema([
    new Field("point", pairs, false),
    new Field("cluster", new Int32(), false),
  ]);
  const child = makeData({ type: new Float32(), data: point });
  const children = [
    makeData({ type: pairs, length: rows, nullCount: 0, child }),
    makeData({ type: new Int32(), data: cluster }),
  ];
  const type = new Struct(schema.fields);
  const data = makeData({ type, length: rows, nullCount: 0, children });
  return arrowBytes(new Table(schema, [new RecordBatch(schema, data)]));
}
