import type { RecordBatch, Schema } from "apache-arrow";
import { ArrowFileWriter } from "../base/files/arrow_writer.ts";
import { withDraftFolder } from "../base/files/draft_folder.ts";
import { unwritable } from "../base/files/unwritable.ts";
import { writeChunks } from "../base/files/write_chunks.ts";
import { UserError } from "../base/errors.ts";
import { hint, nameHint } from "../base/hints.ts";
import { formatCount } from "../base/text_table.ts";
import { say } from "../base/terminal.ts";
import type { CommandOptions } from "../launch/command_line/options.ts";
import { countNulls } from "../input/layout.ts";
import { csvHeader, csvLines, refuseNested } from "../model/csv_rows.ts";
import { writeParquet } from "../model/parquet_file.ts";
import { openRows, refuseInput } from "../model/input_rows.ts";
import { openModel } from "../model/load_model.ts";
import { ScoreColumns } from "../model/scores.ts";

/** The counts that the command prints at the end. */
interface Counts {
  rows: number;
  unknown: number;
  nulls: number;
  unanswered: number;
}

/**
 * `deno task pipeline predict RUN INPUT --out FILE`: writes the predictions of a trained net for
 * each row of files.
 *
 * @param args The run folder or export folder, and the files.
 * @param options The command line's options.
 * @returns The exit code.
 */
export async function predict(args: readonly string[], options: CommandOptions): Promise<number> {
  const [folder, input] = twoArguments(args);
  const { out, net, checkpoint, modelEngine: engine, batch, quiet } = options;
  const { allowPlugins, allowEnv } = options;
  const write = writerOf(out);
  await refuseInput(out!, input);
  const { loaded, model } = await openModel(folder, {
    ...(net && { net }),
    ...(checkpoint !== undefined && { checkpoint }),
    ...(engine && { engine }),
    ...(batch !== undefined && { batch }),
    allowPlugins,
    manyRows: true,
  });
  await using _ = loaded;
  const all = options.keep === "all";
  const names = all || options.keep === undefined ? [] : options.keep.split(",");
  const rows = await openRows(input, model, all ? undefined : names, { allowPlugins, allowEnv });
  try {
    const there = rows.schema.fields.map(({ name }) => name);
    for (const name of names) if (!there.includes(name)) refuseKeep(name, there);
    const wanted = new Set(names);
    const columns = new ScoreColumns(
      rows.schema,
      { kind: loaded.kind, classes: loaded.classes, units: model.network.units },
      {
        keep: there.filter((name) => all || wanted.has(name)),
        probabilities: options.probabilities,
        logits: options.logits,
      },
    );
    const counts: Counts = { rows: 0, unknown: 0, nulls: 0, unanswered: 0 };
    const read = loaded.columns.map((column) => there.indexOf(column)).filter((at) => at >= 0);
    const started = performance.now();
    const scored = async function* () {
      for await (const { part, predictions } of loaded.stream(rows.recordBatches())) {
        counts.rows += predictions.rows;
        counts.unknown += predictions.unknown;
        for (const index of read) counts.nulls += countNulls(part.data.children[index]!);
        const { answered } = predictions;
        if (answered) counts.unanswered += answered.filter((one) => one === 0).length;
        yield columns.batch(part, predictions);
      }
    };
    await write(columns.schema, scored());
    if (!quiet) say(lastLine(out!, counts, (performance.now() - started) / 1000));
    return 0;
  } finally {
    await rows.close();
  }
}

/** Writes rows to a file. The file appears under its name only when it is complete. */
export type Write = (schema: Schema, batches: AsyncIterable<RecordBatch>) => Promise<void>;

/**
 * Chooses the function that writes a file by the extension of its name.
 *
 * @param out The file.
 * @throws {UserError} If no file is given, or if its name does not have the extension of a
 *   supported format.
 */
export function writerOf(out: string | undefined): Write {
  if (out !== undefined && /\.arrow$/i.test(out)) {
    return (schema, batches) => withDraftFolder(out, () => writeArrow(out, schema, batches));
  }
  if (out !== undefined && /\.parquet$/i.test(out)) {
    return (schema, batches) => withDraftFolder(out, () => writeParquet(out, schema, batches));
  }
  if (out !== undefined && /\.csv$/i.test(out)) {
    return (schema, batches) => withDraftFolder(out, () => writeCsv(out, schema, batches));
  }
  throw new UserError(
    out === undefined
      ? "predict needs --out, the file for the predictions"
      : `predictions cannot be written to ${out}: the format is unknown`,
    {
      hint: out === undefined
        ? hint("predict/out", "add --out scores.arrow or --out scores.csv", [
          { args: { add: ["--out", "scores.arrow"] } },
          { args: { add: ["--out", "scores.csv"] } },
        ])
        : hint("predict/format", "name a file that ends in .arrow, .parquet, or .csv", {
          edit: "the command",
        }),
      exitCode: 2,
    },
  );
}

async function writeArrow(
  out: string,
  schema: Schema,
  batches: AsyncIterable<RecordBatch>,
): Promise<void> {
  let writer: ArrowFileWriter | undefined;
  try {
    writer = new ArrowFileWriter(out, schema);
    for await (const batch of batches) writer.write(batch);
    writer.finish();
  } catch (error) {
    writer?.abandon();
    throw error instanceof UserError ? error : unwritable(out, error);
  }
}

async function writeCsv(
  out: string,
  schema: Schema,
  batches: AsyncIterable<RecordBatch>,
): Promise<void> {
  refuseNested(schema);
  const encoder = new TextEncoder();
  await writeChunks(
    out,
    (async function* () {
      yield encoder.encode(csvHeader(schema));
      for await (const batch of batches) yield encoder.encode(csvLines(batch));
    })(),
  );
}

function lastLine(
  out: string,
  { rows, unknown, nulls, unanswered }: Counts,
  seconds: number,
): string {
  const rate = seconds > 0 ? `, ${formatCount(Math.round(rows / seconds))} rows/s` : "";
  const counted = [
    ...(unknown > 0 ? [`${formatCount(unknown)} values that training did not know`] : []),
    ...(nulls > 0 ? [`${formatCount(nulls)} nulls`] : []),
    ...(unanswered > 0
      ? [`${formatCount(unanswered)} rows without a prediction because of nulls`]
      : []),
  ];
  return `${out}: ${formatCount(rows)} rows${rate}${counted.map((one) => `; ${one}`).join("")}`;
}

function twoArguments(args: readonly string[]): [string, string] {
  const [folder, input, ...more] = args;
  if (folder !== undefined && input !== undefined && more.length === 0) return [folder, input];
  const what = "a run folder and a file of rows";
  throw new UserError(
    more.length > 0 ? `expected ${what}, got ${args.join(" ")}` : `expected ${what}`,
    {
      hint: hint("predict/usage", "deno task pipeline predict --help shows how", {
        args: { add: ["--help"] },
      }),
      exitCode: 2,
    },
  );
}

function refuseKeep(name: string, there: readonly string[]): never {
  throw new UserError(
    `--keep names the column ${JSON.stringify(name)}, which the input does not have`,
    {
      hint: nameHint("predict/keep", {
        written: name,
        names: there,
        intro: "the columns are",
        change: (near) => ({ args: { replace: { [name]: near } } }),
      }),
      exitCode: 2,
    },
  );
}
