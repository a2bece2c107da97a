/**
 * Where the values of single rows are in the record batches of an Arrow file: of columns whose rows
 * have one width, bytes on bytes, without nulls and uncompressed.
 *
 * @module
 */

import {
  DataType,
  type Decimal,
  type Dictionary,
  type Field,
  type FixedSizeBinary,
  type FixedSizeList,
  type Schema,
  UnionMode,
} from "apache-arrow";

/** What a record batch's message says of it. */
export interface RecordBatchHeader {
  /** Its rows. */
  readonly length: number;
  /** Columns and the columns in them, each before its children. */
  readonly nodes: readonly {
    readonly length: number | bigint;
    readonly nullCount: number | bigint;
  }[];
  /** Their buffers, in the same order; offsets start at the body. */
  readonly buffers: readonly {
    readonly offset: number | bigint;
    readonly length: number | bigint;
  }[];
  /** The codec by which buffers are compressed, if they are. */
  readonly compression?: { readonly type: number } | null;
  /** How many buffers each column of views has beside those that every column has. */
  readonly variadicBufferCounts?: readonly number[];
}

/** A record batch in its file. */
interface Placed {
  readonly offset: number;
  readonly metadataLength: number;
  readonly rows: number;
  readonly header: RecordBatchHeader;
}

/** A column whose rows have one width. */
export interface FixedColumn {
  /** Its name and type. */
  readonly field: Field;
  /** The bytes of a row; 0 for a boolean, which is a bit. */
  readonly width: number;
  /** Where in the file the values of each record batch start. */
  readonly starts: Float64Array;
}

/** The columns of rows that can be read by themselves. */
export interface RowLayout {
  /** The columns. */
  readonly columns: readonly FixedColumn[];
}

/**
 * Where single rows are.
 *
 * @param schema The file's columns.
 * @param batches Its record batches.
 * @param names The columns that are wanted; all by default.
 * @returns Undefined if rows of these columns cannot be read by themselves.
 */
export function rowLayout(
  schema: Schema,
  batches: readonly Placed[],
  names?: readonly string[],
): RowLayout | undefined {
  if (batches.some(({ header }) => header.compression)) return undefined;
  const columns: FixedColumn[] = [], wanted = names && new Set(names);
  let node = 0, buffer = 0;
  for (const field of schema.fields) {
    const count = countParts(field.type);
    if (!count) return undefined;
    if (!wanted || wanted.has(field.name)) {
      const width = widthOf(field.type);
      if (width === undefined) return undefined;
      const inNodes = [node, node + count.nodes] as const;
      // Values are the last buffer of such a column.
      const values = buffer + count.buffers - 1;
      const starts = new Float64Array(batches.length);
      for (const [index, { offset, metadataLength, header, rows }] of batches.entries()) {
        if (header.nodes.slice(...inNodes).some(({ nullCount }) => Number(nullCount) !== 0)) {
          return undefined;
        }
        const found = header.buffers[values];
        // What is too short is told where the record batch is read whole.
        const needed = width === 0 ? Math.ceil(rows / 8) : rows * width;
        if (rows > 0 && !(found && Number(found.length) >= needed)) return undefined;
        starts[index] = offset + metadataLength + Number(found?.offset ?? 0);
      }
      columns.push({ field, width, starts });
    }
    node += count.nodes;
    buffer += count.buffers;
  }
  return columns.length > 0 ? { columns } : undefined;
}

/** How many nodes and buffers a column has; undefined where record batches differ in that. */
function countParts(type: DataType): { nodes: number; buffers: number } | undefined {
  const own = ownBuffers(type);
  if (own === undefined) return undefined;
  let buffers = own;
  for (const { type: inner } of childrenOf(type)) {
    const count = countParts(inner);
    if (!count) return undefined;
    buffers += count.buffers;
  }
  return { nodes: nodesOf(type), buffers };
}

/**
 * How many nodes a column has: its own, and those of the columns in it.
 *
 * @param type The column's type.
 */
export function nodesOf(type: DataType): number {
  return childrenOf(type).reduce((sum, { type: inner }) => sum + nodesOf(inner), 1);
}

const childrenOf = (type: DataType) => DataType.isDictionary(type) ? [] : type.children ?? [];

/**
 * How many buffers a column has, without those of the columns in it.
 *
 * @param type The column's type.
 * @returns Undefined where record batches differ in that.
 */
export function ownBuffers(type: DataType): number | undefined {
  if (DataType.isNull(type)) return 0;
  if (DataType.isUtf8View(type) || DataType.isBinaryView(type)) return undefined;
  if (DataType.isUnion(type)) return type.mode === UnionMode.Dense ? 2 : 1;
  if (DataType.isStruct(type) || DataType.isFixedSizeList(type)) return 1;
  const texts = DataType.isUtf8(type) || DataType.isLargeUtf8(type) || DataType.isBinary(type) ||
    DataType.isLargeBinary(type);
  return texts ? 3 : 2;
}

/**
 * The bytes of a row.
 *
 * @param type The column's type.
 * @returns 0 for a boolean, which is a bit; undefined where rows have no one width.
 */
export function widthOf(type: DataType): number | undefined {
  if (DataType.isBool(type)) return 0;
  if (DataType.isFixedSizeList(type)) {
    const item = type.children[0]!.type;
    const inner = DataType.isDictionary(item) ? undefined : widthOf(item);
    return inner ? (type as FixedSizeList).listSize * inner : undefined;
  }
  if (DataType.isDictionary(type)) return widthOf((type as Dictionary).indices);
  if (DataType.isFixedSizeBinary(type)) return (type as FixedSizeBinary).byteWidth;
  if (DataType.isDecimal(type)) return (type as Decimal).bitWidth / 8;
  const plain = DataType.isInt(type) || DataType.isFloat(type) || DataType.isDate(type) ||
    DataType.isTime(type) || DataType.isTimestamp(type) || DataType.isDuration(type);
  const { ArrayType } = type as { ArrayType?: { BYTES_PER_ELEMENT: number } };
  return plain ? ArrayType?.BYTES_PER_ELEMENT : undefined;
}
