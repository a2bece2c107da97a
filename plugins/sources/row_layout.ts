/**
 * Locates the values of single rows in the record batches of an Arrow file. This works for
 * uncompressed columns of fixed width without nulls.
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

/** The header of a record batch in an Arrow file, which describes its columns and buffers. */
export interface RecordBatchHeader {
  /** Number of rows. */
  readonly length: number;
  /** Columns and their child columns, in depth-first order. */
  readonly nodes: readonly {
    readonly length: number | bigint;
    readonly nullCount: number | bigint;
  }[];
  /** Buffers in the same order. Offsets are in bytes from the start of the body. */
  readonly buffers: readonly {
    readonly offset: number | bigint;
    readonly length: number | bigint;
  }[];
  /** Compression codec; absent or null if the buffers are not compressed. */
  readonly compression?: { readonly type: number } | null;
  /** Number of additional data buffers of each view column. */
  readonly variadicBufferCounts?: readonly number[];
}

/** A record batch and its position in the file. */
interface Placed {
  readonly offset: number;
  readonly metadataLength: number;
  readonly rows: number;
  readonly header: RecordBatchHeader;
}

/** A column whose values all take the same number of bytes in the file. */
export interface FixedColumn {
  /** Name and type of the column. */
  readonly field: Field;
  /** Size of a value in bytes; 0 for a boolean, which takes one bit. */
  readonly width: number;
  /** Offset in the file of the first value of each record batch, in bytes. */
  readonly starts: Float64Array;
}

/** Locations of columns in a file, for reading single rows. */
export interface RowLayout {
  /** Columns, in file order. */
  readonly columns: readonly FixedColumn[];
}

/**
 * Computes where the values of columns are stored in an Arrow file, so that single rows can be
 * read.
 *
 * @param schema Schema of the file.
 * @param batches Record batches of the file.
 * @param names Names of the requested columns; all columns by default.
 * @returns Undefined if a requested column has no fixed width or has nulls, the file is compressed,
 *   or the buffers of its columns cannot be located.
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
      // The values are in the last buffer of a fixed-width column.
      const values = buffer + count.buffers - 1;
      const starts = new Float64Array(batches.length);
      for (const [index, { offset, metadataLength, header, rows }] of batches.entries()) {
        if (header.nodes.slice(...inNodes).some(({ nullCount }) => Number(nullCount) !== 0)) {
          return undefined;
        }
        const found = header.buffers[values];
        // If the buffer is too short, reading the whole record batch reports the error.
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

/**
 * Counts the nodes and buffers of a column. Returns undefined if the number differs between record
 * batches.
 */
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
 * Counts the nodes that describe a column in the header of a record batch: one for the column, and
 * those of its child columns. A node contains the numbers of values and nulls.
 *
 * @param type Type of the column.
 * @returns The number of nodes, at least 1.
 */
export function nodesOf(type: DataType): number {
  return childrenOf(type).reduce((sum, { type: inner }) => sum + nodesOf(inner), 1);
}

const childrenOf = (type: DataType) => DataType.isDictionary(type) ? [] : type.children ?? [];

/**
 * Counts the buffers of a column in a record batch, without those of its child columns.
 *
 * @param type Type of the column.
 * @returns The number of buffers; undefined if it differs between record batches.
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
 * Returns the size of a column's values in bytes.
 *
 * @param type Type of the column.
 * @returns Bytes per value; 0 for a boolean, which takes one bit; undefined for types without a
 *   fixed width.
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
