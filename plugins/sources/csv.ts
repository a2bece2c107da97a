import { defineSource, hint, pathOption, type SourceStage, UserError, z } from "../../plugin.ts";
import { describeCsv } from "./csv_files.ts";
import {
  batchRowsOption,
  type FileKind,
  filePatterns,
  findFiles,
  type SourceFile,
} from "./files.ts";
import { refuseLongLines, refuseLongPackedLines } from "./long_lines.ts";
import { openTableFiles, type TableFormat } from "./table_files.ts";
import { decodedFiles, encodingHint, textEncodings } from "./text_encoding.ts";
import { columnTypes, type GivenType } from "./text_types.ts";

/** The file name extensions of CSV and TSV files, plain or compressed. */
export const csvFiles: FileKind = {
  format: "CSV and TSV",
  extensions: /\.(csv|tsv|tab|txt)(\.gz|\.zst)?$/i,
};

const character = z.string().length(1, { error: "expected one character" });

const type = z.enum(Object.keys(columnTypes) as [GivenType, ...GivenType[]]);

const list = z.strictObject({
  separator: character.describe("The character between the elements of a list."),
  type: type.optional().describe("The type of the elements; inferred from all values by default."),
});

const columnError = `expected one of ${
  Object.keys(columnTypes).join(", ")
}, or { separator: "|", type: TYPE } for lists`;

const options = z.object({
  path: pathOption(
    filePatterns("data/part-*.csv").describe(
      "A file, a glob such as data/part-*.csv (read in the order of their names), or a list of them; relative to the pipeline file. They may be compressed with gzip.",
    ),
  ),
  delimiter: character.optional().describe(
    "The separator of values. By default, a tab in .tsv and .tab files, and a comma in " +
      "others.",
  ),
  quote: character.default('"').describe(
    "The character that encloses values with a delimiter or a line break. Within a " +
      "value, it is written twice.",
  ),
  header: z.boolean().default(true).describe(
    "Whether the first line has the names of the columns. Otherwise, the names come " +
      "from `columns`, or are column0, column1, …",
  ),
  encoding: z.enum(textEncodings, {
    error: `expected one of ${textEncodings.join(", ")}`,
  }).default("utf-8").describe(
    "The encoding of the text. A byte order mark in a file takes precedence.",
  ),
  decimal: z.enum([".", ","], { error: 'expected "." or ","' }).default(".").describe(
    "The character between the whole part and the decimals of a number.",
  ),
  columns: z.record(z.string().min(1), z.union([type, list], { error: columnError })).optional()
    .describe(
      "The types of columns. Rocket infers the types of all other columns from all of their values. " +
        'Without a header: all columns in order. { separator: "|", type: TYPE }: each value is ' +
        "a list, and its elements have the type, which is inferred by default.",
    ),
  nullValues: z.array(z.string(), { error: "expected a list of texts" }).min(1, {
    error: 'expected at least one text, such as "" for empty values',
  }).default([""]).describe(
    "The texts that represent a null.",
  ),
  batchRows: batchRowsOption,
});

type CsvOptions = z.output<typeof options>;

/** The source stage `csv`: reads CSV and TSV files with DuckDB. */
const stage: SourceStage = defineSource({
  name: "csv",
  summary: "Reads CSV and TSV files, one or many, with declared or inferred types.",
  options,
  example: `use: csv
path: ../data/flowers-*.csv
columns: { species: string, width: float32 }`,
  create: (options, { folder }) => ({
    async open(request) {
      const found = await findFiles([options.path].flat(), folder, csvFiles);
      const { batchRows, encoding } = options;
      const { files, remove } = await decodedFiles(found, encoding);
      const format = { ...csvFormat(options), close: remove };
      return await openTableFiles(files, format, { ...request, batchRows });
    },
  }),
});
export default stage;

function csvFormat(options: CsvOptions): TableFormat {
  return {
    async refuse(file) {
      await refuseOtherFormat(file);
      await refuseLongLines(file);
    },
    refuseRead: refuseLongPackedLines,
    subject: ({ name }) => ({ file: name, encodingHint: encodingHint() }),
    describe: (database, files, { columns }, attempt) =>
      describeCsv(database, files, options, columns, attempt),
  };
}

/**
 * First characters of other formats, and the sources that read them. Some of these files have the
 * extension .csv.
 */
const otherSources = [["PAR1", "parquet"], ["ARROW1", "arrow"]] as const;

async function refuseOtherFormat({ name, path }: SourceFile): Promise<void> {
  using file = await Deno.open(path);
  const bytes = new Uint8Array(6);
  await file.read(bytes);
  const start = new TextDecoder("latin1").decode(bytes);
  const other = otherSources.find(([magic]) => start.startsWith(magic))?.[1];
  if (other === undefined) return;
  throw new UserError(`${name} is not a CSV file: the source ${other} reads it`, {
    hint: hint("csv/format", `write use: ${other}`, { set: { use: other } }),
  });
}
