/**
 * The types of Apache Arrow in the API for stages.
 *
 * They are derived from the package's classes. If they were named directly, `deno doc` would
 * document the package as part of this one.
 *
 * @module
 */

import type * as arrow from "apache-arrow";

/**
 * The names and types of columns: `Schema` of
 * [apache-arrow](https://www.npmjs.com/package/apache-arrow).
 */
export type ArrowSchema = (typeof arrow)["util"]["isArrowSchema"] extends
  (value: unknown) => value is infer Type ? Type : never;

/** The name and type of one column: `Field` of apache-arrow. */
export type ArrowField = (typeof arrow)["util"]["isArrowField"] extends
  (value: unknown) => value is infer Type ? Type : never;

/** The type of a column: `DataType` of apache-arrow. */
export type ArrowType = InstanceType<(typeof arrow)["DataType"]>;

/** Some rows, stored column by column: `RecordBatch` of apache-arrow. */
export type ArrowRecordBatch = (typeof arrow)["util"]["isArrowRecordBatch"] extends
  (value: unknown) => value is infer Type ? Type : never;
