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
import { basename, dirname, join } from "node:path";
import { arrowBytes } from "../base/files/arrow_writer.ts";
import { quoted } from "../base/quoted.ts";
import { UserError } from "../base/errors.ts";
import { hint } from "../base/hints.ts";
import { createRandom, deriveSeed } from "../base/random.ts";
import { stageKind } from "./list.ts";
import { onlyArgument } from "../launch/command_line/options.ts";
import { writeNew } from "./new_files.ts";
import { stageFiles } from "./templates.ts";
import { print } from "../base/terminal.ts";

/**
 * `deno task pipeline new KIND FILE.ts`: writes a working stage, its test, a pipeline that uses it,
 * and a data file with points for the pipeline.
 *
 * @param word The kind, as the user wrote it.
 * @param args The file.
 * @returns The exit code.
 */
export async function newStage(word: string | undefined, args: readonly string[]): Promise<number> {
  if (word === undefined) {
    throw new UserError(
      "expected a kind of stage and a file name, or the word project or package",
      {
        hint: hint("new/example", `run, for example: ${commandName()} new loss my_hint.ts`, {
          args: { add: ["loss", "my_hint.ts"] },
        }),
        exitCode: 2,
      },
    );
  }
  const kind = stageKind(word, ["project", "package"]);
  const file = onlyArgument(args, "a file for the stage, such as my_stage.ts");
  const stem = stemOf(file), folder = dirname(file);
  const { stage, test, pipeline } = stageFiles(kind, {
    stem,
    name: kebab(stem),
    variable: camel(stem),
  });
  const points = `${stem}.arrow`;
  await writeNew(folder, {
    [`${stem}.ts`]: stage,
    [`${stem}_test.ts`]: test,
    [`${stem}.yaml`]: pipeline,
    ...(pipeline.includes(points) && { [points]: clusters() }),
  });
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

/**
 * Turns a file name such as `my_hint` or `my-hint` into a JavaScript name such as `myHint`. A
 * single word gets a suffix, since it may be a reserved word.
 *
 * @param stem The words.
 */
export function camel(stem: string): string {
  const [first, ...rest] = words(stem) as [string, ...string[]];
  const name = [first, ...rest.map((word) => word[0]!.toUpperCase() + word.slice(1))].join("");
  return rest.length > 0 ? name : `${name}Stage`;
}

/** Makes an Arrow file with points around three centers in a plane. */
export function clusters(rows = 300): Uint8Array {
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
