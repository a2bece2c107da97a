/**
 * The npm package that writes Parquet files. Before a program starts, Deno downloads all packages
 * whose names occur literally in its imports. This package is large, and most commands do not need
 * it, so the code that imports it computes the name.
 */
export const parquetWriterPackages: readonly [string] = ["npm:parquet-wasm@0.8.0"];
