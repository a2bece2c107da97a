import {
  defineSource,
  didYouMean,
  pathOption,
  type SourceStage,
  UserError,
  z,
} from "../../plugin.ts";
import { type Database, type DuckColumn, literal, quoted } from "./duckdb.ts";
import { columnTypes } from "./duckdb_errors.ts";
import {
  batchRowsOption,
  type FileKind,
  filePatterns,
  findFiles,
  type SourceFile,
} from "./files.ts";
import { refuseLongLines, refuseLongPackedLines } from "./long_lines.ts";
import { openTableFiles, type TableFormat } from "./table_files.ts";

/** What text files with columns are called. */
export const csvFiles: FileKind = {
  format: "CSV and TSV",
  extensions: /\.(csv|tsv|tab|txt)(\.gz|\.zst)?$/i,
};

type TypeName = keyof typeof columnTypes;

const character = z.string().length(1, { error: "expected one character" });

const options = z.object({
  path: pathOption(
    filePatterns("data/part-*.csv").describe(
      "A file, a glob such as data/part-*.csv (read in the order of their names), or a list of them; relative to the pipeline file. They may be packed with gzip.",
    ),
  ),
  delimiter: character.optional().describe(
    "What stands between values; by default a tab in files called .tsv or .tab, else a comma.",
  ),
  quote: character.default('"').describe(
    "What stands around values that have a delimiter or a line break in them; twice within them for itself.",
  ),
  header: z.boolean().default(true).describe(
    "Whether the first line has the columns' names. Else they come from `columns`, or are column0, column1, …",
  ),
  columns: z.record(
    z.string().min(1),
    z.enum(Object.keys(columnTypes) as [TypeName, ...TypeName[]]),
  ).optional().describe(
    "Types by column; those of others are inferred from the first 20,480 rows. Without a header: all columns in their order.",
  ),
  nullValues: z.array(z.string(), { error: "expected a list of texts" }).default([""]).describe(
    "What stands for a null.",
  ),
  batchRows: batchRowsOption,
});

type CsvOptions = z.output<typeof options>;

/** Rows from CSV and TSV files, read with DuckDB. */
const stage: SourceStage = defineSource({
  name: "csv",
  summary: "Reads CSV and TSV files, one or many, with types given or inferred.",
  options,
  example: `use: csv
path: ../data/flowers-*.csv
columns: { species: string, width: float32 }`,
  create: (options, { folder }) => ({
    async open(request) {
      const files = await findFiles([options.path].flat(), folder, csvFiles);
      const { batchRows } = options;
      return await openTableFiles(files, csvFormat(options), { ...request, batchRows });
    },
  }),
});
export default stage;

function csvFormat(options: CsvOptions): TableFormat {
  const { columns = {} } = options;
  return {
    table: (file, first) => table(file, options, first),
    refuse: refuseLongLines,
    refuseRead: refuseLongPackedLines,
    subject: ({ name }) => ({ file: name, typed: Object.keys(columns) }),
    inspect: async (database, file, first) => {
      const names = first?.map(({ name }) => name) ?? Object.keys(columns);
      await refuseMisnamed(database, file, options, names);
      await findBrokenLine(database, file, options);
    },
  };
}

/** How DuckDB is to read a file. The types of the first file hold for those after it. */
function table(
  file: SourceFile,
  options: CsvOptions,
  first: readonly DuckColumn[] | undefined,
): string {
  const { columns = {}, header } = options;
  const given = Object.fromEntries(
    first?.map(({ name, type }) => [name, String(type)]) ??
      Object.entries(columns).map(([name, type]) => [name, columnTypes[type]]),
  );
  const all = dialect(file, options);
  if (Object.keys(given).length > 0) {
    const map = Object.entries(given).map(([name, type]) => `${literal(name)}: ${literal(type)}`);
    // Without a header there are no names to match: the columns are given in their order.
    all.push(`${header ? "types" : "columns"} = {${map.join(", ")}}`);
    if (!header) all.push("auto_detect = false");
  }
  return `read_csv([${literal(file.path)}], ${all.join(", ")})`;
}

function dialect(file: SourceFile, { delimiter, quote, header, nullValues }: CsvOptions): string[] {
  const separator = delimiter ?? (/\.(tsv|tab)(\.gz|\.zst)?$/i.test(file.name) ? "\t" : ",");
  return [
    `delim = ${literal(separator)}`,
    `quote = ${literal(quote)}`,
    `escape = ${literal(quote)}`,
    `header = ${header}`,
    // Else lines that do not suit those after them would be taken for a preface and left out.
    "skip = 0",
    `nullstr = [${nullValues.map(literal).join(", ")}]`,
    "comment = ''",
    // "" is an empty text, nothing at all a null.
    "allow_quoted_nulls = false",
  ];
}

/** Says which columns there are instead. */
async function refuseMisnamed(
  database: Database,
  file: SourceFile,
  options: CsvOptions,
  names: readonly string[],
): Promise<void> {
  if (!options.header || names.length === 0) return;
  const untyped = { ...options, columns: undefined };
  const found = await database.columns(`FROM ${table(file, untyped, undefined)}`)
    .catch(() => undefined);
  const there = found?.map(({ name }) => name) ?? [];
  const missing = names.find((name) => !there.includes(name));
  if (!found || missing === undefined) return;
  throw new UserError(`${file.name} has no column ${missing}`, {
    hint: `${didYouMean(missing, there)}its columns are ${there.join(", ")}`,
  });
}

/** Where columns cannot be made out, reading all as text tells the first line that is wrong. */
async function findBrokenLine(
  database: Database,
  file: SourceFile,
  options: CsvOptions,
): Promise<void> {
  const lines = `read_csv([${
    literal(file.path)
  }], header = false, auto_detect = false, ${"delim = '\\0', quote = '', escape = '', columns = {'line': 'VARCHAR'}"})`;
  const [line] = await database.firstRow(`FROM ${lines} LIMIT 1`).catch(() => []);
  if (typeof line !== "string") return;
  const settings = dialect(file, options);
  const separator = settings[0]!.slice("delim = '".length, -1);
  const columns = line.split(separator).map((_, index) => `'${index}': 'VARCHAR'`).join(", ");
  await database.firstRow(
    `SELECT count(${quoted("0")}) FROM read_csv([${literal(file.path)}], auto_detect = false, ${
      settings.join(", ")
    }, columns = {${columns}})`,
  );
}
