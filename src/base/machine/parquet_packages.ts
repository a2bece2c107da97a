/**
 * The package that writes Parquet files. It is loaded by a name that Deno cannot see beforehand: it
 * is large, most commands do not need it, and Deno downloads what it sees when a program starts.
 */
export const parquetWriterPackages: readonly [string] = ["npm:parquet-wasm@0.8.0"];
