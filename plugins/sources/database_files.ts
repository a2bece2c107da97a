import type { FileKind } from "./files.ts";

/** The format of DuckDB databases, with its file name extensions. */
export const databaseFiles: FileKind = { format: "DuckDB", extensions: /\.(duckdb|ddb|db)$/i };
