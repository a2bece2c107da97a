import {
  type Data,
  DataType,
  DateUnit,
  type Field,
  makeData,
  RecordBatch,
  type Schema,
  Struct,
  Table,
  TimeUnit,
  Vector,
} from "apache-arrow";
import { arrowStreamBytes } from "../base/files/arrow_writer.ts";
import { writeChunks } from "../base/files/write_chunks.ts";
import { WrittenColumns } from "../base/files/written_columns.ts";
import { UserError } from "../base/errors.ts";
import { hint } from "../base/hints.ts";
import { parquetWriterPackages } from "../base/machine/parquet_packages.ts";
import { ROCKET_VERSION } from "../base/package.ts";
import { thrownMessage } from "../base/printable.ts";

/** The number of rows of a row group, of which the writer keeps one in memory. */
const GROUP_ROWS = 2 ** 17;

/** The part of the writer that is used. Its objects are in the memory of WebAssembly. */
interface ParquetWasm {
  readonly Table: {
    fromIPCStream(bytes: Uint8Array): { recordBatches(): unknown[] };
  };
  readonly Compression: { readonly SNAPPY: number };
  readonly WriterPropertiesBuilder: new () => PropertiesBuilder;
  transformParquetStream(
    batches: ReadableStream,
    properties: unknown,
  ): Promise<ReadableStream<Uint8Array>>;
}

interface PropertiesBuilder {
  setCompression(compression: number): PropertiesBuilder;
  setMaxRowGroupSize(rows: number): PropertiesBuilder;
  setCreatedBy(program: string): PropertiesBuilder;
  build(): unknown;
}

/**
 * Writes rows to a Parquet file, which appears under its name when it is complete. The file also
 * contains the Arrow types, so that programs that know them read the same types.
 *
 * @param out The file.
 * @param schema The columns.
 * @param batches The rows.
 * @throws {UserError} If a column has a type that Parquet files cannot contain, or the file cannot
 *   be written.
 */
export async function writeParquet(
  out: string,
  schema: Schema,
  batches: AsyncIterable<RecordBatch>,
): Promise<void> {
  refuseOtherTypes(schema);
  const parquet = await loadWriter();
  const columns = new WrittenColumns(schema);
  const properties = new parquet.WriterPropertiesBuilder()
    .setCompression(parquet.Compression.SNAPPY)
    .setMaxRowGroupSize(GROUP_ROWS)
    .setCreatedBy(`rocket ${ROCKET_VERSION}`)
    .build();
  // An error of the rows must not be taken for one of the writer.
  let failed: unknown;
  const converted = async function* () {
    try {
      let rows = 0;
      for await (const batch of batches) {
        if (batch.numRows === 0) continue;
        rows += batch.numRows;
        yield* parts(parquet, columns.take(batch));
      }
      // The writer takes the columns from the first record batch.
      if (rows === 0) yield* parts(parquet, noRows(columns.schema));
    } catch (error) {
      failed = error;
      throw error;
    }
  };
  const chunks = async function* () {
    try {
      yield* await parquet.transformParquetStream(ReadableStream.from(converted()), properties);
    } catch (error) {
      throw failed instanceof UserError ? failed : unwritten(out, failed ?? error);
    }
    // The writer may end the file early when its input fails.
    if (failed !== undefined) {
      throw failed instanceof UserError ? failed : unwritten(out, failed);
    }
  };
  await writeChunks(out, chunks());
}

function* parts(parquet: ParquetWasm, batch: RecordBatch): Iterable<unknown> {
  yield* parquet.Table.fromIPCStream(arrowStreamBytes(new Table([batch]))).recordBatches();
}

function noRows(schema: Schema): RecordBatch {
  const data = (type: DataType): Data => {
    const children = (type.children ?? []).map(({ type }) => data(type));
    const [child] = children;
    return makeData({
      ...{ type: type as never, length: 0, nullCount: 0, children, child },
      ...(DataType.isDictionary(type) && { dictionary: new Vector([data(type.dictionary)]) }),
    });
  };
  return new RecordBatch(schema, data(new Struct(schema.fields)) as Data<Struct>);
}

function unwritten(out: string, error: unknown): UserError {
  const message = thrownMessage(error);
  return new UserError(`${out} cannot be written as a Parquet file: ${message}`, {
    cause: error,
  });
}

/** Rejects columns whose type would be another one in the file, or for which it would be damaged. */
function refuseOtherTypes({ fields }: Schema): void {
  const other = fields.find(({ type }) => !hasParquetType(type));
  if (!other) return;
  throw new UserError(
    `the column ${other.name} has the type ${other.type}, which Parquet files cannot contain`,
    {
      hint: hint("parquet/type", "remove it from `--keep`, or write a file that ends in .arrow", {
        edit: "the command",
      }),
      exitCode: 2,
    },
  );
}

function hasParquetType(type: DataType): boolean {
  if (DataType.isDictionary(type)) return hasParquetType(type.dictionary);
  // Parquet files have no times in seconds.
  if (DataType.isTimestamp(type) || DataType.isTime(type)) return type.unit !== TimeUnit.SECOND;
  if (DataType.isDate(type)) return type.unit === DateUnit.DAY;
  const single = [
    ...[DataType.isInt, DataType.isFloat, DataType.isBool, DataType.isDecimal],
    ...[DataType.isUtf8, DataType.isLargeUtf8, DataType.isUtf8View, DataType.isDuration],
    ...[DataType.isBinary, DataType.isLargeBinary, DataType.isBinaryView],
    DataType.isFixedSizeBinary,
  ];
  if (single.some((isOf) => isOf(type))) return true;
  const nested = [
    ...[DataType.isList, DataType.isLargeList, DataType.isFixedSizeList],
    ...[DataType.isStruct, DataType.isMap],
  ];
  return nested.some((isOf) => isOf(type)) &&
    (type.children as Field[]).every((child) => hasParquetType(child.type));
}

async function loadWriter(): Promise<ParquetWasm> {
  try {
    const { default: parquet } = await import(parquetWriterPackages[0]);
    return parquet;
  } catch (error) {
    throw writerUnloadable(error);
  }
}

/**
 * Creates the error for a machine that has not downloaded the package that writes Parquet files.
 *
 * @param error The error of the import.
 */
export function writerUnloadable(error: unknown): UserError {
  const [line] = (error as Error).message.split("\n"), [name] = parquetWriterPackages;
  return new UserError(`${name}, which writes Parquet files, cannot be loaded: ${line}`, {
    hint: hint(
      "parquet/download",
      `run the command again with a network connection, or run: deno cache ${name}`,
      { outside: "it is downloaded to Deno's cache" },
    ),
    cause: error,
  });
}
