/**
 * Files that pyarrow, Polars, pandas and DuckDB wrote, and what is in them by their own account.
 *
 * @module
 */

import { join } from "node:path";

/** The folder of the files. */
export const interopFolder: string = join(import.meta.dirname!, "..", "fixtures", "interop");

/** What `make.py` there says of the files. */
export interface Interop {
  /** Frames that the reference implementation of LZ4 made, in Base64. */
  readonly lz4: readonly {
    readonly name: string;
    readonly frame: string;
    readonly length: number;
    readonly sha256: string;
  }[];
}

/** What is in the files. */
export async function interop(): Promise<Interop> {
  return JSON.parse(await Deno.readTextFile(join(interopFolder, "expected.json")));
}
