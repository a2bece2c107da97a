/**
 * The npm package that writes Parquet files. Before a program starts, Deno downloads all packages
 * that its code names literally. This package is large, and most commands do not need it, so the
 * code that loads it computes its name.
 */
export const parquetWriterPackages: readonly [string] = ["npm:parquet-wasm@0.8.0"];
