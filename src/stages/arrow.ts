/**
 * The types of Apache Arrow that contracts name.
 *
 * They are taken from the package's classes, and not by their names: `deno doc` would take the package for a part of this one.
 *
 * @module
 */

import type * as arrow from "apache-arrow";

/** The names and types of columns: `Schema` of [apache-arrow](https://www.npmjs.com/package/apache-arrow). */
export type ArrowSchema = NonNullable<
  ReturnType<InstanceType<(typeof arrow)["MessageReader"]>["readSchema"]>
>;

/** The name and type of one column: `Field` of apache-arrow. */
export type ArrowField = InstanceType<(typeof arrow)["Field"]>;

/** The type of a column: `DataType` of apache-arrow. */
export type ArrowType = InstanceType<(typeof arrow)["DataType"]>;

/** Rows as columns: `RecordBatch` of apache-arrow. */
export type ArrowRecordBatch = InstanceType<(typeof arrow)["RecordBatch"]>;
